"""Where everything meets: one block of samples of one event, and the blocks of a run as Dask tasks.

A block is a whole number of word groups. All sums are whole numbers, so they do not depend on how samples are cut into
blocks or in which order the blocks end.
"""

from __future__ import annotations

from resilience.engine.block import form_of_sums, solve_block
from resilience.engine.block_size import choose_block_samples
from resilience.engine.blocks import Block, Pool, Record, cut_blocks
from resilience.engine.city import City, EventTask, Toll, find_baseline, prepare_event
from resilience.engine.course import LEVELS, NEVER
from resilience.engine.crew_ways import Depots
from resilience.engine.dependents import people_behind
from resilience.engine.factors import LevelFactors, join_factors
from resilience.engine.hazard_course import HazardCourse
from resilience.engine.levels import Levels, lay_out_levels
from resilience.engine.pools import open_pool
from resilience.engine.recovery import Recovery, RepairRules, plan_recovery, return_minutes
from resilience.engine.schedule import simulate
from resilience.engine.sequence import prepare_sequence
from resilience.engine.sequence_recovery import SequenceRecovery
from resilience.engine.sums import BlockSums, TimeSums, list_arrays, square_step, sums_of
from resilience.engine.threads import Threads
from resilience.engine.water import Water

__all__ = [
    "LEVELS", "NEVER", "Block", "BlockSums", "City", "Depots", "EventTask", "HazardCourse", "LevelFactors", "Levels",
    "Pool", "Record", "Recovery", "RepairRules", "SequenceRecovery", "Threads", "TimeSums", "Toll", "Water",
    "choose_block_samples", "cut_blocks", "find_baseline", "form_of_sums", "join_factors", "lay_out_levels",
    "list_arrays", "open_pool", "people_behind", "plan_recovery", "prepare_event", "prepare_sequence",
    "return_minutes", "simulate", "solve_block", "square_step", "sums_of",
]  # fmt: skip
