"""When samples are enough: a service that no sample lost is never taken for one that cannot be lost."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from resilience.pipeline import assess
from resilience.stopping import count_events, find_losable, find_relative_error, tell_unseen
from tests.engine_cities import build, random_network, random_probability, solved, task_of

RARE = 1e-7  # chance, m of water


def told_bound(samples: int) -> float:
    (note,) = tell_unseen(["a"], np.zeros((1, 1, samples)), np.ones(1), np.array([True]), tolerance=None)
    (bound,) = re.findall(r"at most ([\d.e-]+) \(95 %", note)
    return float(bound)


def test_the_bound_of_what_was_never_seen_is_wilsons() -> None:
    """Against the published upper end for 0 of 1,000 and its closed form, z^2 / (n + z^2)."""
    assert told_bound(1000) == pytest.approx(0.003827, rel=0.01)
    for samples in (512, 4096, 1 << 20):
        assert told_bound(samples) == pytest.approx(1.959964**2 / (samples + 1.959964**2), rel=0.05)


def test_what_is_told_is_what_can_be_lost_and_never_was_in_events_that_count() -> None:
    names, weight = ["seen", "unseen", "safe", "elsewhere"], np.array([0.1, np.nan])
    losable = np.array([True, True, False, True])
    lost = np.zeros((2, 4, 512))
    lost[0, 0, 7] = lost[1, 3, 8] = 1.0
    (note,) = tell_unseen(names, lost, weight, losable, tolerance=0.1)
    assert "can fail: unseen, elsewhere; " in note
    assert "`tolerance` cannot be met" in note
    assert tell_unseen(names[:1], lost[:, :1], weight, losable[:1], tolerance=0.1) == []
    assert find_relative_error(lost, weight, losable) == np.inf
    assert find_relative_error(lost[:, 2:3], weight, losable[2:3]) == 0.0
    # Lost in one sample of n: the standard error is the mean.
    assert find_relative_error(lost[:, :1], weight, losable[:1]) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(12))
def test_what_a_sample_loses_can_be_lost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    city = build(network)
    probability = {asset: p * (rng.random() < 0.2) for asset, p in random_probability(rng, network).items()}
    people = solved(city, probability, groups=1).people.max(axis=1)
    losable = find_losable(city, [task_of(city, probability)], np.array([np.nan]))
    assert (losable | (people == 0)).all()
    assert not find_losable(city, [task_of(city, {})], np.ones(1)).any()
    assert not find_losable(city, [task_of(city, probability)] * 2, np.array([0.0, np.nan])).any()


def town(site: Any, depths: list[float], **counts: Any) -> Any:
    """Zones that need one of two assets (power), or the third (water); a depth is a probability."""
    return site.scenario(
        [{"id": "A"}, {"id": "B"}, {"id": "C", "sector": "water"}],
        [{"values": [depths], "return_periods": [100]}],
        needs=[("zone", "power", ["A", "B"], 1), ("zone", "water", ["C"], 1)],
        monte_carlo={"samples": 8192, "block": 4096, **counts},
    )


@pytest.mark.parametrize(
    ("depths", "samples", "told"),
    [
        ([0.0, 0.0, 0.5], 4096, False),  # nothing that gives power can fail
        ([0.5, 0.0, 0.5], 4096, False),  # nor all of it
        ([0.5, RARE, 0.5], 8192, True),
        ([0.5, 0.5, 0.5], 4096, False),
    ],
)
def test_a_run_with_a_tolerance_goes_on_for_what_was_never_seen(
    site: Any, depths: list[float], samples: int, told: bool
) -> None:
    result = assess(town(site, depths, tolerance=0.1))
    assert result.dataset.sizes["sample"] == samples
    notes = [note for note in result.notes if note.startswith("never lost in")]
    assert len(notes) == told
    if told:
        assert "8,192 samples" in notes[0]
        assert "can fail: power;" in notes[0]
        assert "`tolerance` cannot be met" in notes[0]


def test_without_a_tolerance_it_is_told_too(site: Any) -> None:
    notes = [note for note in assess(town(site, [0.5, RARE, 0.5], samples=4096)).notes if note.startswith("never lost")]
    assert len(notes) == 1
    assert notes[0].endswith("at most 0.00094 (95 %, Wilson)")


def test_where_no_rate_is_known_all_events_count() -> None:
    assert count_events(np.array([np.nan, np.nan])).tolist() == [1.0, 1.0]
    assert count_events(np.array([0.25, np.nan])).tolist() == [0.25, 0.0]
