"""What a transformer is made of, thermally: rises, exponents, time constants, limits."""

from __future__ import annotations

from resilience.heat.evaluate import Floats
from resilience.heat.parameters import Parameters, coefficient_set, judgement, memory, parameter, source

_C57 = memory("IEEE C57.91, usual values of a 65-degree-rise unit")
_LIMIT = memory("IEEE C57.91, normal life expectancy")
_LONG = memory("IEEE C57.91, long-time emergency loading")
_RULE = judgement("slope of the allowed load of the default transformer between 30 and 45 degC")
_LIBRARY = source("alliander-opensource transformer-thermal-model, after IEC 60076-7:2018")
_RATIO = memory("IEC 60354, table of transformer characteristics")
_OUTDOOR = judgement("outdoor unit in free air")


@coefficient_set
class Transformer(Parameters):
    """Temperature rises and limits of an oil-immersed transformer (65-degree-rise unit of IEEE C57.91)."""

    oil_rise: float = parameter(
        default=55.0, unit="K", meaning="top oil over ambient at rated load", origin=_C57, above=0
    )
    hot_spot_rise: float = parameter(
        default=25.0, unit="K", meaning="hot spot over top oil at rated load", origin=_C57, above=0
    )
    loss_ratio: float = parameter(
        default=4.87, unit="1", meaning="load loss over no-load loss R at rated load", origin=_C57, above=0
    )
    oil_exponent: float = parameter(
        default=0.9, unit="1", meaning="exponent n of the total losses", origin=_C57, above=0
    )
    winding_exponent: float = parameter(default=1.6, unit="1", meaning="exponent 2m of the load", origin=_C57, above=0)
    surcharge: float = parameter(
        default=0.0, unit="K", meaning="ambient above the outdoor air, as in a room", origin=_OUTDOOR
    )
    hot_spot_limit: float = parameter(default=110.0, unit="degC", meaning="hot spot of the allowed load", origin=_LIMIT)
    hot_spot_trip: float = parameter(default=140.0, unit="degC", meaning="hot spot above which it trips", origin=_LONG)
    oil_trip: float = parameter(default=110.0, unit="degC", meaning="top oil above which it trips", origin=_LONG)
    rule_slope: float = parameter(
        default=0.0085, unit="1/K", meaning="allowed load lost per degree", origin=_RULE, minimum=0
    )
    rule_ambient: float = parameter(
        default=30.0, unit="degC", meaning="ambient at which the rated load is allowed", origin=_C57
    )

    def oil(self, load: Floats) -> Floats:
        """Return the top-oil rise in K of plain loads, unchecked."""
        return self.oil_rise * ((load**2 * self.loss_ratio + 1.0) / (self.loss_ratio + 1.0)) ** self.oil_exponent

    def winding(self, load: Floats) -> Floats:
        """Return the rise of the hot spot over the top oil in K of plain loads, unchecked."""
        return self.hot_spot_rise * load**self.winding_exponent


@coefficient_set
class PowerTransformer(Transformer):
    """Power transformer, oil and air natural (ONAN)."""

    oil_rise: float = parameter(
        default=60.0, unit="K", meaning="top oil over ambient at rated load", origin=_LIBRARY, above=0
    )
    hot_spot_rise: float = parameter(
        default=22.1,
        unit="K",
        meaning="hot spot over top oil at rated load: factor 1.3 times gradient 17 K",
        origin=_LIBRARY,
        above=0,
    )
    loss_ratio: float = parameter(
        default=6.0, unit="1", meaning="load loss over no-load loss R at rated load", origin=_RATIO, above=0
    )
    oil_exponent: float = parameter(
        default=0.8, unit="1", meaning="exponent x of the total losses", origin=_LIBRARY, above=0
    )
    winding_exponent: float = parameter(
        default=1.3, unit="1", meaning="exponent y of the load", origin=_LIBRARY, above=0
    )
    oil_time: float = parameter(default=210.0, unit="min", meaning="time constant of the oil", origin=_LIBRARY, above=0)
    winding_time: float = parameter(
        default=10.0, unit="min", meaning="time constant of the winding", origin=_LIBRARY, above=0
    )
    k11: float = parameter(default=0.5, unit="1", meaning="thermal model constant of the oil", origin=_LIBRARY, above=0)
    k21: float = parameter(
        default=2.0, unit="1", meaning="thermal model constant of the overshoot", origin=_LIBRARY, minimum=1
    )
    k22: float = parameter(
        default=2.0, unit="1", meaning="thermal model constant of the two winding times", origin=_LIBRARY, above=0
    )


@coefficient_set
class FanCooledTransformer(PowerTransformer):
    """Power transformer, oil natural and air forced (ONAF)."""

    oil_time: float = parameter(default=150.0, unit="min", meaning="time constant of the oil", origin=_LIBRARY, above=0)
    winding_time: float = parameter(
        default=7.0, unit="min", meaning="time constant of the winding", origin=_LIBRARY, above=0
    )


@coefficient_set
class DistributionTransformer(PowerTransformer):
    """Distribution transformer (ONAN) in a room, as of apartment blocks and local substations."""

    hot_spot_rise: float = parameter(
        default=27.6,
        unit="K",
        meaning="hot spot over top oil at rated load: factor 1.2 times gradient 23 K",
        origin=_LIBRARY,
        above=0,
    )
    loss_ratio: float = parameter(
        default=5.0, unit="1", meaning="load loss over no-load loss R at rated load", origin=_RATIO, above=0
    )
    winding_exponent: float = parameter(
        default=1.6, unit="1", meaning="exponent y of the load", origin=_LIBRARY, above=0
    )
    oil_time: float = parameter(default=180.0, unit="min", meaning="time constant of the oil", origin=_LIBRARY, above=0)
    winding_time: float = parameter(
        default=4.0, unit="min", meaning="time constant of the winding", origin=_LIBRARY, above=0
    )
    k11: float = parameter(default=1.0, unit="1", meaning="thermal model constant of the oil", origin=_LIBRARY, above=0)
    k21: float = parameter(
        default=1.0, unit="1", meaning="thermal model constant of the overshoot", origin=_LIBRARY, minimum=1
    )
    surcharge: float = parameter(
        default=10.0, unit="K", meaning="ambient above the outdoor air, as in a room", origin=_LIBRARY
    )
