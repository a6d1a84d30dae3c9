"""The register is what results hold: every variable of any run is in it, with its dimensions, type and unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.errors import DataError, ResilienceError
from resilience.labels import check_dataset, counted_in, label_dataset
from resilience.pipeline import assess, demo_scenario
from resilience.scenario import Scenario
from resilience.store import open_results
from resilience.variables import DIMENSIONS, VARIABLES

VALUES = [[0.2, 0.0], [0.6, 0.3]]
CATALOGUE = {"catalogue_years": 500, "return_periods": [10, 50], "bootstrap": 3}


def demo(site: Any) -> Scenario:
    data = demo_scenario(size=600, samples=512).to_dict()
    return Scenario.from_dict({**data, "risk": CATALOGUE, "importance": {"top": 1}})


def two_assets(site: Any, *hazards: dict[str, Any], **more: Any) -> Scenario:
    cost = {"flood_damage_curve": "loss_of_15_m", "replacement_cost": 150.0}
    heat = {"heat_fragility_curve": "degree_is_probability"}
    assets = [{"id": "A", **cost, **heat}, {"id": "B", **cost, **heat}]
    return site.scenario(assets, hazards, needs=[("zone", "power", ["A", "B"], 1)], **more)


FLOOD = {"values": VALUES, "return_periods": [10, 100]}
HEAT = {"values": VALUES, "return_periods": [10, 100], "peril": "heat", "unit": "degC"}
STORMS = {"values": VALUES, "events": ["mild", "wild"]}
RATED = {**STORMS, "annual_rates": [0.3, 0.02]}


def households(site: Any) -> Scenario:
    data = two_assets(site, FLOOD, risk=CATALOGUE).to_dict()
    data["network"]["persons_unit"] = "households"
    return Scenario.from_dict(data)


def shared(site: Any) -> Scenario:
    supply = [{"asset": "A", "sector": "power", "is_source": True, "capacity": 3.0},
              {"asset": "B", "sector": "power", "is_source": False, "demand": 2.0}]  # fmt: skip
    link = {"id": "AB", "from_asset": "A", "to_asset": "B"}
    flood = {**FLOOD, "values": [[0.2, 0.0, 0.1], [0.3, 0.0, 0.2]], "duration_hours": 2}
    return site.scenario(
        [{"id": "A"}, {"id": "B"}, link], [flood],
        needs=[("zone", "power", ["B"], 1)], supply=supply, levels={"power": "share"}, time={"hours": [0, 12]},
    )  # fmt: skip


RUNS = {
    "the built-in city": demo,
    "flood": lambda site: two_assets(site, FLOOD),
    "heat": lambda site: two_assets(site, HEAT),
    "conditional only": lambda site: two_assets(site, STORMS),
    "with and without rates": lambda site: two_assets(site, FLOOD, STORMS, risk=CATALOGUE),
    "catalogue of events": lambda site: two_assets(site, RATED, risk=CATALOGUE, importance={"assets": ["A"]}),
    "households": households,
    "a sector that serves a part, over time": shared,
}


def assert_registered(dataset: xr.Dataset, unit: str) -> None:
    """Told without the functions that the run uses. Where all events are of one peril, intensities have its unit."""
    perils = set(dataset["peril"].values.tolist())
    of_peril = {"flood": "m", "heat": "degC"}[perils.pop()] if len(perils) == 1 else ""
    for name, array in dataset.variables.items():
        assert name in VARIABLES, f"{name} {array.dims} is not registered"
        variable = VARIABLES[name]
        assert array.dims == variable.dims, name
        if variable.dtype == "str":
            assert array.dtype.kind in "OUT", name
            assert all(isinstance(value, str) for value in array.values.ravel()), name
        else:
            assert array.dtype == variable.dtype, name
        wanted = of_peril if str(name).endswith("_intensity") else variable.unit.replace("persons", unit)
        assert array.attrs.get("units", "") == wanted, name
        assert array.attrs["long_name"], name


@pytest.mark.parametrize("run", RUNS)
def test_results_hold_registered_variables_only(site, tmp_path, run):
    result = assess(RUNS[run](site), out=tmp_path)
    unit = "households" if run == "households" else "persons"
    assert_registered(result.dataset, unit)
    stored = open_results(tmp_path)
    assert_registered(stored, unit)
    assert set(result.dataset.variables) <= set(stored.variables)
    assert ("catalogue_yearly_mean" in stored) == (result.exceedance is not None)
    assert ("importance_birnbaum" in stored) == (result.importance is not None)
    assert ("paired_birnbaum" in stored) == (result.pairs is not None)


def test_every_registered_word_is_complete():
    for name, one in VARIABLES.items():
        assert one.name == name
        assert one.meaning, name
        assert [dim for dim in DIMENSIONS if dim in one.dims] == list(one.dims), f"{name}: {one.dims}"
        assert one.dtype == "str" or np.dtype(one.dtype), name
        if one.dtype == "str":
            assert one.unit == "", name
    assert {dim for one in VARIABLES.values() for dim in one.dims} == set(DIMENSIONS)


def test_no_meaning_speaks_of_persons_where_something_else_is_counted():
    for name, variable in VARIABLES.items():
        told = counted_in({"units": variable.unit, "long_name": variable.meaning}, "zones")
        assert "person" not in " ".join(told.values()), name
        assert "people" not in " ".join(told.values()), name


def test_all_differences_are_told_at_once():
    dataset = xr.Dataset(
        {
            "direct_loss": ("event", [1.0], {"units": "EUR"}),
            "zone_people": ("asset", [1.0]),
            "failed_count": (("event", "asset"), [[0.5]]),
            "peril": ("event", [1.0]),
            "annual_rate": ("event", ["often"]),
            "mood": ("event", [1.0]),
        }
    )
    with pytest.raises(ResilienceError) as caught:
        label_dataset(dataset, subject="result")
    told = str(caught.value).splitlines()
    assert len(told) == 6
    for line, parts in zip(
        told,
        (
            ("result", "1 of 6", "mood", "registered"),
            ("result.direct_loss", "EUR", "money"),
            ("result.zone_people", "asset", "zone"),
            ("result.failed_count", "float64", "int32"),
            ("result.peril", "float64", "str"),
            ("result.annual_rate", "<U5", "float64"),
        ),
        strict=True,
    ):
        assert all(part in line for part in parts), line
    assert caught.value.exit_code == 70


def test_labels_are_added_and_the_argument_stays():
    dataset = xr.Dataset({"annual_weight": ("event", np.array([1], np.int32), {"rule": "trapezoid"})})
    labelled = label_dataset(dataset, subject="result")
    assert labelled["annual_weight"].dtype == np.float64
    assert labelled["annual_weight"].attrs == {"rule": "trapezoid", **VARIABLES["annual_weight"].attributes()}
    assert dataset["annual_weight"].attrs == {"rule": "trapezoid"}
    assert dataset["annual_weight"].dtype == np.int32
    xr.testing.assert_identical(label_dataset(labelled, subject="result"), labelled)


def test_a_stage_is_told_what_differs():
    with pytest.raises(DataError, match=r"in\.direct_loss: in EUR; wanted: in money"):
        check_dataset(xr.Dataset({"direct_loss": ("event", [1.0], {"units": "EUR"})}), ["direct_loss"], subject="in")


def test_a_unit_that_holds_the_word_people_is_put_in_once():
    attributes = {"units": "persons", "long_name": "people who lost the service"}
    told = counted_in(attributes, "young people")
    assert told == {"units": "young people", "long_name": "young people who lost the service"}
    assert counted_in(attributes, "persons") == attributes
