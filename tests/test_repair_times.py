"""Repair times: laws of the distributions, what a table refuses, and the tables that are shipped."""

from __future__ import annotations

import pickle
import re
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

from resilience.datasets import load_recovery, load_repair_times
from resilience.datasets.asset_classes import ASSET_CLASSES
from resilience.datasets.repair_library import load_repair_sources
from resilience.errors import DataError, MissingInputError
from resilience.repair_times import RepairTime, RepairTimeTable

TIMES = [
    RepairTime("a", 1, "fixed", {"value": 7.5}),
    RepairTime("a", 1, "fixed", {"value": 0.0}),
    RepairTime("a", 1, "uniform", {"low": 30, "high": 210}, unit="day"),
    RepairTime("a", 1, "uniform", {"low": 5, "high": 5}),
    RepairTime("a", 1, "exponential", {"mean": 12}),
    RepairTime("a", 1, "lognormal", {"median": 72, "beta": 0.7}),
    RepairTime("a", 1, "normal", {"mean": 3, "sd": 1.5}, unit="day"),
    RepairTime("a", 1, "normal", {"mean": 40, "sd": 40}, unit="day"),
]
NAMES = [f"{time.distribution} {i}" for i, time in enumerate(TIMES)]


@pytest.mark.parametrize("time", TIMES, ids=NAMES)
def test_distribution_function_inverts_the_quantile(time):
    p = np.linspace(0.01, 0.99, 25)
    if time.distribution == "fixed" or time.parameters.get("low") == time.parameters.get("high", -1.0):
        at = time.quantile(0.5)
        assert time.cdf([at - 0.01, at]).tolist() == [0.0, 1.0]
    else:
        assert time.cdf(time.quantile(p)) == pytest.approx(p, abs=1e-12)
        assert time.cdf([-1.0, 0.0]).tolist() == [0.0, 0.0]
    assert time.cdf(1e9) == 1.0


@pytest.mark.parametrize("time", TIMES, ids=NAMES)
@pytest.mark.parametrize("buffer", [0.0, 4.0, 100.0, 2000.0])
def test_time_beyond_a_buffer_is_the_integral_of_the_survivors(time, buffer):
    kinks = sorted({buffer, *(max(buffer, float(time.quantile(p))) for p in (1e-9, 0.5, 0.99, 1 - 1e-9)), 1e6})
    wanted = sum(
        integrate.quad(lambda t: 1.0 - time.cdf(t), a, b, limit=200, epsabs=1e-12)[0] for a, b in pairwise(kinks)
    )
    assert time.mean_beyond(buffer) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_lognormal_keeps_mean_and_standard_deviation():
    lognormal = RepairTime("a", 1, "normal", {"mean": 7, "sd": 7}, unit="day").as_lognormal()
    median, beta = lognormal.parameters["median"], lognormal.parameters["beta"]
    assert lognormal.mean() == pytest.approx(7 * 24)
    assert lognormal.mean() * np.sqrt(np.expm1(beta**2)) == pytest.approx(7 * 24)
    assert median == pytest.approx(7 * 24 / np.sqrt(2))
    assert RepairTime("a", 1, "lognormal", {"mean": 7, "sd": 7}, unit="day").parameters == lognormal.parameters
    assert TIMES[4].as_lognormal() is TIMES[4]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"distribution": "lognormale"}, "did you mean 'lognormal'"),
        ({"unit": "weeks"}, "one of h, day"),
        ({"basis": "guess"}, "one of source, default, memory"),
        ({"state": -1}, "0 for an outage"),
        ({"repair_class": " "}, "a class"),
        ({"parameters": {"median": 3}}, "median and beta or mean and sd"),
        ({"parameters": {"median": -3, "beta": 0.5}}, "above 0"),
        ({"parameters": {"median": 3, "beta": np.nan}}, "above 0"),
        ({"parameters": {"median": 1e9, "beta": 0.5}}, "at most 10,000,000 hours"),
        ({"distribution": "uniform", "parameters": {"low": 3, "high": 2}}, "at least low"),
        ({"distribution": "fixed", "parameters": {"value": -1}}, ">= 0"),
    ],
)
def test_what_is_no_repair_time(change, told):
    given = {"repair_class": "pump", "state": 1, "distribution": "lognormal", "parameters": {"median": 3, "beta": 0.5}}
    with pytest.raises(DataError, match=re.escape(told)):
        RepairTime(**{**given, **change})


