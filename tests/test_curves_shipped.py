"""The shipped curves: published check values, sources complete, defaults marked."""

import re
from importlib.resources import files

import numpy as np
import pytest

from resilience.datasets import load_curves
from resilience.datasets.curve_library import load_sources

# Published means at these depths, by linear interpolation.
JRC_CHECKS = {
    0.25: (0.163278, 0.188395, 0.141591, 0.178758, 0.107218),
    0.75: (0.410303, 0.457236, 0.382399, 0.464706, 0.293596),
    1.2: (0.543059, 0.586344, 0.540657, 0.636471, 0.465227),
    2.5: (0.795120, 0.823097, 0.786958, 0.923611, 0.759034),
    7.0: (1.0, 1.0, 1.0, 1.0, 1.0),
}


@pytest.mark.parametrize(("depth", "wanted"), JRC_CHECKS.items())
def test_jrc_asia(depth, wanted):
    classes = ("residential", "commercial", "industrial", "transport", "roads")
    got = [float(load_curves()[f"jrc_asia_{name}"](depth)) for name in classes]
    assert got == pytest.approx(wanted, abs=1e-6)


NIRANDJAN = """
F1_1 .0205 .0410 .0615 .0820 .1230 .1640 .2921 .3003 .3003
F2_1 .0164 .0328 .0492 .0628 .0792 .0956 .1569 .1569 .1569
F7_4 .005 .01 .02 .03 .075 .10 .125 .15 .20
F7_5 .01 .02 .04 .06 .10 .12 .145 .17 .22
F7_6 .001 .002 .003 .004 .025 .03 .0325 .035 .04
F7_7 .0075 .015 .0275 .04 .20 .25 .275 .30 .35
F7_8 .0075 .015 .02 .025 .03 .035 .0388 .0425 .05
F7_9 .06 .12 .16 .20 .24 .28 .2975 .315 .35
F8_1 .193 .193 .193 .193 1 1 1 1 1
F8_2 .07 .14 .21 .28 .37 .46 .64 .82 1
F8_8 .10 .20 .30 .40 .60 .80 .90 1 1
F10_1 .20 .32 .405 .49 .66 .83 1 1 1
F12_1 .20 .32 .405 .49 .66 .83 1 1 1
F14_1 .041 .0692 .0892 .1197 .2353 .30 .30 .4007 .4007
F14_6 .0082 .0164 .0338 .0781 .2921 .40 .40 .40 .40
F15_1 .0082 .0164 .0338 .0921 .2461 .30 .30 .30 .30
F17_1 0 0 0 .1123 .40 .40 .40 .40 .40
F17_3 .0082 .0164 .0338 .0781 .2921 .40 .40 .40 .40
F17_6 .3281 .40 .40 .40 .40 .40 .40 .40 .40
F18_1 .041 .0692 .0892 .1197 .2353 .30 .30 .30 .30
F21_4 .1884 .3768 .4572 .5377 .6593 .7628 .8833 .9419 1
F21_12 .2667 .3492 .4762 .6349 .8571 .9587 1 1 1
"""
DEPTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


@pytest.mark.parametrize("line", NIRANDJAN.strip().splitlines())
def test_nirandjan_at_the_published_depths(line):
    name, *figures = line.split()
    got = load_curves()[f"nirandjan_{name}"](DEPTHS)
    assert got == pytest.approx([float(figure) for figure in figures], abs=2e-4)


def test_hazus_feet_are_metres_here():
    curves = load_curves()
    assert curves["hazus_substation"](1.2192) == pytest.approx(0.07)
    assert curves["hazus_small_power_plant"](3 * 0.3048) == pytest.approx(0.075)
    assert curves["hazus_control_vault"](0.1524) == pytest.approx(0.2)
    assert curves["hazus_hospital_structure"](2 * 0.3048) == 0.0
    assert curves["hazus_police_station_structure"](24 * 0.3048) == pytest.approx(0.95)


def test_function_is_lost_long_before_value():
    curves = load_curves()
    assert curves["function_substation"](1.22) > 0.5 > 0.08 > curves["hazus_substation"](1.22)
    assert curves["function_road"]([0.28, 0.3, 0.6]).tolist() == [0.0, 1.0, 1.0]
    assert curves["function_road_emergency"]([0.4, 0.5]).tolist() == [0.0, 1.0]
    assert curves["nirandjan_F8_11"]([0.1, 0.22, 0.7]) == pytest.approx([0.144, 0.608, 1.0])


def test_surface_medians_are_those_of_air_and_twelve():
    curves = load_curves()
    for name in curves.names(peril="heat"):
        if "surface" not in name:
            surface = curves[name.replace("heat_", "heat_surface_")]
            assert surface.theta == curves[name].theta + 12.0
            assert surface.theta * surface.beta == pytest.approx(curves[name].theta * curves[name].beta, rel=0.01)


def test_every_curve_says_where_it_comes_from():
    for curve in load_curves():
        assert curve.source, curve.name
        assert curve.licence, curve.name
        assert curve.note, curve.name
        judged = curve.name.startswith(("function_", "heat_")) and curve.name != "function_road"
        assert (curve.basis == "default") == judged, curve.name
        assert ("expert judgement" in curve.note) == judged, curve.name
        # Dry is never damaged, and cool does not fail.
        assert curve(0.0 if curve.peril == "flood" else 20.0) == pytest.approx(0.0, abs=1e-12), curve.name


def test_every_file_has_its_source_and_every_source_its_file():
    folder = files("resilience.datasets.curves")
    shipped = {entry.name for entry in folder.iterdir() if entry.name.endswith(".csv")}
    assert shipped == set(load_sources())


def test_names_are_plain():
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", name) for name in load_curves().names())
    assert len(load_curves()) == 72


def test_spread_is_kept_beside_the_mean():
    curve = load_curves()["jrc_asia_residential"]
    assert curve.spread[1] == 0.2516
    assert np.count_nonzero(load_curves()["jrc_asia_roads"].spread) == 7
    assert load_curves()["hazus_well"].spread.size == 0
