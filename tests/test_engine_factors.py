"""Factors on what sectors give, draw and carry: what is refused, and which steps they change."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.engine import LevelFactors
from resilience.errors import ConfigurationError


def test_one_row_stands_for_all_steps() -> None:
    factors = LevelFactors("power", capacity=np.full((1, 2), 0.5), demand=np.ones((3, 2)))
    assert [factors.row("capacity", step).tolist() for step in range(3)] == [[0.5, 0.5]] * 3
    assert factors.row("rating", 2) is None
    assert factors.changed.tolist() == [True, True, True]


def test_worst_of_all_steps() -> None:
    steps = np.array([[0.5, 1.0], [0.9, 0.8]])
    worst = LevelFactors("power", capacity=steps, demand=steps, rating=steps[:1]).worst
    assert {name: values.tolist() for name, values in worst.given.items()} == {
        "capacity": [[0.5, 0.8]], "demand": [[0.9, 1.0]], "rating": [[0.5, 1.0]],
    }  # fmt: skip


def test_steps_that_scale_nothing_are_told() -> None:
    assert LevelFactors("power", demand=np.array([[1.0, 1.0], [1.0, 1.1]])).changed.tolist() == [False, True]


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        LevelFactors("power", capacity=np.array([[-1.0, np.nan]]), demand=np.ones(3), rating=np.array([[0.0, 1.0]]))
    told = str(caught.value)
    for part in ("capacity in power: 2 of 2", "demand in power: shape (3,)", "rating in power: 1 of 2"):
        assert part in told
    with pytest.raises(ConfigurationError, match="none of them"):
        LevelFactors("power")
    with pytest.raises(ConfigurationError, match="as many steps"):
        LevelFactors("power", capacity=np.ones((2, 1)), demand=np.ones((3, 1)))
