"""Laws of the whole job, from maps on disk to figures per year: hazard, units, maps that do not fit, threads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import ConfigurationError, DataError
from resilience.pipeline import assess
from resilience.scenario import Scenario

FEW = settings(max_examples=4, deadline=None, derandomize=True, database=None)
N = 12
PERIODS = [5, 20, 100]


def rows_of(seed: int) -> dict[str, Any]:
    """Return a town of power and telecom that need one another, with zones that need both, and something to lose."""
    rng = np.random.default_rng(seed)
    half = N // 2
    assets = [
        {"id": f"a{i:02d}", "sector": "power" if i < half else "telecom", "flood_damage_curve": "loss_of_15_m",
         "replacement_cost": float(rng.integers(1, 1000))}
        for i in range(N)
    ]  # fmt: skip
    names = [asset["id"] for asset in assets]
    needs = [
        (names[i], "telecom" if i < half else "power",
         rng.choice(names[half:] if i < half else names[:half], 3, replace=False).tolist(), 1)
        for i in range(N)
    ]  # fmt: skip
    zones = [{"id": f"z{i}", "persons": float(rng.integers(1, 5000))} for i in range(5)]
    for zone in zones:
        needs.append((zone["id"], "power", rng.choice(names[:half], 2, replace=False).tolist(), 2))
        needs.append((zone["id"], "telecom", rng.choice(names[half:], 2, replace=False).tolist(), 1))
    return {"assets": assets, "zones": zones, "needs": needs}


def depths(seed: int) -> np.ndarray:
    """Return depths that rise with the return period, multiples of 1/64 m: exact in any float type."""
    rng = np.random.default_rng(seed + 10_000)
    steps = rng.integers(0, 16, (len(PERIODS), N)) * (rng.random((1, N)) < 0.7)
    return np.cumsum(steps, axis=0) / 64.0


def run(site: Any, rows: dict[str, Any], values: Any, *, samples: int = 512, threads: int = 1, **hazard: Any) -> Any:
    more = {key: hazard.pop(key) for key in ("monte_carlo", "seed") if key in hazard}
    maps = {"values": values, "return_periods": PERIODS, **hazard}
    return assess(site.scenario(rows["assets"], [maps], zones=rows["zones"], needs=rows["needs"], samples=samples,
                                **more), threads=threads)  # fmt: skip


def assert_identical(one: xr.Dataset, two: xr.Dataset, *, but: tuple[str, ...] = ()) -> None:
    """Every value equal to the last bit; attributes are left out."""
    assert set(one.variables) == set(two.variables)
    for name in one.variables:
        if name in but:
            continue
        a, b = one[name].values, two[name].values
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, err_msg=str(name))


def test_no_water_no_loss(site):
    result = run(site, rows_of(1), np.zeros((3, N)))
    found = result.dataset
    lost = "people_without_service asset_direct_loss annual_value annual_direct_loss failed_count down_count"
    for name in [*lost.split(), "zone_without_service", "annual_standard_error", "annual_tail", "root_people"]:
        assert not found[name].values.any(), name
    assert not result.importance.sizes["asset"]
    assert result.summary_table()[1][1] == "0"


def test_no_heat_no_loss(site):
    rows = rows_of(1)
    for asset in rows["assets"]:
        asset["heat_fragility_curve"] = "degree_is_probability"
    found = run(
        site, rows, np.full((3, N), [[-7.0], [-6.0], [-5.0]]), peril="heat", unit="degC", outside="error"
    ).dataset
    assert not found["people_without_service"].values.any()
    assert not found["failure_probability"].values.any()


@given(seed=st.integers(0, 1000), rise=st.floats(0.0, 0.5))
@FEW
def test_deeper_water_never_helps(site, seed, rise):
    rows, values = rows_of(seed), depths(seed)
    where = np.random.default_rng(seed).random(N) < 0.5
    low, high = (run(site, rows, v).dataset for v in (values, values + rise * where))
    for name in ("people_without_service", "asset_direct_loss", "failure_probability", "annual_value",
                 "annual_direct_loss", "failed_count"):  # fmt: skip
        assert (high[name].values >= low[name].values).all(), name
    assert (high["down_count"].sum("cause").values >= low["down_count"].sum("cause").values).all()


@given(seed=st.integers(0, 1000))
@FEW
def test_rarer_events_of_a_family_are_worse_in_every_sample(site, seed):
    """All bands share their random numbers, so each sample's loss rises with the return period."""
    found = run(site, rows_of(seed), depths(seed)).dataset["people_without_service"].values
    assert (np.diff(found, axis=0) >= 0).all()


