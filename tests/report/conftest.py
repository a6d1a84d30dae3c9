"""Runs that reports are written of."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.reading import read_run
from resilience.report.page import write_page
from resilience.report.words import Words
from tests.conftest import Site
from tests.report_runs import Page, built_in, hostile


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_in(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture(scope="session")
def page(run: Path) -> Page:
    return Page(write_page(read_run(run), Words("en")))


@pytest.fixture(scope="session")
def hostile_run(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile(site, tmp_path_factory.mktemp("hostile") / "run")
