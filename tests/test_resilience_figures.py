"""What a run tells of resilience: how low services get, when they return, SAIDI, SAIFI and CAIDI."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from resilience.annual import customer_indices
from resilience.pipeline import Result, assess
from resilience.scenario import Scenario


def test_indices_of_a_sample_that_can_be_told_by_hand() -> None:
    """Of 10 people, an event of 0.5 per year takes 2 or 4 of them for 3 hours each."""
    people = np.array([[[2.0, 4.0] * 50]])
    rated = xr.Dataset(
        {
            "annual_weight": ("event", [0.4]), "tail_weight": ("event", [0.1]), "family": ("event", ["river"]),
            "people_served": ("service", [10.0]),
            "people_interrupted": (("event", "service", "sample"), people),
            "person_hours_lost": (("event", "service", "sample"), 3 * people),
        }
    )  # fmt: skip
    found = {name: float(value[1][0]) for name, value in customer_indices(rated).items()}
    assert found["saifi"] == pytest.approx(0.15)
    assert found["saidi"] == pytest.approx(0.45)
    assert found["caidi"] == pytest.approx(3)
    assert found["caidi_standard_error"] == pytest.approx(0, abs=1e-12)
    assert found["saifi_standard_error"] == pytest.approx(0.05 * people.std(ddof=1) / 10)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    scenario = Scenario.from_dict(
        {
            "schema_version": 1, "name": "short", "seed": 3, "network": {"synthetic": {"seed": 2, "size": 600}},
            "monte_carlo": {"samples": 1024}, "risk": {"catalogue_years": 0},
            "time": {"hours": [0, 6, 24, 72, 400, 2000], "repair": {}},
        }
    )  # fmt: skip
    return assess(scenario, out=tmp_path_factory.mktemp("run") / "run")


def test_figures_of_a_run_agree_with_one_another(result: Result) -> None:
    ds = result.dataset
    assert (ds["worst_people"] >= ds["people_without_service"] - 1e-9).all()
    assert (ds["people_interrupted"] >= ds["worst_people"] - 1e-9).all()
    assert (ds["people_interrupted"] <= ds["people_served"] + 1e-6).all()
    horizon = ds.attrs["horizon_hours"]
    assert (ds["person_hours_lost"] <= ds["people_interrupted"] * horizon + 1e-6).all()
    hours = ds["restore_hours"]
    assert (hours.sel(level=50) <= hours.sel(level=90)).all()
    assert (hours.sel(level=90) <= hours.sel(level=100)).all()
    assert (ds["restore_hours_p05"] <= ds["restore_hours_p95"]).all()
    assert (ds["saidi"] * ds["people_served"]).values == pytest.approx(ds["annual_person_hours"].values)
    error = (ds["saidi_standard_error"] * ds["people_served"]).values
    assert error == pytest.approx(ds["annual_person_hours_standard_error"].values)
    np.testing.assert_allclose(ds["saidi"], ds["saifi"] * ds["caidi"])
    assert (ds["saifi_standard_error"] > 0).any()


def test_tables_tell_them(result: Result) -> None:
    table = pd.read_csv(result.path / "resilience.csv")
    ds = result.dataset
    assert len(table) == ds.sizes["event"] * ds.sizes["service"]
    one = table[(table["event"] == ds["event"].values[0]) & (table["service"] == "power")].iloc[0]
    here = ds.isel(event=0).sel(service="power")
    assert one["hours_lost"] == pytest.approx(float(here["person_hours_lost"].mean()), rel=1e-6)
    assert one["robustness"] == pytest.approx(1 - float(here["worst_people"].mean() / here["people_served"]), rel=1e-6)
    assert one["hours_to_90"] == pytest.approx(float(here["restore_hours"].sel(level=90)), rel=1e-6)
    indices = pd.read_csv(result.path / "indices.csv").set_index("service")
    assert indices.loc["power", "saidi"] == pytest.approx(float(ds["saidi"].sel(service="power")), rel=1e-6)
