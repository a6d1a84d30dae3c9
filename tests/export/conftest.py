"""Runs that are exported, and where to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from resilience import assess
from resilience.export import FORMATS, export_run
from resilience.result import Result
from tests.conftest import Site

Export = Callable[..., Path]

ENDINGS = {name: form.suffix for name, form in FORMATS.items()} | {"shp": ""}


@pytest.fixture
def export(kept_result: Result, tmp_path: Path) -> Export:
    """Return a function that exports the small city and returns the file or folder."""

    def write(to: str, **asked: object) -> Path:
        assert kept_result.path is not None
        return export_run(kept_result.path, to, out=tmp_path / f"out-{to}{ENDINGS[to]}", **asked).path  # type: ignore[arg-type]

    return write


@pytest.fixture(scope="session")
def rated(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of two assets in floods of two return periods."""
    scenario = site.scenario(
        [{"id": "p0"}, {"id": "p1"}], [{"values": [[0.2, 0.0], [1.0, 0.5]], "return_periods": [10, 100]}],
        needs=[("zone", "power", ["p0", "p1"], 1)],
    )  # fmt: skip
    run = tmp_path_factory.mktemp("rated") / "run"
    assess(scenario, out=run)
    return run
