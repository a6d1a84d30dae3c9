"""The examples of pages say what the program says."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(("page", "least"), [("recovery.md", 11), ("sensitivity.md", 10), ("options.md", 10)])
def test_examples_of_the_page(page: str, least: int) -> None:
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False)
    assert (failed, tried >= least) == (0, True)
