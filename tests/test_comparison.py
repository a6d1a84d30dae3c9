"""Two runs side by side: paired where they share random numbers, told where they do not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from resilience.comparison import compare_runs
from resilience.errors import DataError
from resilience.pipeline import assess
from resilience.scenario import Scenario

LIKE = {"family": "river", "return_periods": [10, 100], "duration_hours": 12}


def town(site, *, high: float = 0.0, rates: bool = True, family: str = "river", **more) -> Scenario:
    """Three pumps in a river, of which the first may stand higher."""
    own = {"sector": "water", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 100.0}
    hazard = {"values": [[0.2, 0.3, 0.4], [0.5, 0.6, 0.7]], **LIKE, "family": family}
    if not rates:
        hazard = {**hazard, "return_periods": [], "events": ["a", "b"]}
    return site.scenario(
        [{"id": f"p{i}", **own, "component_height": high if i == 0 else 0.0} for i in range(3)], [hazard],
        zones=[{"id": f"z{i}"} for i in range(3)], needs=[(f"z{i}", "water", [f"p{i}"], 1) for i in range(3)], **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def low(site):
    return assess(town(site, time={"hours": [0, 12, 48]}))


@pytest.fixture(scope="module")
def raised(site):
    return assess(town(site, high=0.25, time={"hours": [0, 12, 48]}))


def yearly(result) -> np.ndarray:
    dataset = result.dataset
    weight = (dataset["annual_weight"] + dataset["tail_weight"]).values
    return np.tensordot(weight, dataset["person_hours_lost"].values[:, 0], axes=1)


def test_one_seed_pairs_the_samples(low, raised) -> None:
    found = compare_runs(low, raised)
    one, two = yearly(low), yearly(raised)
    assert found.attrs["paired"] == 1
    assert found.attrs["unit"] == "persons h/year"
    assert found["before"].item() == pytest.approx(low.dataset["annual_person_hours"].item())
    assert found["after"].item() == pytest.approx(raised.dataset["annual_person_hours"].item())
    assert found["change"].item() == pytest.approx((two - one).mean())
    assert found["change"].item() < 0
    assert found["change_standard_error"].item() == pytest.approx((two - one).std(ddof=1) / np.sqrt(512))
    half = (found["change_high"] - found["change_low"]).item() / 2
    assert half == pytest.approx(1.959964 * found["change_standard_error"].item(), rel=1e-6)
    expected = [one.dataset["annual_direct_loss"].item() for one in (low, raised)]
    assert found["direct_loss_change"].item() == expected[1] - expected[0] < 0
    assert found["direct_loss_before"].item() == pytest.approx(low.dataset["annual_direct_loss"].item())


def test_other_random_numbers_are_not_paired(site, low) -> None:
    other = assess(town(site, high=0.25, time={"hours": [0, 12, 48]}, seed=2))
    found = compare_runs(low, other)
    errors = [yearly(one).std(ddof=1) / np.sqrt(512) for one in (low, other)]
    assert found.attrs["paired"] == 0
    assert any("independent" in note for note in found.attrs["notes"])
    assert found["change_standard_error"].item() == pytest.approx(np.hypot(*errors))


def test_a_run_differs_from_itself_by_nothing(low) -> None:
    found = compare_runs(low, low)
    assert found["change"].item() == 0.0
    assert found["change_standard_error"].item() == 0.0
    assert found.attrs["notes"] == []


def test_without_rates_per_event(site, low) -> None:
    one, two = (assess(town(site, high=high, rates=False)) for high in (0.0, 0.25))
    found = compare_runs(one, two)
    assert found["change"].dims == ("event", "service")
    assert found.attrs["unit"] == "persons"
    per_event = (two.dataset["people_without_service"] - one.dataset["people_without_service"]).mean("sample")
    np.testing.assert_allclose(found["change"], per_event)
    assert found["direct_loss_change"].dims == ("event",)
    with pytest.raises(DataError, match="an event that both have"):
        compare_runs(low, two)


def test_what_only_one_run_has_is_told(site, low) -> None:
    plain = assess(town(site))
    notes = compare_runs(low, plain).attrs["notes"]
    assert any("time grid" in note for note in notes)
    longer = assess(town(site, time={"hours": [0, 12, 72]}, risk={"catalogue_years": 0, "tail": "none"}))
    notes = compare_runs(low, longer).attrs["notes"]
    assert any("48 h" in note and "72 h" in note for note in notes)
    assert any("different rules" in note for note in notes)


def test_people_counted_otherwise_are_refused(low) -> None:
    served = low.dataset["people_served"].assign_attrs(units="dwellings")
    other = replace(low, dataset=low.dataset.assign(people_served=served))
    with pytest.raises(DataError, match="persons and dwellings"):
        compare_runs(low, other)


def test_comparing_does_not_import_numba() -> None:
    code = "import sys, resilience.comparison; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
