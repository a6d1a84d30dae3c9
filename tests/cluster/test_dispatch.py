"""Which worker has which block: every block is done once, and the one that kills is found."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from resilience.engine.dispatch import MOST_DEATHS, Dispatch


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_every_block_is_done_once_whatever_dies(seed: int, n_block: int) -> None:
    chance = random.Random(seed)
    dispatch = Dispatch(n_block)
    threads = {"a": 1, "b": 2}
    held: dict[str, list[int]] = {"a": [], "b": []}
    done: Counter[int] = Counter()
    while dispatch.waiting or dispatch.busy:
        for worker, count in threads.items():
            while (number := dispatch.give(worker, threads=count)) is not None:
                held[worker].append(number)
            assert len(held[worker]) <= count + 1
        assert sorted(dispatch.workers) == [worker for worker in held if held[worker]]
        worker = chance.choice(dispatch.workers)
        number = chance.choice(held[worker])
        match chance.randrange(8):
            case 0:
                assert dispatch.lose(worker) == held[worker]
                held[worker] = []
                continue
            case 1:
                dispatch.retry(worker, number)
            case _:
                dispatch.finish(worker, number)
                done[number] += 1
        held[worker].remove(number)
    assert done == Counter(range(n_block))


@given(st.integers(0, 9), st.integers(1, 3), st.integers(1, 3))
def test_the_block_that_kills_is_found_and_no_other(killer: int, workers: int, threads: int) -> None:
    dispatch = Dispatch(10)
    deaths = 0
    while deaths < 20:
        for worker in [f"{deaths}-{i}" for i in range(workers)] + dispatch.workers:
            while dispatch.give(worker, threads=threads) is not None:
                pass
        killed = next((worker for worker in dispatch.workers if killer in dispatch._at[worker]), None)
        if killed is None:
            worker = dispatch.workers[0]
            dispatch.finish(worker, dispatch._at[worker][0])
            continue
        deaths += 1
        guilty = dispatch.guilty(dispatch.lose(killed))
        if guilty is not None:
            break
    assert (guilty, deaths) == (killer, MOST_DEATHS)
