"""Annual figures: the weighted sum over return periods, and the exceedance curve."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.events import annual_weights
from resilience.risk.exceedance import ExceedanceCurve, exceedance_curve
from resilience.risk.expected import annual_total, expected_annual
from resilience.variables import VARIABLES

RETURN_PERIODS = np.array([2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0])


@case("annual")
def annual(size: Size) -> Iterator[Contest | Row]:
    """Expected annual damage of assets from eight return periods."""
    n = size.of(tiny=50, quick=200_000, full=1_000_000)
    values = np.sort(np.random.default_rng(1).random((8, n)), axis=0) * 1e6
    losses = VARIABLES["asset_direct_loss"].array(values).assign_coords(family=("event", ["river"] * 8))
    found = annual_weights(RETURN_PERIODS, rule="trapezoid", tail="hold")
    weights = found.weights + found.tail_weights

    def total() -> NDArray[np.float64]:
        return np.asarray(annual_total(losses, weights=weights).values)

    def with_tail() -> NDArray[np.float64]:
        each = expected_annual(losses, weights=found.weights, tail_weights=found.tail_weights)
        return np.asarray(each["annual_value"].values)

    by_asset = np.ascontiguousarray(values.T)

    def product(damage: NDArray[np.float64], transposed: bool) -> Callable[[], NDArray[np.float64]]:
        return (lambda: weights @ damage) if transposed else (lambda: damage @ weights)

    def agree(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> None:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)

    def peers(goal: Goal | None) -> tuple[Peer, ...]:
        return (
            Peer("`D @ w`, assets in rows", lambda: product(by_asset, False), n, goal, agree=agree),
            Peer("`w @ D`, events in rows", lambda: product(values, True), n, goal, agree=agree),
        )

    subject = f"expected annual damage, {n:,} assets x 8 return periods"
    yield Contest(subject, total, n, "asset", peers(Goal("<=", 2.0)))
    yield Contest(f"{subject}, with its error and its tail", with_tail, n, "asset", peers(None))


@case("exceedance")
def exceedance(size: Size) -> Iterator[Contest | Row]:
    """The loss exceedance curve of distinct events."""
    n = size.of(tiny=50, quick=200_000, full=1_000_000)
    rng = np.random.default_rng(1)
    losses, rates = rng.lognormal(0, 1, n), rng.random(n) / n

    def curve() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        order = np.argsort(losses)[::-1]
        return losses[order], np.cumsum(rates[order])

    def agree(ours: ExceedanceCurve, theirs: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
        np.testing.assert_array_equal(ours[0], theirs[0][::-1])
        np.testing.assert_allclose(ours[1], theirs[1][::-1], rtol=1e-9)

    yield Contest(
        f"exceedance curve of {n:,} losses", lambda: exceedance_curve(losses, rates=rates), n, "loss",
        (Peer("argsort + cumsum", lambda: curve, n, Goal("<=", 2.0), agree=agree),),
    )  # fmt: skip
