"""Heat: what a temperature does to people, power, rails, roads, data centres and crews.

Pure functions on numbers, arrays and DataArrays, in degC and SI units. Every coefficient is a field of a frozen set
that tells its unit, its source and whether it was read there, remembered or judged:
``print(Transformer().describe())``.
"""

from resilience.heat.ageing import (
    Insulation,
    OldInsulation,
    PaperDoubling,
    ageing_rate,
    equivalent_ageing,
    failure_rate,
    loss_of_life,
    paper_ageing_rate,
)
from resilience.heat.alerts import ADVISORY, WARNING, Alert, WarningAlert, alert_days
from resilience.heat.apparent import (
    ApparentTemperature,
    Humidex,
    SteadmanTemperature,
    apparent_temperature,
    humidex,
    steadman_temperature,
)
from resilience.heat.conductor import (
    Conductor,
    LineWeather,
    approximate_line_rating,
    convective_cooling,
    line_rating,
    radiative_cooling,
)
from resilience.heat.cooling import (
    Cooling,
    CoolingA2,
    CoolingA3,
    CoolingA4,
    cooling_capacity,
    inlet_temperature,
    servers_shut_down,
    time_to_shutdown,
)
from resilience.heat.crew import Crew, work_capacity
from resilience.heat.demand import Demand, demand
from resilience.heat.emergency import EmergencyLoad, erlang_loss, heat_patients, offered_load
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
from resilience.heat.health import (
    DaeguMortality,
    ElderlyHeatIllness,
    HeatIllness,
    LocalMortality,
    Mortality,
    attributable_deaths,
    attributable_fraction,
    relative_risk,
)
from resilience.heat.heat_index import HeatIndex, heat_index, rothfusz_regression
from resilience.heat.humidity import VapourPressure, WetBulb, relative_humidity, vapour_pressure, wet_bulb
from resilience.heat.parameters import Parameters, parameter_rows
from resilience.heat.pavement import Pavement, pavement_capacity, pavement_closure
from resilience.heat.rail import ConventionalRail, Rail, rail_speed, rail_temperature
from resilience.heat.transformer import allowed_load, approximate_allowed_load, hot_spot, top_oil, trips
from resilience.heat.transformer_series import transformer_series
from resilience.heat.transformer_types import (
    DistributionTransformer,
    FanCooledTransformer,
    PowerTransformer,
    Transformer,
)

__all__ = [
    "ADVISORY",
    "WARNING",
    "Alert",
    "ApparentTemperature",
    "Conductor",
    "ConventionalRail",
    "Cooling",
    "CoolingA2",
    "CoolingA3",
    "CoolingA4",
    "Crew",
    "DaeguMortality",
    "Demand",
    "DistributionTransformer",
    "ElderlyHeatIllness",
    "EmergencyLoad",
    "FanCooledTransformer",
    "Globe",
    "HeatIllness",
    "HeatIndex",
    "Humidex",
    "Insulation",
    "LineWeather",
    "LocalMortality",
    "Mortality",
    "OldInsulation",
    "PaperDoubling",
    "Parameters",
    "Pavement",
    "PowerTransformer",
    "Rail",
    "ShadeGlobe",
    "SimpleGlobe",
    "SteadmanTemperature",
    "Transformer",
    "VapourPressure",
    "WarningAlert",
    "WetBulb",
    "ageing_rate",
    "alert_days",
    "allowed_load",
    "apparent_temperature",
    "approximate_allowed_load",
    "approximate_line_rating",
    "attributable_deaths",
    "attributable_fraction",
    "convective_cooling",
    "cooling_capacity",
    "demand",
    "equivalent_ageing",
    "erlang_loss",
    "failure_rate",
    "globe_temperature",
    "heat_index",
    "heat_patients",
    "hot_spot",
    "humidex",
    "inlet_temperature",
    "line_rating",
    "loss_of_life",
    "offered_load",
    "paper_ageing_rate",
    "parameter_rows",
    "pavement_capacity",
    "pavement_closure",
    "radiative_cooling",
    "rail_speed",
    "rail_temperature",
    "relative_humidity",
    "relative_risk",
    "rothfusz_regression",
    "servers_shut_down",
    "shade_wbgt",
    "simplified_wbgt",
    "steadman_temperature",
    "sun_wbgt",
    "time_to_shutdown",
    "top_oil",
    "transformer_series",
    "trips",
    "vapour_pressure",
    "wbgt",
    "wet_bulb",
    "work_capacity",
]
