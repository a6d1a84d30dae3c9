"""Crews at work in the heat."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.parameters import Parameters, coefficient_set, parameter, source
from resilience.heat.quantities import WET_BULB_GLOBE

_FOSTER = source("Foster et al. 2021, fitted to 12..40 degC, as in published heat-stress code")


@coefficient_set
class Crew(Parameters):
    """Physical work capacity by wet-bulb globe temperature."""

    half: float = parameter(
        default=33.63,
        unit="degC",
        meaning="wet-bulb globe temperature that halves the capacity",
        origin=_FOSTER,
        above=0,
    )
    exponent: float = parameter(default=6.33, unit="1", meaning="steepness", origin=_FOSTER, above=0)


OUTDOOR_CREW = Crew()


def work_capacity(wbgt: Values, *, crew: Crew = OUTDOOR_CREW) -> Any:
    """Return the share of its usual work that a crew can do; repair times are divided by it.

    Parameters
    ----------
    wbgt : number, array or DataArray, degC
        Wet-bulb globe temperature. NaN gives NaN.
    crew : Crew

    Raises
    ------
    DataError
        A value is not credible or has another unit.

    Notes
    -----
    ``1 / (1 + (33.63 / WBGT)^-6.33)``, Foster et al. (2021); beyond 12 to 40 degC it is extended, and 1 below 0 degC.

    Examples
    --------
    >>> work_capacity([20.0, 30.0, 33.63]).round(5)
    array([0.96407, 0.67327, 0.5    ])
    """

    def formula(t: Floats) -> Floats:
        return 1.0 / (1.0 + (np.maximum(t, 0.0) / crew.half) ** crew.exponent)

    return evaluate(formula, WET_BULB_GLOBE.of("wbgt", wbgt), unit="1", meaning="work capacity of a crew")
