"""The examples of docs/recovery.md say what the program says."""

import doctest
from pathlib import Path


def test_examples_of_the_page():
    page = Path(__file__).parents[1] / "docs" / "recovery.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried > 10) == (0, True)
