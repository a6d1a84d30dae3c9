"""A selector means the same whether a value was typed as text or number, and a value that no row has is told."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest

from resilience.errors import Problems
from resilience.network import select_rows


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "id": ["7", "8", "9"],
            "lanes": [1, 2, None],
            "code": [1, 2, 3],
            "oneway": [True, False, False],
            "name": ["부산", None, "x "],
            "mixed": [1, "1", None],
        }
    )


@pytest.mark.parametrize(
    ("selector", "rows"),
    [
        ({}, [0, 1, 2]),
        ({"id": 7}, [0]),
        ({"id": [7.0, "9"]}, [0, 2]),
        ({"code": ["1", 3]}, [0, 2]),
        ({"lanes": 2}, [1]),
        ({"oneway": True}, [0]),
        ({"oneway": "false"}, [1, 2]),
        ({"name": unicodedata.normalize("NFD", "부산")}, [0]),
        ({"name": "x"}, [2]),
        ({"name": ""}, [1]),
        ({"mixed": 1}, [0, 1]),
        ({"code": {2, 3}, "oneway": False, "id": ("8",)}, [1]),
    ],
)
def test_values_are_compared_by_meaning(frame, selector, rows):
    problems = Problems()
    assert select_rows(frame, selector, problems, subject="from").nonzero()[0].tolist() == rows
    assert len(problems) == 0


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ({"cod": 1}, "from.cod: no such column (did you mean 'code'?)"),
        ({"code": [1, 4]}, "from.code: 1 of 2 values that no row has (first: 4); wanted: values that the column"),
        ({"code": "many"}, "from.code: 1 of 1 values that no row has (first: 'many')"),
        ({"id": ["7", "77"]}, "from.id: 1 of 2 values that no row has (did you mean '7'?) (first: '77')"),
        ({"id": "7", "code": 2}, "from: {'id': '7', 'code': 2} fits no row"),
    ],
)  # fmt: skip
def test_what_no_row_has_is_told(frame, selector, told):
    problems = Problems()
    select_rows(frame, selector, problems, subject="from")
    assert [str(problem)[: len(told)] for problem in problems] == [told]
