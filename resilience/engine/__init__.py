"""Where everything meets: one block of samples of one event, and the blocks of a run as Dask tasks.

A block is a whole number of word groups. All sums are whole numbers, so they do not depend on how samples are cut into
blocks or in which order the blocks end.
"""

from __future__ import annotations

from resilience.engine.block import solve_block
from resilience.engine.city import City, EventTask, find_baseline, prepare_event
from resilience.engine.course import LEVELS, NEVER
from resilience.engine.factors import LevelFactors
from resilience.engine.levels import Levels, lay_out_levels
from resilience.engine.recovery import Recovery, RepairRules, plan_recovery
from resilience.engine.schedule import Block, cut_blocks, run_blocks, simulate
from resilience.engine.sums import BlockSums, TimeSums, square_step

__all__ = [
    "LEVELS", "NEVER", "Block", "BlockSums", "City", "EventTask", "LevelFactors", "Levels", "Recovery", "RepairRules",
    "TimeSums", "cut_blocks", "find_baseline", "lay_out_levels", "plan_recovery", "prepare_event", "run_blocks",
    "simulate", "solve_block", "square_step",
]  # fmt: skip
