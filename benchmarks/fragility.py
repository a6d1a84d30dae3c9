"""Failure probabilities to failure bits, 512 samples of every asset."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.draws import FRAGILITY, stream_key
from resilience.kernels.fragility import quantise_probability, sample_failures

SAMPLES = 512


def numpy_bits(probability: NDArray[np.float64]) -> Callable[[], NDArray[np.uint8]]:
    """PCG64, float32, compared row by row and packed."""
    rng = np.random.default_rng(5)
    threshold = probability.astype(np.float32)[:, np.newaxis]
    uniform = np.empty((probability.size, SAMPLES), np.float32)

    def run() -> NDArray[np.uint8]:
        rng.random(out=uniform, dtype=np.float32)
        return np.packbits(uniform < threshold, axis=1, bitorder="little")

    return run


def scipy_bits(probability: NDArray[np.float64]) -> Callable[[], NDArray[np.uint8]]:
    """``scipy.stats.bernoulli.rvs`` for all assets at once, packed."""
    from scipy.stats import bernoulli

    rng = np.random.default_rng(5)
    column = probability[:, np.newaxis]

    def run() -> NDArray[np.uint8]:
        drawn = bernoulli.rvs(column, size=(probability.size, SAMPLES), random_state=rng)
        return np.packbits(drawn.astype(bool), axis=1, bitorder="little")

    return run


def same_rate(ours: NDArray[np.uint64], theirs: NDArray[np.uint8]) -> None:
    """Fail unless both failed about as often: their random numbers differ, the rest must not."""
    first = ours[: len(theirs)]
    own, other = (int(np.bitwise_count(bits).sum()) for bits in (first, theirs))
    assert abs(own - other) <= 6 * np.sqrt(own + other) + 6, (own, other)


@case("fragility", modules=("scipy",))
def fragility(size: Size) -> Iterator[Contest | Row]:
    """Every asset with a probability of its own."""
    n = size.of(tiny=100, quick=20_000, full=100_000)
    probability = np.random.default_rng(2).random(n) * 0.5
    identity = np.random.default_rng(7).integers(0, 2**64, n, dtype=np.uint64)
    threshold = np.empty(n, np.uint32)
    failed = np.empty((n, 8), np.uint64)
    key = stream_key(1, FRAGILITY, "flood")

    def run() -> NDArray[np.uint64]:
        quantise_probability(probability, threshold)
        sample_failures(key, identity, threshold, 0, failed)
        return failed

    part = size.of(tiny=100, quick=4_000, full=20_000)
    peers = (
        Peer("numpy PCG64 + packbits", lambda: numpy_bits(probability[:part]), part, Goal(">=", 18.0), agree=same_rate),
        Peer(
            "scipy bernoulli", lambda: scipy_bits(probability[:part]), part, Goal(">=", 90.0), "scipy", same_rate,
            repetitions=5,
        ),
    )  # fmt: skip
    yield Contest(f"fragility bits, {n:,} assets x 512 samples", run, n, "asset", peers)
