"""The labelled face of scheduling: one table of jobs, a plan for many samples, what is refused."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from resilience.datasets import load_repair_times
from resilience.draws import REPAIR, stream_key
from resilience.errors import DataError
from resilience.kernels.schedule import NEVER
from resilience.repair import WorkCapacity, draw_jobs, plan_repairs, schedule, schedule_table

JOBS = pd.DataFrame({"id": list("abcd"), "sector": "power", "repair_hours": [3.0, 5.0, 2.0, 4.0]})


def ends(jobs=JOBS, **options):
    return schedule_table(jobs, **{"crews": {"power": 2}, **options})["end_hours"].tolist()


def test_a_table_is_scheduled_in_hours_and_not_changed():
    before = JOBS.copy()
    assert ends(rule="shortest") == [3.0, 8.0, 2.0, 6.0]
    assert ends(JOBS.assign(priority=[0, 1, 2, 3]), rule="priority", crews={"power": 1}) == [14.0, 11.0, 6.0, 4.0]
    pd.testing.assert_frame_equal(JOBS, before)


def test_way_release_and_precedence():
    jobs = JOBS.assign(travel_minutes=[30, 0, 0, 0], earliest_hours=[0, 0, np.inf, 6])
    table = schedule_table(jobs, crews={"power": 1}, before={"b": ["a"]})
    assert table["start_hours"].tolist() == [0.5, 3.5, np.inf, 8.5]
    assert table["end_hours"].tolist() == [3.5, 8.5, np.inf, 12.5]


def test_heat_slows_work():
    noon = WorkCapacity([0, 1, 3], [1.0, 0.5, 1.0])
    assert ends(work=noon, crews={"power": 4}) == [4.0, 6.0, 3.0, 5.0]
    assert ends(work=WorkCapacity([0], [0.25]), crews={"power": 4}) == [12.0, 20.0, 8.0, 16.0]


def test_more_crews_than_assets_are_as_many_as_assets():
    plan = plan_repairs(JOBS, crews={"power": 10**6})
    assert plan.plan.crews.tolist() == [4]
    assert ends(crews={"power": 10**6}) == [3.0, 5.0, 2.0, 4.0]


def test_precedence_in_a_long_chain():
    n = 50
    jobs = pd.DataFrame({"id": [str(i) for i in range(n)], "sector": "power", "repair_hours": 1.0})
    before = {str(i): [str(i + 1), str(i + 1)] for i in range(n - 1)}
    assert ends(jobs, before=before) == list(range(n, 0, -1))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rule": "fifi"}, "did you mean 'fifo'"),
        ({"crews": {}}, "1 of 1 sectors without one (first: power)"),
        ({"crews": {"power": -1}}, "power: -1"),
        ({"crews": {"power": 1.5}}, "whole numbers"),
        ({"before": {"a": ["x"], "y": ["b"]}}, "2 unknown ids (first: x, y)"),
        ({"before": {"a": ["b"], "b": ["c"], "c": ["a"]}}, "3 of 4 assets in or behind a loop (first: a, b, c)"),
        ({"before": {"a": ["a"]}}, "1 of 4 assets in or behind a loop"),
    ],
)
def test_what_cannot_be_planned(options, told):
    with pytest.raises(DataError, match=re.escape(told)):
        ends(**options)


@pytest.mark.parametrize(
    ("jobs", "told"),
    [
        (JOBS.drop(columns="sector"), "columns that are not there (first: sector)"),
        (JOBS.assign(repair_hours=[1, -1, np.nan, np.inf]), "3 of 4 others (first: -1, nan, inf)"),
        (JOBS.assign(travel_minutes=np.inf), "jobs.travel_minutes: 4 of 4"),
        (JOBS.assign(earliest_hours=-np.inf), "jobs.earliest_hours: 4 of 4"),
        (JOBS.assign(id="a"), "ids more than once"),
        (JOBS.assign(priority=np.nan), "4 numbers"),
    ],
)
def test_what_is_no_table_of_jobs(jobs, told):
    with pytest.raises(DataError, match=re.escape(told)):
        ends(jobs, rule="priority")


def test_a_rule_by_priority_needs_priorities():
    with pytest.raises(DataError, match="a number for every asset"):
        plan_repairs(JOBS, crews={"power": 1}, rule="priority")


def test_a_word_group_from_damage_to_end_of_repair():
    n = 5
    assets = pd.DataFrame({"id": [f"P{i}" for i in range(n)], "sector": "water"})
    times = load_repair_times().pack(["pump"] * n, peril="flood")
    # Asset i is damaged in samples 0 .. i, so sample 0 has all jobs and sample 4 the last one.
    damaged = np.zeros((1, n, 8), np.uint64)
    damaged[0, :, 0] = [2 ** (i + 1) - 1 for i in range(n)]
    common = {"times": times, "identity": np.arange(n, dtype=np.uint64), "key": stream_key(1, REPAIR, "river"),
              "first_word": 0, "travel": np.full(n, 60)}  # fmt: skip
    jobs = draw_jobs(damaged, earliest=np.zeros(n, np.int64), **common)
    assert np.diff(jobs.indptr)[:6].tolist() == [5, 4, 3, 2, 1, 0]
    start, end = schedule(plan_repairs(assets, crews={"water": 1}), jobs)
    assert end[:5].tolist() == (np.cumsum(60 + jobs.duration[:5])).tolist()
    assert (end - start == jobs.duration).all()
    # Reachable or not, by sample: the last sample's asset never is.
    earliest = np.zeros((n, 512), np.int64)
    earliest[4, 4] = NEVER
    later = draw_jobs(damaged, earliest=earliest, **common)
    assert (later.earliest == NEVER).tolist() == [False] * 14 + [True]
    assert schedule(plan_repairs(assets, crews={"water": 1}), later)[1][-1] == NEVER
    # A worse state is the same draw of another law.
    plant = load_repair_times().pack(["hazus_earthquake_water_plant"] * n, peril="flood", states=4)
    worst = draw_jobs(np.repeat(damaged, 4, axis=0), earliest=np.zeros(n, np.int64), **{**common, "times": plant})
    mild = draw_jobs(damaged, earliest=np.zeros(n, np.int64), **{**common, "times": plant})
    assert (worst.duration > mild.duration).all()


def test_a_capacity_is_a_step_function_from_zero():
    for hours, share, told in (
        ([0, 1], [1.0], "2 times and 1 share"),
        ([], [], "0 times"),
        ([1], [1.0], "increase from 0"),
        ([0, 2, 2], [1, 1, 1], "increase from 0"),
        ([0, np.nan], [1, 1], "increase from 0"),
        ([0, 1], [1.0, 1.2], "1 of 2 others (first: 1.2)"),
        ([0], [np.nan], "shares in [0, 1]"),
    ):
        with pytest.raises(DataError, match=re.escape(told)):
            WorkCapacity(hours, share)
