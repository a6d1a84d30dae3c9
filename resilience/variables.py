"""The vocabulary: every word and every variable of the project, once.

A :class:`Variable` says name, dimensions, type, unit and meaning: it documents a dataset, and :mod:`resilience.labels`
checks a dataset by it and gives the attributes. Dimensions are singular and always in the order of :data:`DIMENSIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

GLOSSARY: dict[str, str] = {
    "cell": "one square of a raster",
    "zone": "an area of people; part of a district",
    "asset": "a node or a link of a network; both can fail",
    "sector": "the network an asset belongs to: power, telecom, data, water, transport, medical, care, safety",
    "kind": "what an asset is: substation, hospital, road, ...",
    "service": "what a dependent or a person receives",
    "curve": "how an asset answers to a hazard: damage curve (fraction of value lost) or fragility curve "
    "(probability of being out of function)",
    "peril": "flood or heat",
    "intensity": "what the hazard map tells at a place: water depth (m) or temperature (degC)",
    "family": "a severity axis of one peril (a stack of return periods) or a list of distinct events",
    "event": "one hazard map of a family, or a sequence of them",
    "branch": "the run again under what is not known: curves, costs, maps",
    "option": "what could be done, at a cost: the run again on the changed city",
    "sequence": "events that come one after the other and are solved as one, on one time grid",
    "sample": "one Monte Carlo draw of what fails",
    "word": "64 samples in one unsigned integer",
    "word group": "512 samples: eight words, one cache line per asset",
    "block": "a whole number of word groups: one task and one chunk of the result",
    "need": "a service that an asset or a zone must receive, from at least `required` of its providers",
    "dependency": "one provider of a need",
    "supply": "being reached, within a sector, by one of its sources through functional assets",
    "functional": "able to do its work",
    "failed": "out of function through the hazard itself",
}

DIMENSIONS: tuple[str, ...] = (
    "branch", "option", "event", "asset", "zone", "service", "supplied", "access", "outcome", "indicator", "district",
    "cause", "root", "level", "time", "day", "sample", "quantity", "period", "y", "x",
)  # fmt: skip


@dataclass(frozen=True)
class Variable:
    """One registered variable.

    Parameters
    ----------
    name : str
    dims : tuple of str
        In the order of :data:`DIMENSIONS`.
    dtype : str
        NumPy type; ``"str"`` for text.
    unit : str
        ``"1"`` for numbers without a unit; ``""`` where a unit makes no sense.
    meaning : str
        One sentence.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    meaning: str

    def attributes(self) -> dict[str, str]:
        """Return the attributes an array of this variable carries."""
        attributes = {"long_name": self.meaning}
        if self.unit:
            attributes["units"] = self.unit
        return attributes

    def array(self, values: Any, coords: dict[str, Any] | None = None) -> xr.DataArray:
        """Return `values` as a labelled array of this variable.

        Raises
        ------
        DataError
            The number of dimensions does not fit.

        Examples
        --------
        >>> VARIABLES["direct_loss"].array([1.0, 2.0], {"event": ["a", "b"]}).attrs["units"]
        'money'
        """
        data = np.asarray(values) if self.dtype == "str" else np.asarray(values, dtype=self.dtype)
        return xr.DataArray(data, dims=self.dims, coords=coords, name=self.name, attrs=self.attributes())


