"""What all tests share: the real data, and how long Hypothesis may search."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("search", deadline=None, max_examples=50)
settings.register_profile("fixed", deadline=None, max_examples=50, derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "search"))

UNSET = "RESILIENCE_REAL_DATA is not set"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real inputs; a test that asks for it is skipped without one."""
    folder = os.environ.get("RESILIENCE_REAL_DATA")
    if not folder:
        pytest.skip(UNSET)
    return Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the real data."""
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker("real_data")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fail a skipped comparison with real data where RESILIENCE_REQUIRE_REAL_DATA says that it must run."""
    report = yield
    if report.skipped and item.get_closest_marker("real_data") and os.environ.get("RESILIENCE_REQUIRE_REAL_DATA"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} compares with real data and was skipped: {report.longrepr}"
    return report