def test_quantiles_are_of_probabilities():
    with pytest.raises(DataError, match="2 of 3 others"):
        TIMES[4].quantile([0.0, 0.5, 1.0])


def write(path, *lines):
    (path / "own.csv").write_text("\n".join(lines) + "\n")
    return path / "own.csv"


def test_tables_come_from_csv_and_replace_shipped_ones(tmp_path):
    path = write(
        tmp_path, "repair_class,state,distribution,value,median,beta,peril",
        "pump,1,fixed,2,,,flood", "pump,2,lognormal,,5,0.5,flood", "own,1,fixed,1,,,",
    )  # fmt: skip
    own = RepairTimeTable.from_csv(path, unit="day", source="us", note="Ours.")
    both = load_repair_times().merge(own)
    assert both.find("pump", 1, peril="flood").mean() == 48.0
    assert both.find("pump", 2, peril="flood").note == "Ours."
    assert both.find("own", 1, peril="heat").mean() == 24.0
    assert both.find("pump", 1, peril="heat").basis == "default"
    with pytest.raises(DataError, match="no row"):
        both.find("pump", 0, peril="flood")
    assert len(pickle.loads(pickle.dumps(both))) == len(both)
    assert set(both.to_frame()["unit"]) == {"h"}


def test_every_mistake_of_a_file_is_told_at_once_with_its_line(tmp_path):
    path = write(
        tmp_path, "repair_class,state,distribution,value,median,beta", "pump,one,fixed,2,,", "pump,1,lognormal,,5,x",
        "pump,1,lognormal,,5,0.5", "road,1,fixed,,,",
    )  # fmt: skip
    with pytest.raises(DataError) as caught:
        RepairTimeTable.from_csv(path, unit="h")
    told = str(caught.value)
    assert [f"own.csv:{line}:" in told for line in (2, 3, 4, 5)] == [True, True, False, True]
    with pytest.raises(DataError, match="unit: no unit; wanted: h or day"):
        RepairTimeTable.from_csv(write(tmp_path, "repair_class,state,distribution,value", "pump,1,fixed,2"))
    with pytest.raises(DataError, match="unknown columns: "):
        RepairTimeTable.from_csv(write(tmp_path, "repair_class,state,distribution,hours", "pump,1,fixed,2"), unit="h")
    with pytest.raises(DataError, match="columns that are not there: "):
        RepairTimeTable.from_csv(write(tmp_path, "repair_class,distribution,value", "pump,fixed,2"), unit="h")
    with pytest.raises(MissingInputError):
        RepairTimeTable.from_csv(tmp_path / "absent.csv", unit="h")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="with a header"):
        RepairTimeTable.from_csv(tmp_path / "empty.csv", unit="h")


def fixed(state, value, peril=""):
    return RepairTime("pump", state, "fixed", {"value": value}, peril=peril)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([fixed(1, 2), fixed(1, 3)], "twice"),
        ([fixed(1, 2), fixed(3, 3)], "without a gap"),
        ([fixed(1, 5), fixed(2, 3)], "a median of at least 5 h"),
    ],
)
def test_what_is_no_table(times, told):
    with pytest.raises(DataError, match=told):
        RepairTimeTable(times)


