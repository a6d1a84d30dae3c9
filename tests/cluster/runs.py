"""A small city, and every bit that its blocks come to."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.engine import Block, BlockSums, City, EventTask, list_arrays, simulate
from resilience.scenario import Scenario

SAMPLES = 2048


def small_scenario(**more: Any) -> Scenario:
    return Scenario.from_dict(
        {"schema_version": 1, "name": "a", "network": {"synthetic": {"size": 600}},
         "monte_carlo": {"samples": SAMPLES}, "time": {"repair": {}}, "cascade": {"levels": {"water": "share"}},
         "risk": {"catalogue_years": 0}, "importance": {"top": 0}, **more}
    )  # fmt: skip


def solved(city: tuple[City, list[EventTask]], pool: Any, block: int = 512, **how: Any) -> dict[str, Any]:
    """Return every array that the run gives, those of samples in order."""
    people: dict[tuple[int, int], Any] = {}

    def keep(block: Block, sums: BlockSums) -> None:
        assert (block.task.event, block.number) not in people, "taken twice"
        people[block.task.event, block.number] = sums.people.copy()
        if "on_block" in how:
            how["on_block"](block)

    sums = simulate(*city, n_samples=SAMPLES, block_samples=block, pool=pool, on_block=keep)
    found = {f"people {event}": np.concatenate([people[key] for key in sorted(people) if key[0] == event], axis=1)
             for event in {key[0] for key in people}}  # fmt: skip
    per_sample = ("people", "unserved", "over_time.sample_minutes", "over_time.unserved_minutes", "over_time.toll",
                  "over_time.worst", "over_time.worst_minute", "over_time.interrupted", "over_time.restored",
                  "access.people")  # fmt: skip
    for task, one in zip(city[1], sums, strict=True):
        found |= {f"{name} {task.event}": array for name, array in list_arrays(one).items() if name not in per_sample}
    return found


def assert_same_bits(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    other = [name for name in wanted if found[name].tobytes() != wanted[name].tobytes()]
    assert other == []
