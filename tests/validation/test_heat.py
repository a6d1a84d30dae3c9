"""Known answers of heat: indices by their published formulas and charts, worked examples of standards, people.

"Formula" means: computed once from the published equation, outside this program, and rounded to the digits given
here. The tolerance is half a unit of the last digit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from resilience import heat

INDICES, POWER, PEOPLE = "Heat indices", "Transformers and lines in the heat", "People and rails in the heat"

HUMIDITIES = (30, 40, 50, 55, 60, 70, 80, 90)
APPARENT = {
    30: (27.38, 28.53, 29.53, 30.00, 30.44, 31.29, 32.09, 32.86),
    33: (30.17, 31.41, 32.48, 32.98, 33.45, 34.34, 35.18, 35.98),
    35: (32.04, 33.34, 34.46, 34.97, 35.46, 36.38, 37.25, 38.06),
    37: (33.91, 35.27, 36.44, 36.97, 37.48, 38.43, 39.32, 40.16),
}
# degF, per cent, formula, National Weather Service chart (None: not read).
CHART = [
    (90, 50, 94.597, 95), (90, 60, 99.678, 100), (90, 70, 105.922, 106), (86, 90, 105.394, 105), (88, 85, 109.628, 110),
    (95, 50, 105.216, None), (96, 65, 121.032, 121), (100, 40, 109.256, 109), (100, 55, 123.638, 124),
    (104, 50, 130.582, 131), (110, 40, 135.657, 136), (80, 100, 89.288, None), (100, 10, 94.122, None),
]  # fmt: skip
# degC, per cent, then by formula: vapour pressure, simplified WBGT, Steadman at 0 and 2 m/s, humidex.
VAPOUR = [
    (30, 60, 25.372, 30.921, 34.373, 32.973, 38.539),
    (33, 60, 30.072, 34.469, 38.924, 37.524, 44.150),
    (35, 55, 30.809, 35.893, 41.167, 39.767, 46.559),
]


def test_wet_bulb(known):
    got = heat.wet_bulb(20.0, 50.0)
    known(INDICES, "wet bulb, 20 degC, 50 %", 13.699342, got, 5e-7, by="Stull (2011), formula")
    known(INDICES, "wet bulb, 20 degC, 50 %, example", 13.7, got, 0.05, by="Stull (2011), example")


@pytest.mark.parametrize("temperature", APPARENT)
def test_apparent_temperature(known, temperature):
    for humidity, wanted in zip(HUMIDITIES, APPARENT[temperature], strict=True):
        got = heat.apparent_temperature(float(temperature), float(humidity))
        case = f"apparent temperature, {temperature} degC, {humidity} %"
        known(INDICES, case, wanted, got, 0.005 + 1e-9, by="KMA, formula")


@pytest.mark.parametrize(("temperature", "humidity", "felt"), [(35, 55, 35.0), (35, 30, 32.0)])
def test_apparent_temperature_of_the_press_text(known, temperature, humidity, felt):
    """As warm as the air at 55 %; 32.0 at 35 degC and 30 %. A third value, 36.2 at 80 %, fits neither these two."""
    got = heat.apparent_temperature(float(temperature), float(humidity))
    case = f"apparent temperature, {temperature} degC, {humidity} %, as announced"
    known(INDICES, case, felt, got, 0.05, by="KMA, press text of 2023-05-15")


@pytest.mark.parametrize(("t", "r", "formula", "chart"), CHART)
def test_heat_index(known, t, r, formula, chart):
    got = 32.0 + 1.8 * heat.heat_index((t - 32.0) / 1.8, float(r))
    known(INDICES, f"heat index, {t} degF, {r} %, degF", formula, got, 5e-4, by="National Weather Service, formula")
    if chart is not None:
        known(INDICES, f"heat index, {t} degF, {r} %, chart", chart, got, 0.5, by="National Weather Service, chart")


@pytest.mark.parametrize(("t", "rh", "vapour", "simplified", "calm", "windy", "humidex"), VAPOUR)
def test_indices_of_vapour_pressure(known, t, rh, vapour, simplified, calm, windy, humidex):
    air, weather = (float(t), float(rh)), f"{t} degC, {rh} %"
    for name, wanted, got, by in (
        (f"vapour pressure, {weather}, hPa", vapour, heat.vapour_pressure(*air), "formula"),
        (f"simplified WBGT, {weather}", simplified, heat.simplified_wbgt(*air), "formula"),
        (f"Steadman, {weather}, calm", calm, heat.steadman_temperature(*air), "Bureau of Meteorology, formula"),
        (f"Steadman, {weather}, 2 m/s", windy, heat.steadman_temperature(*air, 2.0), "Bureau of Meteorology, formula"),
        (f"humidex, {weather}", humidex, heat.humidex(*air), "formula"),
    ):
        known(INDICES, name, wanted, got, 5e-4, by=by)


@pytest.mark.parametrize(
    ("hot_spot", "rate", "within"), [(98, 0.28174, 5e-6), (110, 1, 1e-12), (120, 2.70893, 5e-6), (140, 17.19946, 5e-6)]
)
def test_ageing(known, hot_spot, rate, within):
    got = heat.ageing_rate(float(hot_spot))
    known(POWER, f"ageing, {hot_spot} degC", rate, got, within, by="IEEE C57.91, formula")


@pytest.mark.parametrize(
    ("case", "rate", "hot_spot", "wanted", "within"),
    [
        ("98 degC, normal paper", heat.paper_ageing_rate, 98.0, 1.0, 1e-12),
        ("100 degC, normal paper", heat.paper_ageing_rate, 100.0, 1.259921, 5e-7),
        ("100 degC, upgraded paper", heat.ageing_rate, 100.0, 0.349942, 1e-6),
    ],
)
def test_ageing_in_a_day(known, case, rate, hot_spot, wanted, within):
    known(POWER, f"ageing in a day of {case}, days", wanted, rate(hot_spot), within,
          by="tests of transformer-thermal-model (IEC 60076-7)")  # fmt: skip


@pytest.mark.parametrize(("hot_spot", "rate"), [(95, 1.0), (110, 4.935128)])
def test_ageing_of_old_insulation(known, hot_spot, rate):
    got = heat.ageing_rate(float(hot_spot), insulation=heat.OldInsulation())
    known(POWER, f"ageing of a 55 K unit, {hot_spot} degC", rate, got, 5e-7, by="IEEE C57.91, formula")


def test_life_lost_in_a_day(known):
    """Half of a day at 110 degC and half at 120 degC, of 180,000 hours."""
    rate = heat.ageing_rate(np.repeat([110.0, 120.0], 12))
    by = "IEEE C57.91, formula"
    mean = heat.equivalent_ageing(rate)
    known(POWER, "half a day each at 110 and 120 degC, mean ageing", 1.854463, mean, 5e-7, by=by)
    known(POWER, "the same, life lost, %", 0.02472617, 100 * heat.loss_of_life(rate), 5e-9, by=by)


class Thermal(NamedTuple):
    """Constants of IEC 60076-7: minutes, K, exponents, ratio of losses, K above the outdoor air."""

    tau_o: float
    tau_w: float
    k11: float
    k21: float
    gradient: float
    factor: float
    y: float
    ratio: float
    room: float


SERIES = [
    (heat.PowerTransformer(), Thermal(210, 10, 0.5, 2, 17, 1.3, 1.3, 6, 0)),
    (heat.FanCooledTransformer(), Thermal(150, 7, 0.5, 2, 17, 1.3, 1.3, 6, 0)),
    (heat.DistributionTransformer(), Thermal(180, 4, 1, 1, 23, 1.2, 1.6, 5, 10)),
]


@pytest.mark.parametrize(("transformer", "c"), SERIES, ids=[type(one).__name__ for one, _ in SERIES])
def test_transformer_hour_by_hour(known, transformer, c):
    """Three linear differential equations from cold on; k22 = 2, x = .8 and 60 K of the oil for all three."""

    def slope(_, state, air, load):
        oil = air + c.room + 60.0 * ((1 + c.ratio * load**2) / (1 + c.ratio)) ** 0.8
        rise = c.factor * c.gradient * load**c.y
        return (
            (oil - state[0]) / (c.k11 * c.tau_o),
            (c.k21 * rise - state[1]) / (2 * c.tau_w),
            ((c.k21 - 1) * rise - state[2]) / (c.tau_o / 2),
        )

    air, load = np.array([20.0, 25.0, 30.0, 35.0, 33.0]), np.array([0.5, 0.5, 0.5, 1.2, 1.2])
    oil, hot = heat.transformer_series(air, load, transformer=transformer, start="ambient")
    state = np.array([20.0 + c.room, 0.0, 0.0])
    for hour in range(5):
        state = solve_ivp(slope, (0, 60), state, args=(air[hour], load[hour]), rtol=1e-10, atol=1e-10).y[:, -1]
        case = f"{type(transformer).__name__}, loads .5 to 1.2, hour {hour + 1}"
        by = "IEC 60076-7, equations, by SciPy"
        known(POWER, f"{case}: oil", state[0], oil[hour], 1e-6, by=by)
        known(POWER, f"{case}: hot spot", state[0] + state[1] - state[2], hot[hour], 1e-6, by=by)


@pytest.mark.parametrize(
    ("load", "air", "hot_spot", "rate"), [(1.0, 30, 110.0, 1.0), (1.0, 40, 120.0, 2.7089), (0.8, 40, 97.460, 0.2656)]
)
def test_worked_example_of_a_transformer(known, load, air, hot_spot, rate):
    by = "IEEE C57.91, worked example"
    case = f"load {load:g} at {air} degC"
    got = heat.hot_spot(float(air), load)
    known(POWER, f"{case}: hot spot", hot_spot, got, 5e-4, by=by)
    known(POWER, f"{case}: ageing", rate, heat.ageing_rate(got), 5e-5, by=by)
    if load == 0.8:
        oil = heat.top_oil(float(air), load)
        known(POWER, f"{case}: oil above air, K", 39.966, oil - air, 5e-4, by=by)
        known(POWER, f"{case}: hot spot above oil, K", 17.494, got - oil, 5e-4, by=by)


@pytest.mark.parametrize(("air", "load"), [(30, 1.0), (35, 0.95840), (40, 0.91539), (45, 0.87078)])
def test_allowed_load(known, air, load):
    got = heat.allowed_load(float(air))
    known(POWER, f"allowed load at {air} degC", load, got, 5e-6, by="IEEE C57.91, formula")
    shortcut = heat.approximate_allowed_load(float(air))
    known(POWER, f"the same by .85 % per degree at {air} degC", load, shortcut, 0.002, by="IEEE C57.91, formula")


def test_worked_example_of_a_line(known):
    """Each way of losing heat is that of a conductor that has no other."""
    by = "IEEE 738, worked example"

    def convection(conductor=None, **weather):
        return heat.convective_cooling(40.0, 100.0, conductor=conductor or heat.Conductor(), **weather)

    slow = {"forced_high": 0.0, "natural": 0.0}
    fast = {"forced_offset": 0.0, "forced_low": 0.0, "natural": 0.0}
    known(POWER, "convection in low wind, W/m", 82.083, convection(heat.Conductor(**slow)), 5e-4, by=by)
    known(POWER, "convection in high wind, W/m", 77.034, convection(heat.Conductor(**fast)), 5e-4, by=by)
    known(POWER, "convection without wind, W/m", 42.416, convection(wind=0.0), 5e-4, by=by)
    known(POWER, "convection, the largest of them, W/m", 82.083, convection(), 5e-4, by=by)
    # Re^0.6 over Re^0.52.
    powers = [
        convection(heat.Conductor(**fast, forced_high=1.0)),
        convection(heat.Conductor(**slow, forced_offset=0.0, forced_low=1.0)),
    ]
    known(POWER, "Reynolds number", 864.44, (powers[0] / powers[1]) ** (1 / 0.08), 5e-3, by=by)
    known(POWER, "radiation, W/m", 39.105, heat.radiative_cooling(40.0, 100.0), 5e-4, by=by)
    known(POWER, "resistance at 100 degC, 1e-5 ohm/m", 9.3905, 1e5 * heat.Conductor().resistance(100.0), 5e-5, by=by)
    known(POWER, "rating of a Drake line at 40 degC, A", 1025.5, heat.line_rating(40.0), 0.05, by=by)
    ratio = heat.line_rating(40.0) / heat.line_rating(25.0)
    known(POWER, "rating at 40 over 25 degC", 0.8846, ratio, 5e-5, by="IEEE 738, formula")
    shortcut = heat.approximate_line_rating(40.0)
    known(POWER, "the same by the shortcut", 0.8944, shortcut, 5e-5, by="square root of the rise")


def test_convection_as_another_program_accepts_it(known):
    """Annex B as linerate holds it: a conductor of 28.12 mm at 100.7 degC."""
    annex = heat.Conductor(diameter=0.02812, emissivity=0.5)
    got = heat.convective_cooling(40.0, 100.7, conductor=annex)
    known(POWER, "convection of 28.12 mm at 100.7 degC, W/m", 83.061, got, 0.5, by="linerate, acceptance test")


def test_people(known):
    seoul = heat.relative_risk(34.0)
    known(PEOPLE, "relative risk of Seoul, 3 degrees above", 1.092409, seoul, 5e-7, by="1.0299^3")
    known(PEOPLE, "attributable fraction of it", 0.084592, heat.attributable_fraction(seoul), 5e-7, by="1 - 1/RR")
    ill = heat.relative_risk(35.0, response=heat.HeatIllness())
    known(PEOPLE, "heat illness at 35 degC", 7.361, ill, 5e-4, by="1.691^3.8")
    known(PEOPLE, "Erlang loss, 10 bays, 8 offered", 0.121661, heat.erlang_loss(10, 8.0), 5e-7, by="Erlang B")


def test_rail_as_observed(known):
    """Korea, 2018-07-23: 37 degC air, 61.4 degC rail."""
    got = heat.rail_temperature(37.0, rail=heat.Rail(sun_ratio=1.66))
    known(PEOPLE, "rail at 37 degC air, 1.66 of it", 61.4, got, 0.05, by="observed 2018-07-23")
    known(PEOPLE, "rail above air, K", 24.4, got - 37.0, 0.05, by="observed 2018-07-23")
