"""Heat: what a temperature does to people, power, rails, roads, data centres and crews.

Pure functions on numbers, arrays and DataArrays, in degC and SI units. Every coefficient is a field of a frozen set
that tells its unit, its source and whether it was read there, remembered or judged:
``print(Transformer().describe())``.
"""

from resilience.heat.alerts import ADVISORY, WARNING, Alert, WarningAlert, alert_days
from resilience.heat.apparent import (
    ApparentTemperature,
    Humidex,
    SteadmanTemperature,
    apparent_temperature,
    humidex,
    steadman_temperature,
)
from resilience.heat.globe import (
    Globe,
    ShadeGlobe,
    SimpleGlobe,
    globe_temperature,
    shade_wbgt,
    simplified_wbgt,
    sun_wbgt,
    wbgt,
)
from resilience.heat.heat_index import HeatIndex, heat_index, rothfusz_regression
from resilience.heat.humidity import VapourPressure, WetBulb, relative_humidity, vapour_pressure, wet_bulb
from resilience.heat.parameters import Parameters, parameter_rows

__all__ = [
    "ADVISORY",
    "WARNING",
    "Alert",
    "ApparentTemperature",
    "Globe",
    "HeatIndex",
    "Humidex",
    "Parameters",
    "ShadeGlobe",
    "SimpleGlobe",
    "SteadmanTemperature",
    "VapourPressure",
    "WarningAlert",
    "WetBulb",
    "alert_days",
    "apparent_temperature",
    "globe_temperature",
    "heat_index",
    "humidex",
    "parameter_rows",
    "relative_humidity",
    "rothfusz_regression",
    "shade_wbgt",
    "simplified_wbgt",
    "steadman_temperature",
    "sun_wbgt",
    "vapour_pressure",
    "wbgt",
    "wet_bulb",
]
