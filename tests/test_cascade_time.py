"""The cascade over time against a twin that follows one sample, and against closed forms."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from resilience.cascade import TimeGrid, Timeline, make_grid, plan_event
from resilience.errors import ConfigurationError
from resilience.kernels.compiler import INTERPRETED
from resilience.network import Network
from resilience.network.compile import CompiledNetwork, compile_network, identity
from tests.bits import lanes
from tests.naive.buffers import BufferTwin

HOURS = (0, 1, 2, 4, 8, 16, 24, 48)
FOREVER = np.int32(2**31 - 1)


def city(n: int, needs: list[dict]) -> tuple[Network, CompiledNetwork]:
    """Return assets a0, a1, ... and their needs; a need names its providers under `of`."""
    assets = gpd.GeoDataFrame([{"id": f"a{i}", "sector": "power", "geometry": Point(i, 0)} for i in range(n)], crs=5179)
    rows = [
        {"id": f"need{k}", "service": "power", "required": 1, "buffer_hours": 0.0, "recharge_hours": 0.0, **need}
        for k, need in enumerate(needs)
    ]
    dependencies = [{"need": row["id"], "provider": p} for row in rows for p in row.pop("of")]
    network = Network.from_tables(assets=assets, needs=pd.DataFrame(rows), dependencies=pd.DataFrame(dependencies))
    return network, compile_network(network)


def timeline(compiled: CompiledNetwork, probability: np.ndarray, grid: TimeGrid) -> Timeline:
    plan = plan_event(
        compiled, probability, graphs={}, seed=3, family="flood", horizon_hours=float(grid.minute[-1]) / 60
    )
    return Timeline(compiled, plan, grid)


def up_over_time(line: Timeline, restored: np.ndarray) -> np.ndarray:
    """Return who is up, (n_time - 1, n_asset, 512); once nothing is out any more, nothing changes."""
    states = []
    for _, stands in line.run(restored):
        last = lanes(line.cascade.up)
        if stands:
            states.append(last)
    return np.stack([*states, *[last] * (line.grid.step.size - len(states))])


def test_a_service_fails_late_and_comes_back() -> None:
    # a0 is out for 16 hours; a1 has a battery of 4 hours; a2 hangs on a1 with a battery of 2.
    _, compiled = city(
        3,
        [
            {"dependent": "a1", "of": ["a0"], "buffer_hours": 4},
            {"dependent": "a2", "of": ["a1"], "buffer_hours": 2},
        ],
    )
    grid = make_grid(HOURS, ends=[6])
    line = timeline(compiled, np.array([1.0, 0, 0]), grid)
    line.sample(0)
    up = up_over_time(line, np.full((1, 512), 16 * 60, np.int32))
    assert (up == up[:, :, :1]).all()
    hours = dict(zip((grid.minute[:-1] // 60).tolist(), up[:, :, 0].tolist(), strict=True))
    assert hours == {
        0: [False, True, True], 1: [False, True, True], 2: [False, True, True],
        4: [False, False, True], 6: [False, False, False], 8: [False, False, False],
        16: [True, True, True], 24: [True, True, True],
    }  # fmt: skip


def test_what_is_drawn_on_again_before_it_is_full_ends_sooner() -> None:
    """Supply fails from 0 to 2 h and again from 4 h on; of a battery of 4 hours the second time finds half, or none."""
    for recharge, wanted in ((0.0, [True] * 5), (6.0, [True, True, True, False, False])):
        _, compiled = city(
            4,
            [{"dependent": "a2", "of": ["a0", "a1"], "required": 2, "buffer_hours": 4, "recharge_hours": recharge}],
        )
        line = timeline(compiled, np.array([1.0, 1.0, 0, 1.0]), make_grid((0, 1, 2, 4, 6, 8)))
        line.sample(0)
        # a0 returns at 2 h; nothing here fails again by itself, so the row of a1 is drawn again by hand. a3 stays out.
        restored = np.full((3, 512), 2 * 60, np.int32)
        restored[2] = FOREVER
        seen = []
        for point, stands in line.run(restored):
            if not stands:
                continue
            seen.append(bool(lanes(line.cascade.up)[2, 0]))
            restored[1] = FOREVER if point >= 2 else 2 * 60
        assert seen == wanted


@pytest.mark.parametrize("seed", range(2 if INTERPRETED else 8))
def test_states_over_time_equal_those_of_a_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 14
    needs = []
    for _ in range(16):
        owner = int(rng.integers(n))
        of = [f"a{p}" for p in rng.choice(n, int(rng.integers(1, 4)), replace=False) if p != owner] or [f"a{owner - 1}"]
        needs.append(
            {
                "dependent": f"a{owner}" if of != [f"a{owner - 1}"] or owner else "a1",
                "of": of if owner or of != ["a-1"] else ["a0"],
                "required": int(rng.integers(1, len(of) + 1)),
                "buffer_hours": float(rng.choice([0, 0.5, 1, 3, 8, 500])),
                "start_probability": float(rng.choice([1.0, 0.6])),
                "recharge_hours": float(rng.choice([0, 2, 10])),
            }
        )  # fmt: skip
    network, compiled = city(n, needs)
    grid = make_grid(HOURS, ends=[0.5, 3])
    line = timeline(compiled, rng.choice([0.0, 0.3, 0.6], n), grid)
    line.sample(8)
    plan = line.cascade.plan
    restored = rng.choice([30, 60, 200, 500, 24 * 60, FOREVER], (plan.failing.size, 512)).astype(np.int32)
    up = up_over_time(line, restored)
    drawn, started = lanes(line.drawn), lanes(line._started)
    name_of = dict(zip(plan.buffer_row.tolist(), need_names(network, compiled), strict=True))
    twin = BufferTwin(network, grid)
    for s in range(0, 512, 40):
        out = {f"a{a}": int(restored[i, s]) for i, a in enumerate(plan.failing) if drawn[i, s]}
        starts = {name_of[row] for row in range(started.shape[0]) if started[row, s]}
        for point, state in enumerate(twin.run(out, starts, s)):
            assert {f"a{i}" for i in np.flatnonzero(up[point, :, s])} == state, (s, point)


def need_names(network: Network, compiled: CompiledNetwork) -> list[str]:
    """Return the ids of the needs in the order in which they are compiled."""
    ids = network.needs["id"].tolist()
    name_of = dict(zip(identity(ids).tolist(), ids, strict=True))
    return [name_of[number] for number in compiled.need_identity.tolist()]


@pytest.mark.parametrize("hours", [np.arange(0, 120.1, 0.5), np.array([0.0, 8.0, 40.0, 200.0])], ids=["fine", "coarse"])
def test_the_wait_beyond_a_buffer_is_that_of_an_exponential_outage(hours: np.ndarray) -> None:
    """E[(D - b)+] = m exp(-b / m): 6.161005 h for m = 12 h, b = 8 h, however coarse the grid."""
    _, compiled = city(2, [{"dependent": "a1", "of": ["a0"], "buffer_hours": 8}])
    grid = make_grid(hours)
    line = timeline(compiled, np.array([1.0, 0.0]), grid)
    rng = np.random.default_rng(5)
    groups = 1 if INTERPRETED else 20
    lost = []
    for group in range(groups):
        line.sample(8 * group)
        outage = rng.exponential(12.0, (1, 512))
        up = up_over_time(line, np.round(outage * 60).astype(np.int32))
        lost.append(((~up[:, 1]) * grid.step[:, np.newaxis]).sum(axis=0) / 60)
    wait = np.concatenate(lost)
    assert abs(wait.mean() - 6.161005) < 4 * wait.std() / np.sqrt(wait.size)


@pytest.mark.parametrize(
    "hours", [(0,), (1, 2), (0, 2, 2), (0, 3, 1), (0, np.nan), (0, np.inf), tuple(range(300))], ids=str
)
def test_grids_that_are_none_are_refused(hours: tuple) -> None:
    with pytest.raises(ConfigurationError, match=r"time\.hours"):
        make_grid(hours)


def test_infinite_buffers_hold_to_the_end() -> None:
    _, compiled = city(2, [{"dependent": "a1", "of": ["a0"], "buffer_hours": 1e9, "start_probability": 0.5}])
    line = timeline(compiled, np.array([1.0, 0.0]), make_grid(HOURS))
    line.sample(0)
    up = up_over_time(line, np.full((1, 512), FOREVER))
    assert 0 < up[0, 1].mean() < 1
    assert (up[:, 1] == up[0, 1]).all()