@pytest.mark.parametrize(
    ("unit", "per_metre"), [("mm", 1000.0), ("cm", 100.0), ("ft", 1.0 / 0.3048)], ids=["mm", "cm", "ft"]
)
def test_units_of_depth_make_no_difference(site, unit, per_metre):
    """Stored as float32, a depth in another unit comes back within one rounding; nothing people see changes."""
    rows, values = rows_of(2), depths(2)
    metres, other = run(site, rows, values).dataset, run(site, rows, values * per_metre, unit=unit).dataset
    np.testing.assert_allclose(other["exposed_intensity"], metres["exposed_intensity"], rtol=2e-7)
    np.testing.assert_array_equal(other["people_without_service"], metres["people_without_service"])
    np.testing.assert_allclose(other["asset_direct_loss"], metres["asset_direct_loss"], rtol=1e-6)
    assert other["annual_value"].equals(metres["annual_value"])


@pytest.mark.parametrize(("unit", "scale", "shift"), [("K", 1.0, 273.15), ("degF", 1.8, 32.0)])
def test_units_of_temperature_make_no_difference(site, unit, scale, shift):
    rows = rows_of(2)
    for asset in rows["assets"]:
        asset["heat_fragility_curve"] = "degree_is_probability"
    heat = {"peril": "heat", "outside": "error"}
    one = run(site, rows, depths(2), unit="degC", **heat).dataset
    two = run(site, rows, depths(2) * scale + shift, unit=unit, **heat).dataset
    np.testing.assert_allclose(two["exposed_intensity"], one["exposed_intensity"], atol=3e-5)
    # Kelvin in float32 are steps of 3e-5 degC: a sample may differ in 30,000.
    np.testing.assert_allclose(two["annual_value"], one["annual_value"], rtol=0.01)


class TestMissingData:
    """A cell without data is an error, dry or unknown, as declared; never silently 0."""

    values = np.where(np.arange(N) == 3, -1.0, 0.25) * np.ones((3, 1)) + np.array([[0.0], [0.1], [0.2]])
    values[:, 3] = -1.0

    def test_error(self, site):
        with pytest.raises(DataError, match=r"without data[\s\S]*a03|a03[\s\S]*without data"):
            run(site, rows_of(1), self.values, mark=-1.0, nodata="error")

    def test_dry(self, site):
        found = run(site, rows_of(1), self.values, mark=-1.0, nodata="dry").dataset
        assert found["exposed_intensity"].sel(asset="a03").values.tolist() == [0.0, 0.0, 0.0]
        assert not found["failed_count"].sel(asset="a03").values.any()

    def test_unknown_stays_unknown_and_is_told(self, site):
        result = run(site, rows_of(1), self.values, mark=-1.0, nodata="unknown")
        found = result.dataset
        for name in ("exposed_intensity", "failure_probability", "asset_direct_loss"):
            assert np.isnan(found[name].sel(asset="a03")).all(), name
            assert np.isfinite(found[name].drop_sel(asset="a03")).all(), name
        assert np.isnan(found["direct_loss"]).all()
        assert np.isnan(found["annual_direct_loss"])
        assert any("unknown hazard" in note for note in result.notes)
        assert result.summary_table()[-1][1] == "unknown"

    @pytest.mark.parametrize("sentinel", [-9999.0, 9999.0, 999.0, -1.0])
    def test_a_code_that_is_not_declared_is_refused(self, site, sentinel):
        values = np.where(self.values < 0, sentinel, self.values)
        with pytest.raises(DataError, match="not a credible water depth"):
            run(site, rows_of(1), values, nodata="dry")

    def test_unknown_losses_have_no_exceedance_curve(self, site):
        """Money is unknown in every event, people are not: one curve is missing, the others stand."""
        rows = rows_of(1)
        maps = {"values": self.values, "return_periods": PERIODS, "mark": -1.0, "nodata": "unknown"}
        risk = {"catalogue_years": 1000, "return_periods": [10], "bootstrap": 2}
        options = {"zones": rows["zones"], "needs": rows["needs"], "risk": risk}
        curves = assess(site.scenario(rows["assets"], [maps], **options)).exceedance
        assert np.isfinite(curves["aggregate_value"].sel(quantity=["power", "telecom"])).all()
        assert np.isnan(curves["aggregate_value"].sel(quantity="direct_loss")).all()

    def test_nan_is_no_data(self, site):
        values = np.where(self.values < 0, np.nan, self.values)
        with pytest.raises(DataError, match="without data"):
            run(site, rows_of(1), values, nodata="error")