def test_assets_are_packed_with_the_time_of_their_peril():
    table = RepairTimeTable([fixed(0, 1, "flood"), fixed(1, 2, "flood"), fixed(1, 3)])
    flood = table.pack(["pump", "", "pump"], peril="flood", needed=[True, False, True])
    assert flood.index.tolist() == [[0, 1], [-1, -1], [0, 1]]
    assert flood.first.tolist() == [1.0, 2.0]
    heat = table.pack(["pump"], peril="heat")
    assert (heat.index.tolist(), heat.first.tolist()) == ([[-1, 0]], [3.0])
    assert table.pack([], peril="flood").index.shape == (0, 2)
    with pytest.raises(DataError) as caught:
        table.pack(["pump", "", "pmp"], peril="flood", states=2)
    told = str(caught.value)
    assert "1 of 3 empty (first: row 1)" in told
    assert "'pump' state 2, 'pmp' state 1 (did you mean 'pump'?)" in told


def test_shipped_sources_are_complete_and_tell_judgement_from_reading():
    shipped = load_repair_sources()
    folder = files("resilience.datasets.repair")
    assert sorted(shipped) == sorted(path.name for path in folder.iterdir() if path.name.endswith(".csv"))
    for about in shipped.values():
        assert set(about) == {"title", "source", "licence", "content", "peril", "unit", "basis", "note"}
        assert all(about[name] for name in about if name != "peril")
    basis = {time.repair_class: time.basis for time in load_repair_times()}
    assert {name: basis[name] for name in ("substation", "hazus_flood_COM6", "hazus_earthquake_pump")} == {
        "substation": "default", "hazus_flood_COM6": "source", "hazus_earthquake_pump": "memory",
    }  # fmt: skip


def test_every_repair_class_of_the_synthetic_city_has_defaults():
    classes = sorted({one.repair_class for one in ASSET_CLASSES.values()})
    for peril in ("flood", "heat"):
        packed = load_repair_times().pack(classes, peril=peril)
        assert (packed.index >= 0).all()
        median = np.array([float(load_repair_times().find(name, 1, peril=peril).quantile(0.5)) for name in classes])
        outage = np.array([load_repair_times().find(name, 0, peril=peril).mean() for name in classes])
        assert (outage < median).all()


def test_hazus_restoration_of_buildings():
    times = load_repair_times()
    hospital = [times.find("hazus_flood_COM6", state, peril="flood").parameters for state in range(1, 7)]
    assert [(one["low"] / 24, one["high"] / 24) for one in hospital] == [
        (0, 360), (360, 540), (360, 540), (540, 720), (720, 900), (720, 900),
    ]  # fmt: skip
    assert times.find("hazus_flood_IND1", 1, peril="flood").mean() == 0.0
    assert "not the time until" in times.find("hazus_flood_COM6", 1, peril="flood").note


def test_a_recovery_is_told_with_its_source():
    seen = load_recovery("nirs_2025")
    assert seen.attrs["source"].startswith("news1.kr")
    assert seen["share"].iloc[[0, -1]].tolist() == [0.0, 1.0]
    with pytest.raises(DataError, match="did you mean 'nirs_2025'"):
        load_recovery("nirs_2052")


@pytest.mark.parametrize(
    "time",
    [
        RepairTime("a", 1, "fixed", {"value": 7}),
        RepairTime("a", 1, "uniform", {"low": 2, "high": 9}),
        RepairTime("a", 1, "exponential", {"mean": 12}),
        RepairTime("a", 1, "lognormal", {"mean": 30, "sd": 40}),
        RepairTime("a", 1, "normal", {"mean": 40, "sd": 40}),
        RepairTime("a", 1, "normal", {"mean": 400, "sd": 3}),
    ],
    ids=lambda time: f"{time.distribution}-{time.mean():.0f}",
)
def test_the_median_is_the_quantile_of_one_half(time: RepairTime) -> None:
    assert time.median() == pytest.approx(float(time.quantile(0.5)), rel=1e-12)
