"""Person-hours through the main job: sums that must agree, years, files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from resilience.check import check
from resilience.cli import main
from resilience.errors import ConfigurationError
from resilience.pipeline import Result, assess
from resilience.scenario import Scenario

BASE = {
    "schema_version": 1, "name": "short", "seed": 3, "network": {"synthetic": {"seed": 2, "size": 600}},
    "monte_carlo": {"samples": 512}, "risk": {"catalogue_years": 2000, "bootstrap": 20},
}  # fmt: skip


def scenario(**sections: object) -> Scenario:
    return Scenario.from_dict({**BASE, **sections})


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return assess(scenario(time={"hours": [0, 1, 4, 12, 24, 72, 200]}), out=tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def steps(result: Result) -> np.ndarray:
    return np.diff(np.append(result.dataset["time"].values, result.dataset.attrs["horizon_hours"]))


def test_person_hours_are_the_integral_of_people_over_time(result: Result, steps: np.ndarray) -> None:
    ds = result.dataset
    assert ds["time"].values[0] == 0
    assert ds.attrs["horizon_hours"] == 200
    integral = (ds["people_over_time"] * xr.DataArray(steps, dims="time")).sum("time")
    np.testing.assert_allclose(ds["person_hours_lost"].mean("sample"), integral, rtol=1e-12)
    np.testing.assert_allclose(
        ds["people_over_time"].isel(time=0), ds["people_without_service"].mean("sample"), rtol=1e-12
    )
    by_zone = (ds["zone_hours_lost"] * ds["zone_people"]).sum("zone")
    # Thousandths of a person that three groups of a mean cannot share go to the first.
    np.testing.assert_allclose(by_zone, integral, rtol=1e-5)
    np.testing.assert_allclose(ds["root_person_hours"].sum("root"), integral, rtol=1e-9)
    assert float(integral.min()) >= 0
    assert (integral.sum("event") > 0).any()
    np.testing.assert_allclose(ds["root_hours"].sum("root"), ds["down_hours"].sum("cause"), rtol=1e-4)


def test_everything_is_back_once_the_hazard_is_over(result: Result) -> None:
    ds = result.dataset
    late = ds["people_over_time"].sel(time=ds["time"] >= 72 + 4)
    assert not late.any()
    # Batteries end: more is lost after some hours than at the peak.
    assert (ds["people_over_time"].max("time") > ds["people_over_time"].isel(time=0) + 1).any()


def test_the_peak_is_what_it_is_without_a_grid(result: Result) -> None:
    plain = assess(scenario()).dataset
    assert "time" not in plain.dims
    for name in ("people_without_service", "failed_count", "zone_without_service", "root_people", "annual_value"):
        np.testing.assert_array_equal(plain[name], result.dataset[name])


def test_years_of_person_hours(result: Result) -> None:
    ds = result.dataset
    weights = ds["annual_weight"] + ds["tail_weight"]
    mean = (ds["person_hours_lost"].mean("sample") * weights).sum("event")
    np.testing.assert_allclose(ds["annual_person_hours"], mean, rtol=1e-12)
    assert (ds["annual_person_hours_standard_error"] >= 0).all()
    assert ds["annual_person_hours"].attrs["units"] == "persons h/year"
    curves = result.exceedance
    names = [f"{name}_person_hours" for name in ds["service"].values]
    assert set(names) < set(curves["quantity"].values)
    rare = curves["aggregate_tail_value"].sel(quantity=names, return_period=100.0)
    assert (rare >= curves["occurrence_value"].sel(quantity=names, return_period=100.0)).all()
    header, *rows = result.summary_table()
    assert header[-3:] == [
        "of those at the peak, beyond the rarest event", "persons h lost per year", "sampling error, 95 %",
    ]  # fmt: skip
    assert {len(row) for row in rows} == {len(header)}


def test_the_run_keeps_it(result: Result) -> None:
    kept = xr.open_zarr(result.path / "results.zarr", consolidated=False)
    np.testing.assert_array_equal(kept["person_hours_lost"], result.dataset["person_hours_lost"])
    table = pd.read_csv(result.path / "recovery.csv")
    assert table.columns.tolist() == [
        "event", "service", "from_hours", "to_hours", "mean", "share_of_served", "unit",
    ]  # fmt: skip
    assert len(table) == result.dataset["people_over_time"].size
    np.testing.assert_allclose(table["mean"], result.dataset["people_over_time"].values.ravel(), rtol=1e-8)
    assert table["to_hours"].max() == 200
    ds = result.dataset
    why = pd.read_csv(result.path / "why.csv")
    hours = why[why["unit"] == "persons h/year"].groupby("service")["value"].sum()
    annual = ds["annual_person_hours"].to_series()
    np.testing.assert_allclose(hours, annual[annual > 0].loc[hours.index], rtol=1e-6)
    zones = pd.read_csv(result.path / "zones.csv")
    hours_of_power = ds["zone_hours_lost"].sel(service="power").values.ravel()
    np.testing.assert_allclose(zones["hours_power"], hours_of_power, rtol=1e-7)
    assets = pd.read_csv(result.path / "assets.csv")
    assert assets["down_hours"].sum() == pytest.approx(float(ds["down_hours"].sum()), rel=1e-5)
    [header, *rows] = result.why_table()
    assert header[-1] == "why: root causes, share of the hours lost"
    assert any("water" in row[0] for row in rows)


def test_a_grid_that_ends_too_soon_is_told() -> None:
    notes = "\n".join(assess(scenario(time={"hours": [0, 10]})).notes)
    assert "the time grid ends after 10 h with services still lost: power" in notes


def hazard(tmp_path: Path, **keys: object) -> dict[str, object]:
    import rasterio
    from affine import Affine

    path = tmp_path / "deep.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=40, width=40, crs="EPSG:5179",
        transform=Affine(500, 0, 940_000, 0, -500, 1_960_000),
    ) as target:  # fmt: skip
        target.write(np.full((1, 40, 40), 1.0, np.float32))
    return {
        "family": "river", "peril": "flood", "unit": "m", "nodata": "dry", "outside": "dry", "files": {100: str(path)},
        **keys,
    }  # fmt: skip


def test_events_without_a_duration_are_refused(tmp_path: Path) -> None:
    wanted = scenario(hazards=[hazard(tmp_path)], time={})
    with pytest.raises(ConfigurationError, match=r"duration_hours: 1 of 1 events without it \(first: river"):
        check(wanted)
    with pytest.raises(ConfigurationError, match="duration_hours"):
        assess(wanted, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    check(scenario(hazards=[hazard(tmp_path, duration_hours=24)], time={}))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"hours": [1, 2]}, "the first 0"),
        ({"hours": [0]}, "two or more"),
        ({"hours": [0, 3, 2]}, "ascending"),
        ({"hours": [0, -1]}, "hours"),
        ({"restart_hours": -1}, "restart_hours"),
        ({"hour": [0, 1]}, "did you mean 'hours'"),
    ],
    ids=str,
)
def test_time_sections_that_are_wrong(section: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        scenario(time=section)


def test_the_command_tells_person_hours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(scenario(time={"hours": [0, 4, 24, 100]}).to_yaml(), encoding="utf-8")
    assert main(["run", str(path), "-o", str(tmp_path / "run")]) == 0
    assert "persons h lost per year" in capsys.readouterr().out
