"""A run that is opened again is the result that was returned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import resilience
from resilience.errors import DataError, MissingInputError
from resilience.pipeline import Result, assess
from resilience.reading import open_run
from resilience.scenario import Scenario


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    run = tmp_path_factory.mktemp("kept") / "run"
    scenario = Scenario.from_dict(
        {
            "schema_version": 1,
            "name": "kept",
            "network": {"synthetic": {"size": 600}},
            "time": {},
            "importance": {"top": 2},
            "monte_carlo": {"samples": 512},
        }
    )
    return assess(scenario, out=run), run


def test_the_dataset_and_its_parts_are_as_they_were(told: tuple[Result, Path]) -> None:
    result, run = told
    again = open_run(run)
    xr.testing.assert_equal(again.dataset.load(), result.dataset)
    assert again.dataset.attrs == result.dataset.attrs
    assert result.exceedance is not None
    assert result.importance is not None
    assert result.pairs is not None
    xr.testing.assert_equal(again.exceedance, result.exceedance)
    assert again.exceedance is not None
    assert again.exceedance.attrs == result.exceedance.attrs
    xr.testing.assert_equal(again.importance, result.importance)
    assert again.pairs is not None
    pairs = again.pairs.sel(asset=result.pairs["asset"])
    xr.testing.assert_equal(pairs.drop_vars(set(pairs.coords) - set(pairs.dims)), result.pairs)
    assert (again.notes, again.path, again.unit) == (result.notes, run, result.unit)


def test_the_tables_people_read_are_the_same(told: tuple[Result, Path]) -> None:
    result, run = told
    again = resilience.open_run(run)
    assert again.summary_table() == result.summary_table()
    assert again.why_table() == result.why_table()
    assert again.origins_table() == result.origins_table()


def test_the_city_is_that_of_the_run(told: tuple[Result, Path]) -> None:
    result, run = told
    again = open_run(run).network
    assert again is not None
    assert result.network is not None
    assert again.crs == result.network.crs
    for name in ("assets", "needs", "dependencies", "supply", "zones"):
        assert len(getattr(again, name)) == len(getattr(result.network, name))
    assert again.assets["id"].tolist() == result.dataset["asset"].values.tolist()


def test_reading_needs_no_compiler() -> None:
    code = "import sys, resilience.reading; print([m for m in ('numba', 'matplotlib', 'bokeh') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_what_is_no_finished_run_is_told(told: tuple[Result, Path], tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="`resilience status` tells"):
        open_run(tmp_path)
    with pytest.raises(MissingInputError, match="none there"):
        open_run(tmp_path / "nowhere")
    (tmp_path / "manifest.json").write_text('{"run_id": 1}')
    with pytest.raises(DataError, match="another content"):
        open_run(tmp_path)
