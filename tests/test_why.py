"""Why a loss came about: tables for people, from a result small enough to be read."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from resilience.why import causes_table, order_by_kind, origins_table, roots_table, why_table


@pytest.fixture
def result():
    """Two events, 4 samples: a substation fails half the time, a clinic hangs on it, a road is closed."""
    people = np.zeros((2, 2, 4))
    people[0, 0] = [10, 10, 0, 0]
    people[0, 1] = [10, 10, 10, 10]
    people[1, 1] = [0, 0, 0, 10]
    down = np.zeros((2, 4, 2), int)
    down[0, 2, 0], down[0, 3, 1], down[:, 0, 0] = 2, 2, (4, 1)
    root = np.zeros((2, 4, 2))
    root[0, 2, 0] = root[0, 3, 0] = 2
    root[:, 0, 1] = 4, 1
    lost, zone_root = np.zeros((2, 1, 2)), np.zeros((2, 1, 2, 2))
    lost[:, 0, :] = [[2, 4], [0, 1]]
    zone_root[0, 0] = [[2, 0], [1, 3]]
    zone_root[1, 0, 1, 1] = 1
    return xr.Dataset(
        {
            "people_without_service": (("event", "service", "sample"), people),
            "root_people": (("event", "service", "root"), [[[20, 0], [10, 30]], [[0, 0], [0, 10]]]),
            "down_count": (("event", "asset", "cause"), down),
            "root_share": (("event", "asset", "root"), root),
            "failed_count": (("event", "asset"), [[4, 0, 2, 0], [1, 0, 0, 0]]),
            "exposed_intensity": (("event", "asset"), [[0.4, 0.0, 1.2, 0.0], [0.3, 0.0, 0.0, 0.0]]),
            "zone_without_service": (("event", "zone", "service"), lost),
            "zone_root": (("event", "zone", "service", "root"), zone_root),
            "service_by": ("service", ["assignment", "road"]),
            "annual_weight": ("event", [0.1, 0.2]),
            "tail_weight": ("event", [0.0, 0.1]),
        },
        coords={
            "event": ["a", "b"], "asset": ["r1", "r2", "s", "c"], "zone": ["z"], "service": ["power", "medical"],
            "cause": ["hazard", "need:power"], "root": ["power/flood", "road/flood"],
            "sector": ("asset", ["road", "road", "power", "medical"]),
            "kind": ("asset", ["street", "street", "substation", "clinic"]), "peril": ("event", ["flood", "flood"]),
        },
    )  # fmt: skip


def by_rows(table):
    header, blocks = table
    return header, (row for columns in blocks for row in zip(*columns, strict=True))


def conditional(result):
    nothing = ("event", [np.nan, np.nan])
    return result.assign(annual_weight=nothing, tail_weight=nothing)


def test_kinds_of_few_assets_come_first(result):
    assert result["asset"].values[order_by_kind(result)].tolist() == ["c", "s", "r1", "r2"]


def test_each_thing_has_its_cause_and_its_root(result):
    header, rows = by_rows(causes_table(result))
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["event"], row["id"], row["service"]) for row in found] == [
        ("a", "c", ""), ("a", "s", ""), ("a", "r1", ""), ("a", "z", "power"), ("a", "z", "medical"),
        ("b", "r1", ""), ("b", "z", "medical"),
    ]  # fmt: skip
    clinic = found[0]
    assert (clinic["probability"], clinic["cause"], clinic["root"], clinic["intensity"]) == (
        0.5, "need:power", "power/flood", 0.0,
    )  # fmt: skip
    assert [(row["cause"], row["root"], row["root_share"]) for row in found[3:5]] == [
        ("need:power", "power/flood", 1.0), ("access", "road/flood", 0.75),
    ]  # fmt: skip


def test_a_year_is_told_where_there_are_rates(result):
    assert why_table(result) == [
        ["lost", "why: root causes, share of the loss"],
        ["power", "100 % power/flood"],
        # Per year 0.1 of the first event (2.5 and 7.5 people) and 0.3 of the second (2.5).
        ["medical", "86 % road/flood, 14 % power/flood"],
    ]
    header, rows = by_rows(roots_table(result, "persons"))
    assert dict(zip(header, next(rows), strict=True)) == {
        "event": "per year", "service": "power", "root": "power/flood", "value": pytest.approx(0.5), "share": 1.0,
        "unit": "persons/year",
    }  # fmt: skip


def test_roots_are_told_by_name(result):
    assert origins_table(result) == [
        ["root", "what the hazard can put out of function there"], ["power/flood", "s"], ["road/flood", "r1"],
    ]  # fmt: skip


def test_a_root_of_hours_alone_is_told_by_name_too(result):
    """A battery bridges the peak, and the loss begins when it has run out."""
    hours = result["root_people"] * [1, 0]
    held = result.assign(root_people=result["root_people"] * [0, 1])
    assert origins_table(held)[1:] == [["road/flood", "r1"]]
    assert origins_table(held.assign(root_person_hours=hours))[1:] == [["power/flood", "s"], ["road/flood", "r1"]]


def test_a_root_without_anything_that_fails_is_the_water_that_slows(result):
    slow = result.assign(failed_count=result["failed_count"] * [0, 0, 1, 1])
    assert origins_table(slow)[1:] == [["power/flood", "s"], ["road/flood", "nothing: the water on it slows"]]


def test_events_without_rates_stand_alone(result):
    assert why_table(conditional(result)) == [
        ["event", "lost", "why: root causes, share of the loss"],
        ["a", "power", "100 % power/flood"],
        ["a", "medical", "75 % road/flood, 25 % power/flood"],
        ["b", "medical", "100 % road/flood"],
    ]


def test_what_was_not_traced_is_told(result):
    untraced = conditional(result).assign(root_people=result["root_people"] * 0.5)
    assert why_table(untraced)[1] == ["a", "power", "50 % power/flood, 50 % not traced"]


def test_services_lost_for_the_same_reason_share_a_row(result):
    same = result.isel(service=[1, 1]).assign_coords(service=["medical", "care"])
    assert why_table(same)[1] == ["medical, care", "86 % road/flood, 14 % power/flood"]


def test_many_assets_are_counted_and_many_rows_cut(result):
    crowd = conditional(result).assign(failed_count=result["failed_count"] * 0 + 1)
    crowd = crowd.assign_coords(sector=("asset", ["road"] * 4))
    assert origins_table(crowd)[2] == ["road/flood", "2 street, 1 clinic, 1 substation"]
    many = xr.concat([conditional(result)] * 20, dim="event", data_vars="all")
    rows = why_table(many)
    assert len(rows) == 26
    assert rows[-1] == ["...", "36 more", "see why.csv"]


def test_without_a_loss_there_is_nothing_to_explain(result):
    nothing = result.assign(people_without_service=result["people_without_service"] * 0)
    assert why_table(nothing) == []
    assert origins_table(result.assign(root_people=result["root_people"] * 0)) == []


def test_text_of_a_stored_result_does_as_well(result):
    kinds = np.dtypes.StringDType()
    stored = result.assign_coords({name: result[name].astype(kinds) for name in ("event", "asset", "sector", "root")})
    assert why_table(stored) == why_table(result)
    assert next(by_rows(causes_table(stored))[1])[:4] == ("a", "asset", "c", "clinic")
