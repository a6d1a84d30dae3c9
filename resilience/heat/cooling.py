"""Data centres in the heat: what the cooling can still do, how warm the servers get, how long they last without it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.parameters import Parameters, coefficient_set, judgement, memory, parameter
from resilience.heat.quantities import AIR_FLOW, AIR_TEMPERATURE, INLET, POWER

_PLANT = judgement("design and highest outdoor temperature of usual chillers; take those of the plant")
_ROOM = judgement("5 to 10 minutes from the set point to 32 degC at high density")
_SET = judgement("inside the recommended range of 18 to 27 degC")
_ASHRAE = memory("ASHRAE TC9.9, allowable inlet temperature")
_AIR = memory("specific heat of dry air")


@coefficient_set
class Cooling(Parameters):
    """Cooling plant and room of a data centre of ASHRAE class A1."""

    ascending: ClassVar = ("design", "maximum")

    design: float = parameter(
        default=35.0,
        unit="degC",
        meaning="outdoor temperature up to which the plant gives its full power",
        origin=_PLANT,
    )
    maximum: float = parameter(
        default=46.0, unit="degC", meaning="outdoor temperature at which it gives nothing", origin=_PLANT
    )
    set_point: float = parameter(
        default=24.0, unit="degC", meaning="inlet temperature while cooling suffices", origin=_SET
    )
    inlet_limit: float = parameter(
        default=32.0, unit="degC", meaning="inlet temperature above which servers shut down", origin=_ASHRAE
    )
    air_heat: float = parameter(default=1005.0, unit="J/(kg K)", meaning="specific heat of air", origin=_AIR, above=0)
    room_heat: float = parameter(
        default=56.0, unit="J/K per W", meaning="heat capacity of the room over its IT power", origin=_ROOM, above=0
    )


@coefficient_set
class CoolingA2(Cooling):
    """The same, of class A2."""

    inlet_limit: float = parameter(
        default=35.0, unit="degC", meaning="inlet temperature above which servers shut down", origin=_ASHRAE
    )


@coefficient_set
class CoolingA3(Cooling):
    """The same, of class A3."""

    inlet_limit: float = parameter(
        default=40.0, unit="degC", meaning="inlet temperature above which servers shut down", origin=_ASHRAE
    )


@coefficient_set
class CoolingA4(Cooling):
    """The same, of class A4."""

    inlet_limit: float = parameter(
        default=45.0, unit="degC", meaning="inlet temperature above which servers shut down", origin=_ASHRAE
    )


A1 = Cooling()


def cooling_capacity(outdoor: Values, *, cooling: Cooling = A1) -> Any:
    """Return the share of its power that a cooling plant still gives.

    Parameters
    ----------
    outdoor : number, array or DataArray, degC
        NaN gives NaN.
    cooling : Cooling

    Raises
    ------
    DataError
        A value is not credible or has another unit.

    Notes
    -----
    1 up to `design`, falling in a straight line to 0 at `maximum`.

    Examples
    --------
    >>> cooling_capacity([35.0, 40.5, 46.0])
    array([1. , 0.5, 0. ])
    """
    return evaluate(
        lambda t: _capacity(t, cooling), AIR_TEMPERATURE.of("outdoor", outdoor),
        unit="1", meaning="share of the cooling power that is left",
    )  # fmt: skip


def _capacity(outdoor: Floats, cooling: Cooling) -> Floats:
    return np.clip((cooling.maximum - outdoor) / (cooling.maximum - cooling.design), 0.0, 1.0)


def inlet_temperature(
    outdoor: Values, it_power: Values, cooling_power: Values, air_flow: Values, *, cooling: Cooling = A1
) -> Any:
    """Return the inlet temperature in degC of the servers while air circulates.

    Parameters
    ----------
    outdoor : number, array or DataArray, degC
        NaN gives NaN.
    it_power : same, W
    cooling_power : same, W
        Of the plant up to its design temperature.
    air_flow : same, kg/s
    cooling : Cooling

    Raises
    ------
    DataError
        A value is not credible or NaN where it must not be, units or labels differ.

    Notes
    -----
    ``T_in = set point + max(0, P_IT - c P_cool) / (m cp)``.

    Examples
    --------
    >>> round(float(inlet_temperature(40.5, 1e6, 1.2e6, 83.0)), 2)
    28.8
    """

    def formula(outdoor: Floats, it: Floats, plant: Floats, flow: Floats) -> Floats:
        excess = np.maximum(it - _capacity(outdoor, cooling) * plant, 0.0)
        inlet: Floats = cooling.set_point + excess / (flow * cooling.air_heat)
        return inlet

    return evaluate(
        formula, AIR_TEMPERATURE.of("outdoor", outdoor), POWER.of("it_power", it_power),
        POWER.of("cooling_power", cooling_power), AIR_FLOW.of("air_flow", air_flow),
        unit="degC", meaning="inlet temperature",
    )  # fmt: skip


def time_to_shutdown(it_power: Values, cooling_power: Values = 0.0, *, cooling: Cooling = A1) -> Any:
    """Return the hours until a room that was at its set point passes the inlet limit.

    Parameters
    ----------
    it_power : number, array or DataArray, W
    cooling_power : same, W
        What the plant still takes away; 0 on a full loss.
    cooling : Cooling

    Returns
    -------
    same as the arguments, h
        Infinite where cooling suffices.

    Raises
    ------
    DataError
        A value is negative or NaN, units or labels differ.

    Notes
    -----
    ``dT/dt = (P_IT - P_cool) / C``, the heat capacity C in proportion to the IT power: on a full loss the time does not
    depend on the power.

    Examples
    --------
    >>> round(float(time_to_shutdown(1e6)) * 60.0, 1)
    7.5
    """

    def formula(it: Floats, plant: Floats) -> Floats:
        net = it - plant
        heat = cooling.room_heat * it * (cooling.inlet_limit - cooling.set_point)
        return np.where(net > 0.0, heat / np.where(net > 0.0, net, 1.0) / 3600.0, np.inf).astype(it.dtype)

    return evaluate(
        formula, POWER.of("it_power", it_power), POWER.of("cooling_power", cooling_power),
        unit="hour", meaning="time until the inlet limit",
    )  # fmt: skip


def servers_shut_down(inlet: Values, *, cooling: Cooling = A1) -> Any:
    """Return 1 where servers shut down for their inlet temperature and 0 where they run.

    Parameters
    ----------
    inlet : number, array or DataArray, degC
        NaN gives NaN.
    cooling : Cooling
        Of which `inlet_limit` is used: 32, 35, 40 or 45 degC for classes A1 to A4.

    Raises
    ------
    DataError
        A value is not credible or has another unit.

    Examples
    --------
    >>> servers_shut_down([32.0, 32.1])
    array([0., 1.])
    """
    return evaluate(
        lambda t: np.where(np.isnan(t), np.nan, t > cooling.inlet_limit).astype(t.dtype),
        INLET.of("inlet", inlet),
        unit="1", meaning="1 where servers shut down",
    )  # fmt: skip