class TestPlace:
    """Maps that do not lie where the assets are."""

    def test_a_shifted_map_is_refused(self, site):
        with pytest.raises(DataError, match="outside"):
            run(site, rows_of(1), depths(1), shift=5000.0)

    def test_unless_outside_is_declared_dry(self, site):
        found = run(site, rows_of(1), depths(1), shift=5000.0, outside="dry").dataset
        assert not found["people_without_service"].values.any()
        assert found.attrs["assets_outside"] == N

    def test_a_map_said_to_be_in_another_crs_is_refused(self, site):
        with pytest.raises((DataError, ConfigurationError), match="EPSG:5179"):
            run(site, rows_of(1), depths(1), crs="EPSG:5187")

    def test_assets_in_another_crs_than_they_say_fall_off_the_map(self, site):
        rows = rows_of(1)
        scenario = site.scenario(
            rows["assets"], [{"values": depths(1), "return_periods": PERIODS}], zones=rows["zones"], needs=rows["needs"]
        )
        data = scenario.to_dict()
        data["network"]["assets"][0]["crs"] = "EPSG:5187"
        with pytest.raises(DataError, match="outside"):
            assess(Scenario.from_dict(data))


@pytest.mark.parametrize(("block", "threads"), [(512, 1), (512, 3), (1024, 2), (1536, 1), (2560, 2)])
def test_blocks_and_threads_change_no_bit(site, block, threads):
    rows, values = rows_of(3), depths(3)
    plain = run(site, rows, values, samples=2560).dataset
    cut = run(site, rows, values, threads=threads, monte_carlo={"samples": 2560, "block": block}).dataset
    assert_identical(plain, cut)


def test_more_samples_begin_with_the_fewer(site):
    rows, values = rows_of(3), depths(3)
    short, long = (run(site, rows, values, samples=n).dataset["people_without_service"].values for n in (512, 1536))
    np.testing.assert_array_equal(long[..., :512], short)


def test_another_family_changes_nothing_for_the_first(site):
    rows, values = rows_of(4), depths(4)
    first = {"values": values, "return_periods": PERIODS, "family": "river"}
    second = {"values": values[:1], "events": ["burst"], "annual_rates": [0.05], "family": "pipes"}
    options = {"zones": rows["zones"], "needs": rows["needs"]}
    alone = assess(site.scenario(rows["assets"], [first], **options)).dataset
    both = assess(site.scenario(rows["assets"], [second, first], **options)).dataset.isel(event=slice(1, None))
    np.testing.assert_array_equal(alone["people_without_service"], both["people_without_service"])
    np.testing.assert_array_equal(alone["failed_count"], both["failed_count"])
    # The same map in another family has draws of its own.
    other = assess(site.scenario(rows["assets"], [{**first, "family": "sea"}], **options)).dataset
    assert (other["people_without_service"] != alone["people_without_service"]).any()


