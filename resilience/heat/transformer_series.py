"""Transformer temperatures hour by hour: the difference form of IEC 60076-7:2018."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from resilience.errors import ConfigurationError, Problems
from resilience.heat.evaluate import Floats, Values, evaluate_along
from resilience.heat.quantities import AIR_TEMPERATURE, LOAD
from resilience.heat.transformer_types import PowerTransformer

ONAN = PowerTransformer()


def transformer_series(
    ambient: Values,
    load: Values = 1.0,
    *,
    step_hours: float = 1.0,
    start: Literal["steady", "ambient"] = "steady",
    transformer: PowerTransformer = ONAN,
    dim: str = "time",
    axis: int = -1,
) -> tuple[Any, Any]:
    """Return the top-oil and the hot-spot temperature in degC at the end of each time step.

    Parameters
    ----------
    ambient : array or DataArray, degC
        Outdoor air, constant within a step. From a NaN on, everything is NaN.
    load : number or same, share of rated load
        Constant within a step.
    step_hours : float
    start : {"steady", "ambient"}
        State before the first step: what the first ambient and load lead to in the end, or unloaded and cold at the
        first ambient.
    transformer : PowerTransformer
        :class:`PowerTransformer`, :class:`FanCooledTransformer` or :class:`DistributionTransformer`.
    dim : str
        Dimension of time of a DataArray; in chunks, it must be in one.
    axis : int
        Axis of time of a plain array.

    Returns
    -------
    top_oil, hot_spot : same as `ambient`

    Raises
    ------
    DataError
        A value is not credible, the load has NaN, units or labels differ, or there is no time.
    ConfigurationError
        `step_hours` is not above 0, or `start` is unknown.

    Notes
    -----
    With a step dt::

        theta_o += (theta_a + dTO_r ((1 + R K^2) / (1 + R))^x - theta_o) (1 - exp(-dt / (k11 tau_o)))
        h1 = k21 Hg K^y + (h1 - k21 Hg K^y) exp(-dt / (k22 tau_w))
        h2 = (k21 - 1) Hg K^y + (h2 - (k21 - 1) Hg K^y) exp(-dt k22 / tau_o)
        theta_h = theta_o + h1 - h2

    Each step is exact for constant input, so that long steps are stable. The overshoot after a sudden load lasts
    minutes: to see it, take steps of 5 to 15 minutes.

    Examples
    --------
    >>> oil, hot = transformer_series([30.0, 30.0, 40.0], 1.0)
    >>> hot.round(2)
    array([112.1 , 112.1 , 116.45])
    """
    problems = Problems()
    if not (math.isfinite(step_hours) and step_hours > 0.0):
        problems.add("step_hours", wanted="hours, > 0", got=repr(step_hours))
    if start not in ("steady", "ambient"):
        problems.add("start", wanted="steady or ambient", got=repr(start))
    problems.raise_if_any(ConfigurationError)
    c = transformer
    minutes = 60.0 * step_hours
    oil_step = -math.expm1(-minutes / (c.k11 * c.oil_time))
    winding_step = -math.expm1(-minutes / (c.k22 * c.winding_time))
    overshoot_step = -math.expm1(-minutes * c.k22 / c.oil_time)

    def formula(air: Floats, k: Floats) -> tuple[Floats, Floats]:
        # Plain steps over arrays of all assets: 5,000 assets over 8,760 hours take 4.5 s, of which 3 s are the powers
        # of the load; a compiled loop would need them too. A load without time needs them once.
        shape = np.broadcast_shapes(air.shape, k.shape)
        air, n_time = np.broadcast_to(air, shape), shape[-1]
        oil_out, hot_out = np.empty(shape, air.dtype), np.empty(shape, air.dtype)
        if n_time == 0:
            return oil_out, hot_out
        loads = [k[..., 0]] if k.shape[-1] == 1 else [k[..., i] for i in range(n_time)]
        rise, gradient = c.oil(loads[0]), c.winding(loads[0])
        oil = air[..., 0] + c.surcharge + (rise if start == "steady" else 0.0)
        h1 = c.k21 * gradient if start == "steady" else 0.0 * gradient
        h2 = (c.k21 - 1.0) * gradient if start == "steady" else 0.0 * gradient
        for i in range(n_time):
            if i and len(loads) > 1:
                rise, gradient = c.oil(loads[i]), c.winding(loads[i])
            oil = oil + (air[..., i] + c.surcharge + rise - oil) * oil_step
            h1 = h1 + (c.k21 * gradient - h1) * winding_step
            h2 = h2 + ((c.k21 - 1.0) * gradient - h2) * overshoot_step
            oil_out[..., i] = oil
            hot_out[..., i] = oil + h1 - h2
        return oil_out, hot_out

    found = evaluate_along(
        formula, AIR_TEMPERATURE.of("ambient", ambient), LOAD.of("load", load),
        dim=dim, axis=axis, units=("degC", "degC"), meanings=("top-oil temperature", "hot-spot temperature"),
    )  # fmt: skip
    return found[0], found[1]
