"""Shares of variance and fair shares, against functions whose shares are known in closed form."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, uniform

from resilience.errors import DataError
from resilience.risk import shapley_values, sobol_indices
from tests.ishigami import ANGLES, V1, V2, V, ishigami


def test_errors_cover_what_they_should() -> None:
    hits = []
    for seed in range(40):
        found = sobol_indices(ishigami, ANGLES, points=2**8, replicates=16, seed=seed).squeeze()
        off = np.abs(found["first_order"].values - [V1 / V, V2 / V, 0.0])
        hits.append(off <= 2.131 * found["first_order_standard_error"].values)  # t with 15 degrees of freedom, 95 %
    assert 0.88 <= np.mean(hits) <= 0.995


def test_several_outputs_and_one_that_does_not_vary() -> None:
    def model(x: dict[str, np.ndarray]) -> dict[str, np.ndarray | float]:
        return {"sum": 3.0 * x["a"] + 4.0 * x["b"], "one": x["b"], "constant": 2.0}

    found = sobol_indices(model, {"a": norm(), "b": norm()}, points=2**11)
    np.testing.assert_allclose(found["first_order"].sel(output="sum"), [0.36, 0.64], atol=0.01)
    np.testing.assert_allclose(found["total_order"].sel(output="one"), [0.0, 1.0], atol=0.01)
    assert (found.sel(output="constant").to_array() == 0.0).all()


def test_a_seed_repeats_and_another_does_not() -> None:
    one, again, other = (
        sobol_indices(ishigami, ANGLES, points=64, seed=seed)["total_order"].values for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).all()


@given(st.lists(st.integers(-50, 50), min_size=16, max_size=16))
def test_the_mean_over_all_orders_is_the_slow_twin(worths: list[int]) -> None:
    names = ["p", "q", "r", "s"]
    coalitions = [frozenset(one) for size in range(5) for one in combinations(names, size)]
    worth = dict(zip(coalitions, worths, strict=True))
    slow = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        for place, name in enumerate(order):
            slow[name] += (worth[frozenset(order[: place + 1])] - worth[frozenset(order[:place])]) / 24
    shares = shapley_values(names, lambda one: worth[one])
    np.testing.assert_allclose(shares, list(slow.values()), atol=1e-9)
    assert float(shares.sum()) == pytest.approx(worth[frozenset(names)] - worth[frozenset()], abs=1e-9)


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(DataError, match=r"inputs(.|\n)*points(.|\n)*replicates"):
        sobol_indices(ishigami, {}, points=100, replicates=1)
    with pytest.raises(DataError, match="missing values"):
        sobol_indices(lambda x: x["a"] * np.nan, {"a": uniform()}, points=8)
    with pytest.raises(DataError, match="every name once"):
        shapley_values(["a", "a"], lambda _: 0.0)
    with pytest.raises(DataError, match="20 at most"):
        shapley_values([str(i) for i in range(21)], lambda _: 0.0)
    with pytest.raises(DataError, match="none"):
        shapley_values([], lambda _: 0.0)
    with pytest.raises(DataError, match="nobody"):
        shapley_values(["a"], lambda one: 1.0 if one else np.nan)
