"""All that a run does before its samples, and a finer time grid tried."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.annual import weigh_events
from resilience.cascade import MOST_POINTS
from resilience.engine import Block, BlockSums, Threads, simulate
from resilience.errors import Attempts
from resilience.hazard_error import check_errors
from resilience.horizon import Horizon, halve
from resilience.inputs import Inputs
from resilience.kernels.rows import SAMPLES
from resilience.options import take_option, told_of
from resilience.pipeline import prepare_run
from resilience.quotients import divide
from resilience.scenario import Scenario
from resilience.scenario.options import OptionSection, settle_options
from resilience.service import drive_times
from resilience.stopping import count_events
from resilience.tasks import prepare


def rehearse(scenario: Scenario, inputs: Inputs) -> dict[str, float] | None:
    """Return what halving every step of the time grid changes; None without a grid, or where the finer is too long.

    Raises
    ------
    DataError, ConfigurationError
        With everything that is wrong once maps meet assets.
    """
    check_errors(inputs, scenario)
    prepared = prepare_run(scenario, inputs)
    layout, horizon = prepared.city.layout, prepared.horizon
    weights = weigh_events(inputs, scenario)
    for part in layout.timed.values():
        drive_times(layout, part.network, part.drive)
    rehearse_options(scenario, inputs)
    if horizon is None or halve(horizon.grid).minute.size > MOST_POINTS:
        return None
    weight = weights["annual_weight"][1] + weights["tail_weight"][1]
    return compare_halved(inputs, prepared.damaged, scenario, horizon, weight)


def rehearse_options(scenario: Scenario, inputs: Inputs) -> None:
    """Raise with everything that is wrong once maps meet the city that an option makes, of all options."""
    attempt = Attempts(scenario.place)

    def try_option(number: int, option: OptionSection) -> None:
        with told_of(option):
            prepare_run(*take_option(scenario, inputs, option, number=number))

    for number, option in enumerate(settle_options(scenario.options)):
        attempt(partial(try_option, number, option), key=f"options.{number}")
    attempt.raise_if_any()


def compare_halved(
    inputs: Inputs, damaged: xr.Dataset, scenario: Scenario, horizon: Horizon, weights: NDArray[np.float64]
) -> dict[str, float]:
    """Return what halving every step of the time grid changes, per service as a share of the person-hours lost.

    Parameters
    ----------
    inputs : Inputs
    damaged : xarray.Dataset
        Of all events.
    scenario : Scenario
    horizon : Horizon
    weights : (n_event,) float64
        Annual; where no event has one, all count the same.
    """
    lost = []
    for one in (horizon, replace(horizon, grid=halve(horizon.grid))):
        city, tasks = prepare(inputs, damaged, scenario, one)
        city = replace(city, with_roots=False)
        minutes = np.zeros((len(tasks), len(city.layout.names)))

        def take(block: Block, sums: BlockSums, minutes: NDArray[np.float64] = minutes) -> None:
            assert sums.over_time is not None  # the city has a grid
            minutes[block.task.event] = sums.over_time.sample_minutes.sum(axis=1)

        simulate(city, tasks, n_samples=SAMPLES, block_samples=SAMPLES, pool=Threads(), on_block=take)
        lost.append(count_events(weights) @ minutes)
    whole, fine = lost
    change = divide(fine - whole, whole)
    return dict(zip(city.layout.names, change.tolist(), strict=True))
