"""Power demand of a hot day."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.heat.evaluate import Values, evaluate, unit_of
from resilience.heat.parameters import Parameters, coefficient_set, judgement, parameter
from resilience.heat.quantities import AIR_TEMPERATURE, AMOUNT

_LOADS = judgement("calibrate on load records")


@coefficient_set
class Demand(Parameters):
    """Growth of power demand with the daily mean temperature."""

    base_temperature: float = parameter(
        default=24.0, unit="degC", meaning="daily mean above which demand grows", origin=_LOADS
    )
    slope: float = parameter(
        default=0.0275, unit="1/K", meaning="growth per degree; 0.025 to 0.03", origin=_LOADS, minimum=0
    )


COOLING_DEMAND = Demand()


def demand(daily_mean: Values, base: Values = 1.0, *, growth: Demand = COOLING_DEMAND) -> Any:
    """Return the power demand of a day.

    Parameters
    ----------
    daily_mean : number, array or DataArray, degC
        Daily mean air temperature. NaN gives NaN.
    base : same
        Demand without cooling, in any unit; by default the factor on it is returned.
    growth : Demand

    Raises
    ------
    DataError
        A value is not credible, a base is NaN, units or labels differ.

    Notes
    -----
    ``D = D_0 [1 + s max(0, T - T_b)]``.

    Examples
    --------
    >>> round(float(demand(30.0, 80.0)), 1)
    93.2
    """
    return evaluate(
        lambda t, amount: amount * (1.0 + growth.slope * np.maximum(t - growth.base_temperature, 0.0)),
        AIR_TEMPERATURE.of("daily_mean", daily_mean), AMOUNT.of("base", base),
        unit=unit_of(base), meaning="power demand",
    )  # fmt: skip