def _register(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[str, Variable]:
    table: dict[str, Variable] = {}
    for name, dims, dtype, unit, meaning in rows:
        table[name] = Variable(name, tuple(dims.split()), dtype, unit, meaning)
    return table


Row = tuple[str, str, str, str, str]

ENDS = {"": "", "_low": "; lower end of its interval", "_high": "; upper end of its interval"}

MEASURES = {
    "birnbaum": (
        "persons/year",
        "annual people without the service if the asset always fails, minus if it never fails",
    ),
    "criticality": ("1", "birnbaum times failure probability, event by event, over annual people without the service"),
    "fussell_vesely": ("1", "share of the annual people without the service that is saved if the asset never fails"),
    "risk_achievement_worth": ("1", "annual people without the service if the asset always fails, over those as it is"),
    "risk_reduction_worth": ("1", "annual people without the service as it is, over those if the asset never fails"),
}


def _importance(prefix: str, how: str) -> Iterable[Row]:
    """Yield the importance measures of one way of finding them, each with its standard error."""
    for measure, (unit, meaning) in MEASURES.items():
        name = f"{prefix}_{measure}"
        yield name, "asset service", "float64", unit, f"{meaning}; {how}"
        yield f"{name}_standard_error", "asset service", "float64", unit, f"Monte Carlo standard error of {name}"


def _catalogue() -> Iterable[Row]:
    """Yield what is read from a catalogue of years; the unit of each quantity is in `quantity_unit`."""
    for curve, of in (("occurrence", "largest event of a year"), ("aggregate", "sum of a year")):
        for end, told in ENDS.items():
            name, dims = f"catalogue_{curve}", "quantity period"
            yield f"{name}_value{end}", dims, "float64", "", f"{of} that is exceeded once per return period{told}"
            yield f"{name}_tail_value{end}", dims, "float64", "", f"mean of what exceeds {name}_value{told}"
    yield "catalogue_yearly_mean", "quantity", "float64", "", "mean over years of the sum of a year"
    yield "catalogue_yearly_standard_deviation", "quantity", "float64", "", "spread over years of the sum of a year"
    yield "catalogue_yearly_standard_error", "quantity", "float64", "", "standard error of catalogue_yearly_mean"


VARIABLES: dict[str, Variable] = _register(
    [
        # labels
        ("event", "event", "str", "", "name of the event, after that of its family where there are several"),
        ("family", "event", "str", "", "event family of the event; a sequence is its own"),
        ("peril", "event", "str", "", "flood or heat; those of a sequence joined by +"),
        ("asset", "asset", "str", "", "id of the asset"),
        ("sector", "asset", "str", "", "network the asset belongs to"),
        ("kind", "asset", "str", "", "what the asset is"),
        ("zone", "zone", "str", "", "id of the zone"),
        ("service", "service", "str", "", "name of the service"),
        ("service_by", "service", "str", "", "how the service reaches zones: assignment or road"),
        ("cause", "cause", "str", "", "proximate cause: hazard, supply, or the need that was not met"),
        ("root", "root", "str", "", "root cause: sector in which it began, and peril"),
        ("quantity", "quantity", "str", "", "what a catalogue value is of: a service, or direct_loss"),
        ("quantity_unit", "quantity", "str", "", "unit of the catalogue values of the quantity"),
        ("period", "period", "float64", "year", "return period of a catalogue value"),
        # branches
        ("branch", "branch", "str", "", "name of a run under what is not known, with the same random numbers"),
        ("branch_weight", "branch", "float64", "1", "weight of the branch; they add up to one"),
        ("branch_people", "branch event service", "float64", "persons", "mean of people without it at the peak"),
        ("branch_person_hours", "branch event service", "float64", "persons h", "mean of people times hours lost"),
        ("branch_direct_loss", "branch event", "float64", "money", "repair cost of all assets"),
        ("branch_annual_value", "branch service", "float64", "persons/year", "people without the service at the peak, "
         "per year"),
        ("branch_annual_person_hours", "branch service", "float64", "persons h/year", "people times hours, per year"),
        ("branch_annual_direct_loss", "branch", "float64", "money/year", "repair cost of all assets, per year"),
        # options
        ("option", "option", "str", "", "name of an option: the run again on the changed city, with the same random "
         "numbers"),
        ("option_combines", "option", "str", "", "options that it combines; empty for one of its own"),
        ("option_cost", "option", "float64", "money", "cost at once"),
        ("option_yearly_cost", "option", "float64", "money/year", "cost per year"),
        ("option_life_years", "option", "float64", "year", "years for which it works"),
        ("option_carbon_embodied", "option", "float64", "t", "greenhouse gases at once, as CO2"),
        ("option_carbon_yearly", "option", "float64", "t/year", "greenhouse gases per year, as CO2"),
        ("option_event_saved", "option event service", "float64", "", "mean of what it saves if the event occurs: "
         "people times hours with a time grid, else people at the peak"),
        ("option_event_saved_standard_error", "option event service", "float64", "", "Monte Carlo standard error of "
         "it, from differences of samples"),
        ("option_event_direct_loss_avoided", "option event", "float64", "money", "repair cost of all assets that it "
         "saves if the event occurs"),
        ("option_saved", "option service", "float64", "", "what it saves per year: people times hours with a time "
         "grid, else people at the peak"),
        ("option_saved_standard_error", "option service", "float64", "", "Monte Carlo standard error of option_saved, "
         "from differences of samples"),
        ("option_annual_value", "option service", "float64", "persons/year", "people without the service at the peak, "
         "per year, with the option"),
        ("option_annual_person_hours", "option service", "float64", "persons h/year", "people times hours lost per "
         "year, with the option"),
        ("option_direct_loss_avoided", "option", "float64", "money/year", "repair cost of all assets that it saves per "
         "year"),
        ("option_energy_not_served_avoided", "option supplied", "float64", "", "demand times hours that it saves from "
         "not being served, per year; MWh at level dc_flow"),
        ("option_energy_not_served_avoided_standard_error", "option supplied", "float64", "", "Monte Carlo standard "
         "error of it, from differences of samples"),
        ("option_cost_present_value", "option", "float64", "money", "cost at once and present value of yearly cost"),
        ("option_annual_cost", "option", "float64", "money/year", "cost at once, spread evenly over its life, and "
         "yearly cost"),
        ("option_cost_per_saved", "option service", "float64", "", "option_annual_cost for what it saves of the "
         "service; NaN where it saves nothing"),
        ("option_annual_benefit", "option", "float64", "money/year", "direct loss avoided, and what is saved over "
         "time at the values given"),
        ("option_annual_benefit_standard_error", "option", "float64", "money/year", "Monte Carlo standard error of "
         "it, from differences of samples"),
        ("option_net_annual_benefit", "option", "float64", "money/year", "annual benefit less annual cost"),
        ("option_present_value", "option", "float64", "money", "present value of the annual benefit over its life"),
        ("option_net_present_value", "option", "float64", "money", "present value less that of its cost"),
        *(
            (f"option_benefit_cost_ratio{end}", "option", "float64", "1", f"present value over that of its cost{told}")
            for end, told in ENDS.items()
        ),
        ("option_rank", "option", "int64", "1", "rank by net annual benefit; 1 is the best"),
        ("option_on_frontier_money", "option", "bool", "", "whether nothing else brings as much annual benefit for "
         "as little annual cost"),
        ("option_on_frontier_carbon", "option", "bool", "", "the same for greenhouse gases per year of its life"),
        # hazard
        ("intensity", "event y x", "float32", "", "hazard intensity per cell; unit in the attribute; NaN is no data"),
        ("return_period", "event", "float64", "year", "return period of the event; NaN where it has none"),
        ("annual_rate", "event", "float64", "1/year", "mean number per year; NaN where the family has no rates"),
        ("annual_weight", "event", "float64", "1/year", "weight in annual expected values; NaN without rates"),
        ("tail_weight", "event", "float64", "1/year", "further weight for all that is rarer than the rarest event"),
        ("duration_hours", "event", "float64", "hour", "time at peak; NaN where not given"),
        ("recession_hours", "event", "float64", "hour", "time in which a flood then falls, evenly, to dry"),
        # exposure
        ("dry_threshold", "asset", "float64", "m", "depth of water below which the asset counts as dry"),
        ("exposed_intensity", "event asset", "float64", "", "intensity at a point, highest along a line or footprint; "
         "m or degC"),
        ("mean_intensity", "event asset", "float64", "", "mean intensity, weighted by length or area; m or degC"),
        ("wet_length", "event asset", "float64", "m", "length of a line in deeper water than its dry threshold"),
        ("damage_fraction", "event asset", "float64", "1", "share of the replacement cost lost, weighted over cells"),
        # damage
        ("direct_loss", "event", "float64", "money", "repair cost of all assets"),
        ("asset_direct_loss", "event asset", "float64", "money", "repair cost of the asset"),
        ("failure_probability", "event asset", "float64", "1", "probability that the hazard, or anything else, puts it "
         "out of function, in a sequence at time zero"),
        # cascade and service
        ("people_without_service", "event service sample", "float64", "persons", "people who lost the service"),
        ("failed_count", "event asset", "int32", "1", "samples in which the hazard put the asset out of function, at "
         "time zero"),
        ("down_count", "event asset cause", "int32", "1", "samples in which the asset was down, by proximate cause"),
        ("root_share", "event asset root", "float32", "1", "samples in which it was down, by root cause, ties shared"),
        ("zone_without_service", "event zone service", "float64", "1", "sum over samples of the share of service lost"),
        ("zone_root", "event zone service root", "float32", "1", "the same by root cause, ties shared"),
        ("root_people", "event service root", "float64", "persons", "sum over samples of people without, by root"),
        ("sum_loss_failed", "event asset service", "float64", "persons", "people without, over samples it failed in"),
        ("sum_loss2_failed", "event asset service", "float64", "persons^2", "their squares, over the same samples"),
        ("sum_loss2", "event service", "float64", "persons^2", "squares of people without, over all samples"),
        ("zone_people", "zone", "float64", "persons", "people of the zone"),
        ("people_served", "service", "float64", "persons", "people whom the intact city gives the service"),
        ("intact_down", "asset", "bool", "", "down in the intact city: never counted as lost"),
        ("intact_served", "zone service", "float64", "1", "share of the service that the intact city gives the zone"),
        # ways in time
        ("access", "access", "str", "", "service with a limit of time, and its group where each counts for itself"),
        ("outcome", "outcome", "str", "", "of people served in time in the intact city: undisrupted, other_facility, "
         "lost_road, lost_facility"),
        ("limit_minutes", "access", "float64", "minute", "longest travel time"),
        ("access_people", "event access outcome", "float64", "persons", "mean of people, by outcome"),
        ("access_isolated", "event access", "float64", "persons", "mean of people with no way to a working facility"),
        ("access_added_minutes", "event access", "float64", "minute", "mean time beyond that of the intact city, of "
         "people with a way"),
        ("zone_access_minutes", "zone access", "float64", "minute", "time in the intact city; NaN without a way"),
        ("zone_added_minutes", "event zone access", "float64", "minute", "mean time beyond it, of samples with a way"),
        ("access_share", "event access", "float64", "1", "mean share of all people with a facility in time"),
        ("access_share_intact", "access", "float64", "1", "the same in the intact city"),
        ("access_detour_ratio", "event access", "float64", "1", "time over that in the intact city, of people who are "
         "still served in time"),
        ("zone_detour_ratio", "event zone access", "float64", "1", "the same of each zone; NaN if never served"),
        ("zone_facility", "zone access", "str", "", "facility that serves the zone in the intact city; empty without"),
        ("indicator", "indicator", "str", "", "rule on the share of a district's people without services in time"),
        ("district", "district", "str", "", "district of zones"),
        ("indicator_threshold", "indicator", "float64", "1", "share of people without from which a district counts"),
        ("district_people", "district", "float64", "persons", "people of the district"),
        ("indicator_probability", "event indicator district", "float64", "1", "share of samples in which it counts"),
        ("indicator_share", "event indicator district", "float64", "1", "mean share of its people without"),
        ("indicator_share_intact", "indicator district", "float64", "1", "the same in the intact city"),
        ("zone_access", "event zone access outcome", "float64", "1", "share of samples by outcome; 0 where not served"),
        # sectors that serve parts
        ("supplied", "supplied", "str", "", "sector at level share or dc_flow, whose demand can be served in part"),
        ("supplied_level", "supplied", "str", "", "its level"),
        ("demand", "supplied", "float64", "", "its demand in the intact city, in the unit of the supply table; MW at "
         "level dc_flow"),
        ("intact_unserved", "supplied", "float64", "", "demand that the intact city does not serve: never counted"),
        ("unserved_demand", "event supplied sample", "float64", "", "demand not served at the peak, beyond that of the "
         "intact city"),
        ("energy_not_served", "event supplied sample", "float64", "", "demand not served beyond that of the intact "
         "city, times hours, over the time grid; MWh at level dc_flow"),
        *(
            (f"annual_{name}{end}", "supplied", "float64", "", told.format(name))
            for name in ("unserved_demand", "energy_not_served")
            for end, told in (
                ("", "expected annual {}"),
                ("_standard_error", "Monte Carlo standard error of annual_{}"),
                ("_tail", "part of annual_{} beyond the rarest event"),
            )
        ),
        # over time
        ("time", "time", "float64", "h", "hours after the peak of the hazard at which a step of the grid begins"),
        ("person_hours_lost", "event service sample", "float64", "persons h", "people without the service times hours"),
        ("worst_people", "event service sample", "float64", "persons", "most people without the service at one time"),
        ("people_interrupted", "event service sample", "float64", "persons", "people without it at any time"),
        ("level", "level", "int64", "%", "service that is held, of the people whom the intact city serves"),
        ("restore_hours", "event service level", "float64", "h", "mean time from the peak until the level is held for "
         "good; 0 where it always is; within the time grid"),
        ("restore_hours_standard_error", "event service level", "float64", "h", "Monte Carlo standard error of it"),
        *(
            (f"restore_hours_p{q:02d}", "event service level", "float64", "h", f"its {q} % quantile over samples")
            for q in (5, 50, 95)
        ),
        ("unrestored_share", "event service level", "float64", "1", "share of samples in which it is not held when the "
         "time grid ends, which then counts as its return"),
        ("rapidity", "event service", "float64", "1/h", "mean share of people lost at the worst over the mean time "
         "from then to the whole, of samples that lose and regain it"),
        ("rapidity_standard_error", "event service", "float64", "1/h", "Monte Carlo standard error of rapidity"),
        ("people_over_time", "event service time", "float64", "persons", "mean of people without it in the step"),
        ("people_at_end", "event service", "float64", "persons", "mean of people without it when the time grid ends"),
        ("zone_hours_lost", "event zone service", "float64", "h", "mean of hours without the service"),
        ("root_person_hours", "event service root", "float64", "persons h", "mean of what is lost over time, by root"),
        ("down_hours", "event asset cause", "float32", "h", "mean of hours down, by proximate cause"),
        ("root_hours", "event asset root", "float32", "h", "mean of hours down, by root cause, ties shared"),
        # heat where people live
        ("day", "day", "int64", "", "day of the event, by local midnights, from 0"),
        ("daily_maximum", "event zone day", "float64", "degC", "highest air temperature of the day; NaN after the "
         "event and for floods"),
        ("daily_index", "event zone day", "float64", "degC", "highest value of the day of the event's heat index; NaN "
         "without one"),
        ("heat_index_name", "event", "str", "", "heat index of the event; empty without one"),
        ("advisory_days", "event zone", "float64", "day", "days of a heat advisory; NaN without an index"),
        ("warning_days", "event zone", "float64", "day", "days of a heat warning; NaN without an index"),
        ("heat_deaths", "event zone", "float64", "persons", "deaths by heat if no service fails; NaN where the heat is "
         "unknown"),
        ("outage_deaths", "event zone", "float64", "persons", "mean of further deaths by heat, of people whose cooling "
         "has no power"),
        ("heat_patients", "event zone", "float64", "persons", "further patients in emergency rooms by heat"),
        ("event_heat_deaths", "event", "float64", "persons", "deaths by heat in all zones where it is known"),
        ("event_outage_deaths", "event", "float64", "persons", "mean of further deaths in all zones, of people whose "
         "cooling has no power"),
        ("event_outage_deaths_standard_error", "event", "float64", "persons", "Monte Carlo standard error of it"),
        ("emergency_load", "event", "float64", "1", "emergency beds that patients would take on the worst day"),
        ("emergency_loss", "event", "float64", "1", "share of patients on the worst day who find every emergency bed "
         "taken"),
        ("transformer_ageing", "event asset", "float64", "h", "hours of normal life that the insulation of a "
         "transformer loses in the event; NaN for other assets"),
        ("event_transformer_ageing", "event", "float64", "h", "mean of it over transformers"),
        ("annual_heat_deaths", "", "float64", "persons/year", "expected annual deaths by heat if no service fails"),
        ("annual_outage_deaths", "", "float64", "persons/year", "expected annual further deaths without power"),
        # risk
        ("annual_value", "service", "float64", "persons/year", "expected annual number of people without the service"),
        ("annual_standard_error", "service", "float64", "persons/year", "Monte Carlo standard error of annual_value"),
        ("annual_tail", "service", "float64", "persons/year", "part of annual_value beyond the rarest event"),
        ("annual_person_hours", "service", "float64", "persons h/year", "expected annual people times hours lost"),
        ("annual_person_hours_standard_error", "service", "float64", "persons h/year",
         "its Monte Carlo standard error"),
        ("annual_person_hours_tail", "service", "float64", "persons h/year",
         "part of the annual people times hours lost beyond the rarest event"),
        ("saidi", "service", "float64", "h/year", "hours without the service per year, mean over people served"),
        ("saidi_standard_error", "service", "float64", "h/year", "Monte Carlo standard error of saidi"),
        ("saifi", "service", "float64", "1/year", "interruptions per year, mean over people served; one per event"),
        ("saifi_standard_error", "service", "float64", "1/year", "Monte Carlo standard error of saifi"),
        ("caidi", "service", "float64", "h", "hours of an interruption: saidi / saifi"),
        ("caidi_standard_error", "service", "float64", "h", "Monte Carlo standard error of caidi"),
        ("annual_direct_loss", "", "float64", "money/year", "expected annual repair cost of all assets"),
        ("annual_direct_loss_tail", "", "float64", "money/year", "part of annual_direct_loss beyond the rarest event"),
        ("asset_annual_direct_loss", "asset", "float64", "money/year", "expected annual repair cost of the asset"),
        *_catalogue(),
        # importance
        *_importance("importance", "from the samples of the run"),
        ("importance_expected_annual_loss", "service", "float64", "persons/year", "annual people without the service"),
        ("importance_expected_annual_loss_standard_error", "service", "float64", "persons/year",
         "Monte Carlo standard error of importance_expected_annual_loss"),
        ("importance_never_failed_events", "asset", "float64", "1", "weighted events in which no sample has it failed"),
        ("importance_always_failed_events", "asset", "float64", "1",
         "weighted events in which all samples have it failed"),
        ("importance_seldom_failed_events", "asset", "float64", "1",
         "weighted events in which fewer than 10 samples have it failed: birnbaum, risk_achievement_worth are empty"),
        ("importance_seldom_working_events", "asset", "float64", "1",
         "weighted events in which fewer than 10 samples have it working: all measures are empty"),
        ("importance_unseen", "asset service", "float64", "1",
         "how much larger importance_fussell_vesely can be at most for events in which the asset could have failed and "
         "did in no sample"),
        ("importance_told_apart", "asset service", "float64", "1",
         "1 where importance_fussell_vesely is above 0 by more than chance, so that the asset is ranked, else 0"),
        *_importance("paired", "from two more runs, in which it never and always fails"),
    ]
)  # fmt: skip
