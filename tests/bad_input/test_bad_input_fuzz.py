"""Whatever happens to the files of a town, it is refused with a message or gives sound numbers; never a defect."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience import pipeline

CODES = {0, 65, 66, 78}
# The same cases every time: a failure found by chance belongs into a table of cases.
SETTINGS = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ODD = st.sampled_from(
    [
        None, True, -1, 0, 1e308, -1e308, 10**30, 1.5, "", " ", "nan", "NaN", "inf", "-inf", "1e400", "-9999", "12,000",
        "0,5", "x", "S1", "Z1", "H1", "L1", "R9", "=1+1", "\u200b", "\ub3c4\uc2dc", "a" * 300, [], {}, [1, "a"],
        {"a": 1}, "2020-01-01", "true",
    ]
)  # fmt: skip
COORDINATES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(199_900, 200_500),
    st.sampled_from([0.0, 200_000.0, 200_400.0, 300_400.0, 1e308, -1e308, 5e-324]),
)
KINDS = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
TABLES = {
    "sites.geojson": ("id", "sector", "kind", "replacement_cost", "flood_fragility_curve"),
    "roads.geojson": ("id", "from", "to"),
    "zones.geojson": ("id", "persons"),
}


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep results in memory instead of the slow writing of tables, which has tests of its own."""
    results: list[Any] = []
    monkeypatch.setattr(pipeline, "write_run", lambda _store, result, *_, **__: results.append(result))
    return results


def hold(town: Any, kept: list[Any]) -> None:
    """Run the town and assert that it is refused properly, or that all its numbers are sound."""
    kept.clear()
    outcome = town.run()
    assert outcome.code in CODES, f"{outcome.code}: {outcome.err}{outcome.logs}"
    assert "Traceback" not in outcome.err
    if outcome.code:
        assert (outcome.out, outcome.created) == ("", [])
        assert "; wanted: " in outcome.err
        return
    result = kept.pop().dataset
    people = result["people_without_service"].values
    assert np.isfinite(people).all()
    assert (people >= 0).all()
    assert (people <= result["people_served"].values[None, :, None] + 1e-6).all()
    for name in ("annual_value", "annual_standard_error", "annual_tail", "asset_direct_loss", "failed_count"):
        assert not (result[name].values < 0).any()
    assert "nan" not in outcome.out.lower()


@SETTINGS
@given(
    where=st.one_of(st.integers(0, 300), st.integers(0, 8000)),
    junk=st.binary(min_size=1, max_size=12),
    keep=st.one_of(st.none(), st.integers(0, 8000)),
)
def test_broken_rasters(town: Any, kept: list[Any], where: int, junk: bytes, keep: int | None) -> None:
    town.restore()
    path = town.root / "depth_rp100.tif"
    content = bytearray(path.read_bytes())
    start = where % len(content)
    content[start : start + len(junk)] = junk
    path.write_bytes(bytes(content[:keep]))
    hold(town, kept)


@SETTINGS
@given(data=st.data())
def test_broken_tables(town: Any, kept: list[Any], data: st.DataObject) -> None:
    town.restore()
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(list(TABLES)))

        def spoil(features: list[dict[str, Any]], name: str = name) -> None:
            one = features[data.draw(st.integers(0, len(features) - 1))]
            what = data.draw(st.sampled_from(["value", "value", "coordinates", "kind", "drop"]))
            if what == "value":
                one["properties"][data.draw(st.sampled_from(TABLES[name]))] = data.draw(ODD)
            elif what == "drop":
                features.remove(one)
            elif what == "kind":
                one["geometry"]["type"] = data.draw(st.sampled_from(KINDS))
            else:
                flat = one["geometry"]["coordinates"]
                while isinstance(flat[0], list):
                    flat = flat[data.draw(st.integers(0, len(flat) - 1))]
                flat[data.draw(st.integers(0, 1))] = data.draw(COORDINATES)

        town.spoil_layer(name, spoil)
    hold(town, kept)


@SETTINGS
@given(
    name=st.sampled_from(["needs.csv", "dependencies.csv", "sites.geojson", "zones.geojson"]),
    where=st.integers(0, 4000),
    length=st.sampled_from([0, 0, 1, 5, 40]),
    junk=st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"}", b"null"])),
)
def test_broken_text(town: Any, kept: list[Any], name: str, where: int, length: int, junk: bytes) -> None:
    town.restore()
    content = (town.root / name).read_bytes()
    start = where % (len(content) + 1)
    town.write(name, content[:start] + junk + content[start + length :])
    hold(town, kept)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in places(item, (*path, key)))]


@SETTINGS
@given(data=st.data())
def test_broken_scenarios(town: Any, kept: list[Any], data: st.DataObject) -> None:
    town.restore()
    *lead, last = data.draw(st.sampled_from([place for place in places(town.scenario) if place]))
    part: Any = town.scenario
    for key in lead:
        part = part[key]
    if data.draw(st.booleans()):
        del part[last]
    else:
        part[last] = data.draw(ODD)
    try:
        json.dumps(town.scenario)
    except ValueError:  # pragma: no cover - every odd value is JSON
        pytest.fail("not JSON")
    hold(town, kept)
