"""Cambridge on threads and processes, in blocks of any size, in one piece and in two: the same values and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from resilience.errors import OutOfTimeError
from resilience.pipeline import assess
from resilience.sampling import Deadline
from resilience.scenario import Scenario
from tests.test_resume import files_of, records_of

ROOT = Path(__file__).parents[2]
SAMPLES = 8192


@pytest.fixture(scope="module")
def scenario(real_data: Path) -> Any:
    """Return the scenario in blocks of a size."""
    del real_data  # the scenario names it by its variable
    told = Scenario.from_yaml(ROOT / "tests" / "real" / "cambridge.yaml").to_dict()

    def cut(block: int) -> Scenario:
        return Scenario.from_dict({**told, "monte_carlo": {"samples": SAMPLES, "block": block}})

    return cut


@pytest.fixture(scope="module")
def whole(scenario: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cambridge") / "run"
    assess(scenario(2048), out=out)
    return out


def test_two_processes_write_the_bytes_of_threads(scenario: Any, whole: Path, tmp_path: Path) -> None:
    assess(scenario(2048), out=tmp_path / "run", workers=2)
    assert files_of(tmp_path / "run") == files_of(whole)


def test_a_run_that_stopped_on_threads_goes_on_on_processes(
    scenario: Any, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([True] * 3)
    monkeypatch.setattr(Deadline, "leaves_time", lambda _: next(left, False))
    with pytest.raises(OutOfTimeError):
        assess(scenario(2048), out=tmp_path / "run", threads=1)
    done = records_of(tmp_path / "run")
    assert len(done) == 3
    monkeypatch.undo()
    assess(scenario(2048), out=tmp_path / "run", workers=2)
    assert done.items() <= records_of(tmp_path / "run").items()
    assert files_of(tmp_path / "run") == files_of(whole)


@pytest.mark.parametrize("block", [512, 8192])
def test_values_do_not_depend_on_the_size_of_a_block(scenario: Any, whole: Path, block: int) -> None:
    found = assess(scenario(block)).dataset
    kept = xr.open_zarr(whole / "results.zarr", consolidated=False).load()
    for name in found.data_vars:
        xr.testing.assert_equal(found[name].drop_attrs(), kept[name].drop_attrs())
