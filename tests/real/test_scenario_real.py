"""The scenarios of real places: they can be read anywhere, and where the data is, they name files that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.scenario import Scenario

FOLDER = Path(__file__).parent
PLACES = ["cambridge", "busan"]


@pytest.mark.parametrize("place", PLACES)
def test_it_is_right_wherever_the_data_is(place: str) -> None:
    scenario = Scenario.from_yaml(FOLDER / f"{place}.yaml", environment={"RESILIENCE_REAL_DATA": "/data"})
    assert scenario.network.persons_unit == "zones"
    assert all(str(source.path).startswith("/data/") for family in scenario.hazards for source in family.sources())


@pytest.mark.real_data
@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("place", PLACES)
def test_its_files_are_there(place: str) -> None:
    scenario = Scenario.from_yaml(FOLDER / f"{place}.yaml")
    paths = {source.path for family in scenario.hazards for source in family.sources()}
    paths |= {layer.path for layer in (*scenario.network.assets, *scenario.network.zones)}
    assert [path for path in sorted(paths) if not path.is_file()] == []


def test_cambridge_has_rates_and_busan_has_none() -> None:
    environment = {"RESILIENCE_REAL_DATA": "/data"}
    cambridge, busan = (Scenario.from_yaml(FOLDER / f"{place}.yaml", environment=environment) for place in PLACES)
    assert [source.annual_rate for source in cambridge.hazards[0].sources()] == [0.01, 0.002]
    assert [(source.event, source.annual_rate) for source in busan.hazards[0].sources()] == [
        ("rr075", None), ("rr100", None), ("rr125", None),
    ]  # fmt: skip
    assert busan.hazards[0].conditional
