"""Several states of damage from one U: a twin per sample, closed forms, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.check import check
from resilience.draws import FRAGILITY, stream_key
from resilience.errors import ConfigurationError, DataError
from resilience.kernels.fragility import quantise_probability, sample_uniforms
from resilience.network.compile import identity
from resilience.pipeline import assess
from resilience.scenario import Scenario

STATES = """repair_class,state,distribution,value
press,0,fixed,2
press,1,fixed,10
press,2,fixed,30
press,3,fixed,100
lamp,1,fixed,5
"""

CURVES = """name,role,peril,unit,x,y,source,basis,group,state
press_1,fragility,flood,m,0,0,own,default,press_flood,1
press_1,fragility,flood,m,1,0.8,own,default,press_flood,1
press_2,fragility,flood,m,0,0,own,default,press_flood,2
press_2,fragility,flood,m,1,0.4,own,default,press_flood,2
press_3,fragility,flood,m,0,0,own,default,press_flood,3
press_3,fragility,flood,m,1,0.1,own,default,press_flood,3
high_1,fragility,flood,m,0,0,own,default,too_high,1
high_1,fragility,flood,m,0.5,1,own,default,too_high,1
"""

DEPTH = 0.5


def city(site: Any, folder: Path, *, samples: int = 2048, curves: str = CURVES, **repair: Any) -> Scenario:
    """A press and a lamp, each of which serves its zone of a thousand, in half a metre of water for ten hours."""
    (folder / "times.csv").write_text(STATES)
    (folder / "states.csv").write_text(curves)
    assets = [{"id": "P", "repair_class": "press"}, {"id": "L", "repair_class": "lamp"}]
    scenario = site.scenario(
        assets, [{"values": [[DEPTH, DEPTH]], "events": ["e"], "duration_hours": 10}], samples=samples,
        zones=[{"id": "zp"}, {"id": "zl"}], needs=[("zp", "power", ["P"], 1), ("zl", "water", ["L"], 1)],
        time={"hours": list(range(201)), "restart_hours": 0,
              "repair": {"file": str(folder / "times.csv"), "unit": "h", **repair}},
    )  # fmt: skip
    data = scenario.to_dict()
    data["curves"]["files"].append({"path": str(folder / "states.csv")})
    return Scenario.from_dict(data)


def uniform(asset: str, samples: int) -> np.ndarray:
    """U of an asset in the family of the city."""
    key = stream_key(1, FRAGILITY, "family0")
    out = np.empty((samples // 512, 1, 512), np.uint32)
    for group, rows in enumerate(out):
        sample_uniforms(key, identity([asset]), 8 * group, rows)
    return out.ravel()


def thresholds(*probabilities: float) -> list[int]:
    out = np.empty(len(probabilities), np.uint32)
    quantise_probability(np.array(probabilities), out)
    return [int(one) for one in out]


def seen_hours(dataset: xr.Dataset, service: str) -> np.ndarray:
    return dataset["person_hours_lost"].isel(event=0).sel(service=service).values / 1000


@pytest.mark.parametrize("how", ["shares", "curves"])
def test_the_state_of_every_sample_is_that_of_its_u(site: Any, tmp_path: Path, how: str) -> None:
    keys = {"damaged": {"flood": [0.8, 0.4, 0.1]}} if how == "shares" else {"states": {"press": "press_flood"}}
    found = assess(city(site, tmp_path, **keys)).dataset
    fails, *_ = thresholds(DEPTH)
    if how == "shares":
        bounds = [fails, *(int(np.floor(fails * share)) for share in (0.8, 0.4, 0.1))]
    else:
        bounds = [fails, *thresholds(0.8 * DEPTH, 0.4 * DEPTH, 0.1 * DEPTH)]
    # Out for 12 h; damaged for 10 h of water and the work of the state; 200 h is the end of the grid.
    hours = np.array([0, 12, 20, 40, 110])
    u = uniform("P", 2048)
    state = sum((u < bound).astype(int) for bound in bounds)
    assert np.bincount(state, minlength=5).min() > 50
    # All returns are points of the grid: exact in every sample.
    np.testing.assert_allclose(seen_hours(found, "power"), hours[state])


def test_a_class_with_fewer_states_ends_with_its_worst(site: Any, tmp_path: Path) -> None:
    graded = assess(city(site, tmp_path, damaged={"flood": [0.8, 0.4, 0.1]})).dataset
    plain = assess(city(site, tmp_path, damaged={"flood": 0.8}, states={"press": "press_flood"})).dataset
    np.testing.assert_array_equal(seen_hours(graded, "water"), seen_hours(plain, "water"))
    assert set(seen_hours(graded, "water").tolist()) == {0.0, 10.0, 15.0}


def test_more_severe_damage_never_ends_earlier(site: Any, tmp_path: Path) -> None:
    before = None
    for shares in ([0.5, 0, 0], [0.5, 0.2, 0], [0.5, 0.2, 0.2], [0.9, 0.9, 0.9]):
        lost = seen_hours(assess(city(site, tmp_path, damaged={"flood": shares})).dataset, "power")
        assert before is None or (lost >= before).all()
        before = lost


def test_shares_of_severity_are_told_as_judgement(site: Any, tmp_path: Path) -> None:
    notes = "\n".join(assess(city(site, tmp_path, samples=512, damaged={"flood": [0.8, 0.4]})).notes)
    assert (
        "shares of failures in each state of damage or a worse one (the scenario's judgement): flood 0.8, 0.4" in notes
    )


@pytest.mark.parametrize(
    ("repair", "error", "message"),
    [
        ({}, DataError, "classes with several states"),
        ({"damaged": {"flood": 0.5}}, DataError, "time.repair.damaged` with a share for each state"),
        ({"damaged": {"flood": [0.2, 0.5]}}, ConfigurationError, "shares that do not grow"),
        ({"damaged": {"flood": []}}, ConfigurationError, "damaged"),
        ({"states": {"press": "pres_flood"}}, ConfigurationError, "did you mean 'press_flood'"),
        ({"states": {"pres": "press_flood"}}, ConfigurationError, "did you mean 'press'"),
        ({"states": {"press": ["press_flood", "press_flood"]}}, DataError, "two for flood"),
        ({"states": {"press": "press_flood", "lamp": "press_flood"}}, DataError, "each of the 3 states"),
        ({"states": {"press": "too_high"}}, DataError, "nowhere more probable than failure"),
    ],
    ids=str,
)  # fmt: skip
def test_severity_that_is_wrong(
    site: Any, tmp_path: Path, repair: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check(city(site, tmp_path, **repair))


def test_curves_that_cross_are_refused(site: Any, tmp_path: Path) -> None:
    crossing = CURVES.replace("press_2,fragility,flood,m,1,0.4", "press_2,fragility,flood,m,1,0.9")
    with pytest.raises(DataError, match="fragilities that cross"):
        check(city(site, tmp_path, curves=crossing, states={"press": "press_flood"}))