def test_an_option_is_compared_under_the_same_random_numbers(site):
    """Raising the most important asset: all others fail in the same samples, nobody is worse off in any sample.

    What it saves is what its Fussell-Vesely measure says, told from the first run alone.
    """
    rows, values = rows_of(5), depths(5) + 1 / 64
    result = run(site, rows, values, samples=2**14)
    base, power = result.dataset, result.importance.sel(service="power")
    top = str(power["asset"][int(np.nanargmax(power["fussell_vesely"].values))].item())
    raised = [{**asset, "component_height": 10.0 if asset["id"] == top else 0.0} for asset in rows["assets"]]
    option = run(site, {**rows, "assets": raised}, values, samples=2**14).dataset
    rest = [asset["id"] for asset in rows["assets"] if asset["id"] != top]
    np.testing.assert_array_equal(option["failed_count"].sel(asset=rest), base["failed_count"].sel(asset=rest))
    assert base["failed_count"].sel(asset=top).any()
    assert not option["failed_count"].sel(asset=top).any()
    assert (option["people_without_service"] <= base["people_without_service"]).all()
    before, after = (one["annual_value"].sel(service="power").item() for one in (base, option))
    told = power.sel(asset=top)
    error = before * told["fussell_vesely_standard_error"].item()
    assert after < before
    assert abs(before - after - before * told["fussell_vesely"].item()) < 4 * error


def test_people_and_money_scale(site):
    rows, values = rows_of(6), depths(6)
    one = run(site, rows, values).dataset
    rows["zones"] = [{**zone, "persons": 7 * zone["persons"]} for zone in rows["zones"]]
    rows["assets"] = [{**asset, "replacement_cost": 2 * asset["replacement_cost"]} for asset in rows["assets"]]
    two = run(site, rows, values).dataset
    np.testing.assert_array_equal(two["people_without_service"], 7 * one["people_without_service"])
    np.testing.assert_array_equal(two["asset_direct_loss"], 2 * one["asset_direct_loss"])
    np.testing.assert_allclose(two["annual_value"], 7 * one["annual_value"], rtol=1e-14)


def test_infinite_buffers_leave_only_direct_failures(site):
    rows, values = rows_of(7), depths(7)
    held = {**rows, "needs": [(*need, {"buffer_hours": 1e6}) for need in rows["needs"]]}
    found = run(site, held, values).dataset
    assert not found["people_without_service"].values.any()
    np.testing.assert_array_equal(found["down_count"].sum("cause"), found["failed_count"])
    np.testing.assert_array_equal(found["down_count"].sel(cause="hazard"), found["failed_count"])
    without = run(site, rows, values).dataset
    np.testing.assert_array_equal(found["failed_count"], without["failed_count"])
    assert without["people_without_service"].values.any()


def test_counts_agree_with_one_another(site):
    """Down by cause, by root and by hazard; people per sample, per zone and per root: the same totals."""
    rows, values = rows_of(8), depths(8)
    found = run(site, rows, values, samples=1024).dataset
    np.testing.assert_array_equal(found["down_count"].sel(cause="hazard"), found["failed_count"])
    np.testing.assert_allclose(found["root_share"].sum("root"), found["down_count"].sum("cause"), atol=1e-3)
    people = found["people_without_service"].sum("sample")
    np.testing.assert_allclose(
        (found["zone_without_service"] * found["zone_people"]).sum("zone"), people, rtol=1e-9
    )  # fmt: skip
    np.testing.assert_allclose(found["root_people"].sum("root"), people, rtol=1e-6)
    squares = (found["people_without_service"] ** 2).sum("sample")
    np.testing.assert_allclose(found["sum_loss2"], squares, rtol=1e-4)
    assert (found["people_without_service"].max("sample") <= found["people_served"]).all()


def test_nothing_given_is_changed(site):
    rows = rows_of(9)
    scenario = site.scenario(
        rows["assets"], [{"values": depths(9), "return_periods": PERIODS}], zones=rows["zones"], needs=rows["needs"]
    )
    before = scenario.to_dict()
    one, two = assess(scenario), assess(scenario)
    assert scenario.to_dict() == before
    assert_identical(one.dataset, two.dataset)
    assert one.notes == two.notes
    assert replace(one, path=None).summary_table() == two.summary_table()
