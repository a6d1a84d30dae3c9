"""Failure bits: exactly [U < t] for one U that a few lines of whole-number arithmetic define."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.draws import BUFFER, FRAGILITY, stream_key
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.fragility import CERTAIN, quantise_probability, sample_failures, sample_uniforms
from tests.bits import lanes

KEY = np.uint64(0x0123456789ABCDEF)
TOP = 2**32 - 1


def philox_slowly(x0: int, x1: int, x2: int, x3: int, k0: int, k1: int) -> tuple[int, int, int, int]:
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * x0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * x2, 2**32)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return x0, x1, x2, x3


def uniform_by_definition(key: int, identity: int, sample: int) -> int:
    """U of one asset and sample, most significant bit first: planes 2 j and 2 j + 1 come from one Philox call."""
    word, bit = divmod(sample, 64)
    value = 0
    for pair in range(16):
        a, b, c, d = philox_slowly(identity % 2**32, identity >> 32, word, pair, key % 2**32, key >> 32)
        for low, high in ((a, b), (c, d)):
            value = 2 * value + (((high << 32 | low) >> bit) & 1)
    return value


def identities(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def failures(identity: np.ndarray, threshold: np.ndarray, first_word: int = 0, key: np.uint64 = KEY) -> np.ndarray:
    failed = np.full((identity.size, 8), 0xABCD, np.uint64)
    sample_failures(key, identity, threshold, first_word, failed)
    return lanes(failed)


def uniforms(identity: np.ndarray, first_word: int = 0, key: np.uint64 = KEY) -> np.ndarray:
    uniform = np.empty((identity.size, 512), np.uint32)
    sample_uniforms(key, identity, first_word, uniform)
    return uniform


def thresholds(probability: list[float] | np.ndarray) -> np.ndarray:
    threshold = np.empty(len(probability), np.uint32)
    quantise_probability(np.asarray(probability, dtype=np.float64), threshold)
    return threshold


def test_uniforms_follow_the_definition() -> None:
    identity = np.concatenate([identities(3), np.array([0, 1, 2**32, 2**64 - 1], np.uint64)])
    for first_word, key in ((0, KEY), (8, np.uint64(0)), (2**32 - 8, np.uint64(2**64 - 1))):
        uniform = uniforms(identity, first_word, key)
        for i, s in itertools.product(range(identity.size), (0, 1, 63, 64, 200, 511)):
            assert uniform[i, s] == uniform_by_definition(int(key), int(identity[i]), first_word * 64 + s)


@pytest.mark.parametrize(
    ("probability", "wanted"),
    [
        (0.0, 0), (-0.0, 0), (1.0, TOP), (1e-12, 0), (5e-324, 0), (2**-33, 1), (0.99 * 2**-33, 0),
        (1 - 1e-12, TOP - 1), (np.nextafter(1, 0), TOP - 1),
        (0.5, 2**31), (0.25, 2**30), (2**-32, 1), (1.5 * 2**-32, 2), (1 - 2**-32, TOP - 1), (0.1, 429496730),
    ],
)  # fmt: skip
def test_a_probability_becomes_the_nearest_threshold_but_never_certainty(probability: float, wanted: int) -> None:
    assert thresholds([probability]).tolist() == [wanted]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_thresholds_keep_order_and_are_never_half_a_step_off(probability: list[float]) -> None:
    ordered = np.sort(np.array(probability))
    threshold = thresholds(ordered).astype(np.int64)
    assert (np.diff(threshold) >= 0).all()
    inner = (threshold > 1) & (threshold < TOP - 1)
    assert (np.abs(threshold[inner] - ordered[inner] * 2**32) <= 0.5).all()


def test_bits_are_the_indicator_of_the_uniforms() -> None:
    rng = np.random.default_rng(1)
    n = 8 if INTERPRETED else 200
    identity = identities(n)
    uniform = uniforms(identity, 16)
    for kind in range(4):
        if kind == 0:
            threshold = rng.integers(1, TOP, n, dtype=np.uint32)
        elif kind == 1:
            # A single bit: the rest of the threshold is zero from its plane on.
            threshold = np.uint32(1) << rng.integers(0, 32, n, dtype=np.uint32)
        elif kind == 2:
            # Decided at the last plane only: thresholds equal to one of the asset's own numbers, and one above.
            threshold = uniform[np.arange(n), rng.integers(0, 512, n)] + rng.integers(0, 2, n).astype(np.uint32)
        else:
            threshold = rng.integers(1, 100, n, dtype=np.uint32)
        np.testing.assert_array_equal(failures(identity, threshold, 16), uniform < threshold[:, np.newaxis])


def test_never_and_always_are_exact() -> None:
    failed = failures(identities(3), np.array([0, TOP, 2**31], np.uint32))
    assert not failed[0].any()
    assert failed[1].all()
    assert failed[2].any()
    assert not failed[2].all()
    assert int(CERTAIN) == TOP


def test_nested_thresholds_give_nested_failures() -> None:
    identity = np.repeat(identities(1), 20)
    ladder = thresholds(np.linspace(0, 1, 20))
    failed = failures(identity, ladder)
    assert (failed[:-1] <= failed[1:]).all()
    assert failed.sum(axis=1).tolist() == sorted(failed.sum(axis=1).tolist())


def test_an_asset_does_not_depend_on_its_neighbours_or_its_place() -> None:
    identity = identities(30)
    threshold = thresholds(np.random.default_rng(2).random(30))
    whole = failures(identity, threshold)
    chosen = np.random.default_rng(3).permutation(30)[:11]
    np.testing.assert_array_equal(failures(identity[chosen], threshold[chosen]), whole[chosen])


def test_word_groups_do_not_overlap() -> None:
    identity, threshold = identities(2), thresholds([0.5, 0.5])
    seen = {failures(identity, threshold, 8 * group).tobytes() for group in range(16)}
    assert len(seen) == 16


@pytest.mark.parametrize("probability", [0.001, 0.02, 0.3, 0.5, 0.9, 0.999])
def test_frequency_is_the_probability(probability: float) -> None:
    n, groups = (40, 1) if INTERPRETED else (400, 4)
    identity, threshold = identities(n, 7), thresholds(np.full(n, probability))
    count = sum(int(failures(identity, threshold, 8 * g).sum()) for g in range(groups))
    trials = n * groups * 512
    assert abs(count - trials * probability) < 5 * np.sqrt(trials * probability * (1 - probability))


@pytest.mark.parametrize("shift", [0, 24], ids=["leading bits", "trailing bits"])
def test_numbers_are_uniform(shift: int) -> None:
    values = uniforms(identities(12 if INTERPRETED else 200, 8)).astype(np.int64)
    bins = np.bincount((values >> (24 - shift) & 0xFF).ravel(), minlength=256)
    expected = values.size / 256
    chi_square = float(((bins - expected) ** 2 / expected).sum())
    # 255 degrees of freedom: mean 255, variance 510.
    assert abs(chi_square - 255) < 5 * np.sqrt(510)


def test_streams_of_other_words_assets_families_purposes_and_seeds_are_not_correlated() -> None:
    identity = identities(4 if INTERPRETED else 40, 9)
    base = stream_key(1, FRAGILITY, "river")
    others = {
        "other word": (identity, 8, base),
        "other asset": (identity + np.uint64(1), 0, base),
        "swapped halves": (identity << np.uint64(32) | identity >> np.uint64(32), 0, base),
        "other family": (identity, 0, stream_key(1, FRAGILITY, "coast")),
        "other purpose": (identity, 0, stream_key(1, BUFFER, "river")),
        "other seed": (identity, 0, stream_key(2, FRAGILITY, "river")),
    }
    first = uniforms(identity, 0, base).ravel() / 2**32
    for name, (who, word, key) in others.items():
        second = uniforms(who, word, key).ravel() / 2**32
        correlation = float(np.corrcoef(first, second)[0, 1])
        assert abs(correlation) < 5 / np.sqrt(first.size), name


def test_no_assets_is_fine() -> None:
    assert failures(np.empty(0, np.uint64), np.empty(0, np.uint32)).shape == (0, 512)
