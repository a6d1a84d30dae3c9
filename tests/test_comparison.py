"""Two runs side by side: paired where they share random numbers, told where they do not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resilience.cli import main
from resilience.comparison import Difference, compare_directories, compare_runs
from resilience.errors import DataError, LockedError
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.store import RunStore
from tests.conftest import write_maps
from tests.test_check import loaded

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


@pytest.mark.parametrize(
    ("change", "low", "high", "verdict"),
    [
        (0.0, 0.0, 0.0, "same"),
        (2.0, 0.1, 3.9, "up"),
        (-2.0, -3.9, -0.1, "down"),
        (2.0, 0.0, 4.0, "chance"),
        (-2.0, -4.1, 0.1, "chance"),
        # Nothing tells how far chance reaches.
        (2.0, np.nan, np.nan, "chance"),
    ],
)
def test_a_difference_is_more_than_chance_only_where_its_interval_leaves_0_out(change, low, high, verdict) -> None:
    assert Difference(None, "power", 5.0, 5.0 + change, change, 1.0, low, high).verdict == verdict


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


@pytest.fixture(scope="module")
def directories(site, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    assess(town(site, time={"hours": [0, 12, 48]}), out=folder / "a")
    scenario = town(site, time={"hours": [0, 12, 48]})
    write_maps(scenario.hazards[0].path, [[0.2, 0.3, 0.4], [0.5, 0.6, 0.9]])
    assess(scenario, out=folder / "b")
    return folder / "a", folder / "b"


def test_two_directories(directories: tuple[Path, Path], low) -> None:
    found = compare_directories(*directories)
    assert found.differences["before"].item() == low.dataset["annual_person_hours"].item()
    assert found.differences["change"].item() > 0
    # The towns are written to folders of their own: other paths, and one map of another content.
    assert all(key.rpartition(".")[2] == "path" for key in found.changed_keys)
    assert found.changed_inputs == ()
    assert {Path(path).name for path in found.inputs_of_one} == {"map0.tif"}
    assert found.changed_code == ()
    (_, row, loss) = found.table()
    assert row[0] == "water"
    assert row[-1] == "more than chance"
    assert loss[0] == "direct loss (money)"


def test_an_input_that_changed_is_named(site, tmp_path: Path) -> None:
    scenario = town(site)
    assess(scenario, out=tmp_path / "a")
    write_maps(scenario.hazards[0].path, [[0.2, 0.3, 0.4], [0.5, 0.6, 0.9]])
    assess(scenario.model_copy(update={"name": "b"}), out=tmp_path / "b")
    found = compare_directories(tmp_path / "a", tmp_path / "b")
    assert found.changed_keys == ("name",)
    assert found.changed_inputs == (str(scenario.hazards[0].path),)
    assert found.inputs_of_one == ()


def test_the_command(directories: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    one, two = map(str, directories)
    assert main(["compare", one, two]) == 0
    told = capsys.readouterr().out
    assert "more than chance" in told
    assert "compared: sample by sample, with the same random numbers" in told
    assert "map0.tif" in told
    assert main(["compare", one, one, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert answer["services"][0]["change"] == 0.0
    assert (answer["paired"], answer["changed_keys"], answer["notes"]) == (True, [], [])
    page = (Path(__file__).parents[1] / "docs" / "command.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `compare` |"))
    for key in (*answer, *answer["services"][0], *answer["direct_loss"][0]):
        assert f"`{key}`" in row
    assert main(["compare", one, str(directories[0].parent)]) == 66
    assert "the directory of a finished run" in capsys.readouterr().err
    assert main(["compare", "nope", "other"]) == 66
    (first, second) = capsys.readouterr().err.splitlines()
    assert "nope" in first
    assert "other" in second


def test_comparing_does_not_import_numba(directories: tuple[Path, Path]) -> None:
    assert loaded(["compare", *map(str, directories)]) == ([0], False)


def test_a_run_that_is_being_written_is_not_compared(directories: tuple[Path, Path], tmp_path: Path) -> None:
    held = Path(shutil.copytree(directories[1], tmp_path / "held"))
    store = RunStore(held)
    with pytest.raises(LockedError, match="no other run is writing to"):
        compare_directories(directories[0], held)
    store.close()
    assert compare_directories(directories[0], held).b == held
