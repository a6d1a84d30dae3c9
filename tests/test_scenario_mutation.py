"""Whatever is done to a scenario, it is read or refused with a message; nothing else is ever raised."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience.errors import ConfigurationError, MissingInputError
from resilience.scenario import Scenario

GOOD: dict[str, Any] = {
    "schema_version": 1,
    "name": "town",
    "crs": "EPSG:26986",
    "hazards": [
        {"family": "river", "peril": "flood", "files": "d_{rp:03d}.tif", "return_periods": [10, 100], "nodata": "dry"},
        {"family": "heat", "peril": "heat", "path": "h.nc", "bands": {"june": 1}, "nodata": "error"},
    ],
    "network": {
        "assets": [
            {"path": "a.gpkg", "sector": "power", "kind": "substation", "columns": {"id": "code"}, "where": {"x": [1]}},
            {"path": "r.graphml", "sector": "transport", "kind": "road", "node_kind": "road_node"},
        ],
        "zones": {"path": "z.geojson", "persons": 1},
        "needs": "needs.csv",
        "dependencies": {"path": "d.csv", "columns": {"need": "n"}},
    },
    "rules": [
        {"service": "power", "from": {"kind": "substation"}, "to": "zones", "nearest": 2},
        {"access": True, "from": {"kind": "road_node"}, "to": "facilities"},
        {"supply": "power", "from": {"kind": "substation"}},
    ],
    "services": {"power": {"by": "assignment"}, "medical": {"by": "road", "providers": [{"kind": "substation"}]}},
    "curves": {"files": [{"path": "c.csv"}]},
    "cascade": {"levels": {"power": "connected"}},
    "monte_carlo": {"samples": 1024, "block": 512},
}  # fmt: skip
WORDS = [
    "", " ", "x", "zones", "${", "${}", "${A}", "{rp}", "{", "\0", "EPSG:4326", "+proj=", "-1", "1e400", "a\nb", "~",
    "/vsi",
    "from", "access", "supply", "synthetic", "EPSG:1", "urn:ogc:def:crs:EPSG::26986", "{}", "[KEY]", "a.b", "\ud800",
]  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.floats(), st.text(max_size=6), st.sampled_from(WORDS),
    st.binary(max_size=2), st.just(object()), st.dates(),
)  # fmt: skip
KEYS = st.one_of(st.sampled_from(WORDS), st.integers(-1, 3), st.floats(), st.booleans(), st.none(), st.tuples())
VALUES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=4
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, value in items for found in places(value, (*path, key)))]


PLACES = places(GOOD)[1:]


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    for *lead, last in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        part: Any = data
        try:
            for key in lead:
                part = part[key]
            action = draw(st.sampled_from(["replace", "delete", "rename", "add"]))
            if action == "replace":
                part[last] = draw(VALUES)
            elif action == "delete":
                del part[last]
            elif action == "rename" and isinstance(part, dict):
                part[draw(KEYS)] = part.pop(last)
            elif isinstance(part, dict):
                part[draw(KEYS)] = draw(VALUES)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier mutation took the place away
    return data


def read(call: Any) -> None:
    try:
        scenario = call()
    except (ConfigurationError, MissingInputError) as error:
        if not str(error):
            pytest.fail("a refusal without a message")
    else:
        assert Scenario.from_dict(scenario.to_dict()).digest() == scenario.digest()


@settings(max_examples=200, deadline=None)
@given(mutants())
def test_changed_data_is_read_or_refused(data: dict[str, Any]) -> None:
    read(lambda: Scenario.from_dict(data, environment={"A": "/a"}))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutants") / "town.yaml"


TEXT = Scenario.from_dict(GOOD, base="/city").to_yaml()
PIECES = [
    ":", "- ", "{", "}", "[", "]", "\n", "  ", "\t", "#", "&a ", "*a", "!x ", "? ", "'", '"', "|", ">", "%", "@", "~",
    "1e3", "no", "---\n", "...", "<<: ", "\u2028", "\ufeff", "부산", "\x00",
]  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(PIECES), min_size=1, max_size=4))
def test_changed_text_is_read_or_refused(path: Path, chance: random.Random, pieces: list[str]) -> None:
    text = TEXT
    for piece in pieces:
        start = chance.randrange(len(text))
        text = text[:start] + piece + text[start + chance.choice([0, 0, 1, 8]) :]
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    read(lambda: Scenario.from_yaml(path, allow_outside=["/city"]))


@settings(max_examples=60, deadline=None)
@given(key=st.sampled_from([".".join(map(str, place)) for place in PLACES]), value=st.text(max_size=8))
def test_any_set_is_read_or_refused(path: Path, key: str, value: str) -> None:
    path.write_text(TEXT, encoding="utf-8")
    read(lambda: Scenario.from_yaml(path, changes=[f"{key}={value}"], allow_outside=["/city"]))
