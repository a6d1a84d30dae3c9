"""From events to years: weights, expected values, exceedance, importance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from resilience.catalogue import draw_catalogue
from resilience.engine import City
from resilience.events import family_of, family_weights, rated_events, yearly_weight
from resilience.inputs import Inputs
from resilience.joint import draw_joint, joint_losses, joint_weights
from resilience.labels import PEOPLE, PERSON_HOURS, loss_unit
from resilience.quotients import divide
from resilience.risk.expected import expected_annual
from resilience.risk.importance import asset_importance
from resilience.risk.ranking import apply_support
from resilience.risk.standard_errors import ratio_residual, sample_error
from resilience.risk.tail import catalogue_risk
from resilience.risk.yearly import occurrence_losses, yearly_losses
from resilience.scenario import Scenario
from resilience.sequences import EventSequence, share_numbers
from resilience.service import find_support
from resilience.unserved import QUANTITIES, annual_unserved

DIRECT_LOSS = "direct_loss"


def weigh_events(inputs: Inputs, scenario: Scenario) -> dict[str, Any]:
    """Return the annual weight of every event and the part of it beyond the rarest; NaN without rates."""
    weights, tails = [], []
    for hazard in inputs.hazards:
        family = family_of(hazard)
        if not family.has_rates:
            weights.append(np.full(len(family.events), np.nan))
            tails.append(np.full(len(family.events), np.nan))
            continue
        found = family_weights(family, rule=scenario.risk.rule, tail=scenario.risk.tail)
        weights.append(found.weights)
        tails.append(found.tail_weights)
    weights.append(np.array([one.annual_rate for one in inputs.sequences]))
    tails.append(np.array([0.0 * one.annual_rate for one in inputs.sequences]))
    weight, tail = np.concatenate(weights), np.concatenate(tails)
    for joint in inputs.joint:
        # What the families weigh alone is what their pairs leave of it.
        both = joint_weights(joint.first, joint.second, joint.copula, rule=scenario.risk.rule, tail=scenario.risk.tail)
        told = joint.node >= 0
        weight[joint.node[told]], tail[joint.node[told]] = (one[told] for one in both)
    unit = {"units": "1/year"}
    return {
        "annual_weight": ("event", weight, {**unit, "rule": scenario.risk.rule}),
        "tail_weight": ("event", tail, {**unit, "tail": scenario.risk.tail}),
    }


def add_annual(labelled: xr.Dataset) -> xr.Dataset:
    """Return the dataset with expected annual values, where any family has rates."""
    rated = rated_events(labelled)
    if not rated.any():
        return labelled
    # Only what is summed: a copy of the whole result is gigabytes in a large city.
    summed = (PEOPLE, "direct_loss", "asset_direct_loss", "annual_weight", "tail_weight", "people_served",
              PERSON_HOURS, "people_interrupted", *QUANTITIES)  # fmt: skip
    part = labelled[[name for name in summed if name in labelled]].isel(event=rated)
    weights, tails = part["annual_weight"], part["tail_weight"]
    annual = expected_annual(part[PEOPLE], weights=weights, tail_weights=tails)
    money = expected_annual(part["direct_loss"], weights=weights, tail_weights=tails)
    per_asset = expected_annual(part["asset_direct_loss"], weights=weights, tail_weights=tails)
    labelled = labelled.assign(annual_unserved(part))
    if PERSON_HOURS in part:
        lost = expected_annual(part[PERSON_HOURS], weights=weights, tail_weights=tails)
        ends = {"annual_value": "", "annual_standard_error": "_standard_error", "annual_tail": "_tail"}
        labelled = labelled.assign({f"annual_person_hours{end}": lost[name].variable for name, end in ends.items()})
        labelled = labelled.assign(customer_indices(part))
    return labelled.assign(annual.data_vars).assign(
        annual_direct_loss=money["annual_value"],
        annual_direct_loss_tail=money["annual_tail"],
        asset_annual_direct_loss=per_asset["annual_value"],
    )


def customer_indices(rated: xr.Dataset) -> dict[str, Any]:
    """Return SAIDI, SAIFI and CAIDI of each service, per person served, with standard errors.

    Parameters
    ----------
    rated : xarray.Dataset
        The events with rates, with person-hours and interrupted people per sample.

    Notes
    -----
    Errors are those of per-sample sums over the events, as in :func:`resilience.risk.expected.expected_annual`; that of
    CAIDI is that of a ratio, by linearisation.
    """
    weight = yearly_weight(rated)
    served = rated["people_served"].values
    hours, interrupted = (
        np.einsum("e,esn->sn", weight, rated[name].values) for name in (PERSON_HOURS, "people_interrupted")
    )
    mean_hours, mean_interrupted = hours.mean(axis=-1), interrupted.mean(axis=-1)

    ratio = divide(mean_hours, mean_interrupted)
    residual = ratio_residual(hours, ratio, interrupted)
    values = {
        "saidi": divide(mean_hours, served),
        "saidi_standard_error": divide(sample_error(hours), served),
        "saifi": divide(mean_interrupted, served),
        "saifi_standard_error": divide(sample_error(interrupted), served),
        "caidi": ratio,
        "caidi_standard_error": divide(sample_error(residual), mean_interrupted),
    }
    return {name: ("service", value) for name, value in values.items()}


def exceed(labelled: xr.Dataset, inputs: Inputs, scenario: Scenario) -> xr.Dataset | None:
    """Return occurrence and aggregate values by return period from a catalogue of years; None without rates."""
    joined = {family.name for joint in inputs.joint for family in (joint.first, joint.second)}
    sequences = [one.family for one in inputs.sequences if not one.of]
    known = [family for family in map(family_of, inputs.hazards) if family.name not in joined]
    families = [family for family in (*known, *sequences) if family.has_rates]
    risk = scenario.risk
    if not (families or inputs.joint) or not risk.catalogue_years:
        return None
    wanted = [PEOPLE, "direct_loss", *([PERSON_HOURS] if PERSON_HOURS in labelled else [])]
    rated = labelled[wanted].isel(event=rated_events(labelled))
    people = rated[PEOPLE].rename(service="quantity")
    parts = [people]
    unit = inputs.network.persons_unit
    units = [unit] * people.sizes["quantity"]
    if PERSON_HOURS in rated:
        lost = rated[PERSON_HOURS].rename(service="quantity")
        names = np.array([f"{name}_person_hours" for name in lost["quantity"].values])
        parts.append(lost.assign_coords(quantity=names))
        units += [loss_unit(unit, hours=True)] * names.size
    named = [name for part in parts for name in part["quantity"].values.tolist()]
    if np.isfinite(rated["direct_loss"].values).all():
        parts.append(
            rated["direct_loss"].expand_dims(quantity=[DIRECT_LOSS], sample=rated.sizes["sample"], axis=(1, 2))
        )
    totals = xr.concat(parts, dim="quantity", join="override", combine_attrs="drop")
    draw = {"years": risk.catalogue_years, "seed": scenario.seed, "n_samples": rated.sizes["sample"]}
    losses, year = [], []
    if families:
        catalogue = draw_catalogue(families, **draw, rule=risk.rule)
        losses.append(occurrence_losses(totals, catalogue))
        year.append(catalogue["year"].to_numpy())
    place = np.cumsum(rated_events(labelled)) - 1
    for joint in inputs.joint:
        catalogue = draw_joint(joint, **draw, rule=risk.rule)
        own = replace(joint, node=np.where(joint.node >= 0, place[joint.node], -1))
        losses.append(joint_losses(totals, own, catalogue))
        year.append(catalogue["year"].to_numpy())
    together = xr.concat(losses, dim="occurrence", join="override") if len(losses) > 1 else losses[0]
    years = yearly_losses(together, year=np.concatenate(year), n_years=risk.catalogue_years)
    found = catalogue_risk(
        years, np.array(risk.return_periods), confidence=risk.confidence, replicates=risk.bootstrap,
        seed=scenario.seed,
    )  # fmt: skip
    # A direct loss that is unknown has no curve: NaN.
    quantities = np.array([*named, DIRECT_LOSS])
    found = found.assign_coords(quantity=totals["quantity"]).reindex(quantity=quantities)
    return found.assign_coords(quantity_unit=("quantity", [*units, "money"]))


def rank_assets(labelled: xr.Dataset, city: City, sequences: Sequence[EventSequence]) -> xr.Dataset | None:
    """Return the importance of every asset to the annual number of people without each service; None without rates.

    An asset that a service does not rest on is worth nothing to it, whatever samples tell.
    """
    rated = rated_events(labelled)
    if not rated.any():
        return None
    able = np.flatnonzero((labelled["failed_count"].values[rated] > 0).any(axis=0))
    names = ["failed_count", "sum_loss_failed", "sum_loss2_failed", "sum_loss2", "failure_probability", PEOPLE,
             "annual_weight", "tail_weight"]  # fmt: skip
    part = labelled[names].isel(asset=able).isel(event=rated)
    sums = part[["failed_count", "sum_loss_failed", "sum_loss2_failed", "sum_loss2"]].assign(
        sum_loss=part[PEOPLE].sum("sample")
    )
    sums = sums.assign_coords(family=("event", share_numbers(labelled["family"].values, sequences)[rated]))
    found = asset_importance(
        sums,
        weights=part["annual_weight"] + part["tail_weight"],
        n_samples=part.sizes["sample"],
        failure_probability=part["failure_probability"].fillna(0.0),
        most=labelled["people_served"].values,
    )
    support = find_support(
        city.compiled, city.layout, supplied=city.graphs.values(), together=city.level_members
    )  # fmt: skip
    return apply_support(found, support[able])
