"""What a reader of a result must know before believing it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.errors import count_of
from resilience.inputs import Inputs
from resilience.network.redundancy import SECTOR as DERIVED
from resilience.scenario import Scenario


def with_costs(inputs: Inputs) -> NDArray[np.bool_]:
    """Return which assets have a replacement cost and a damage curve of a peril that is assessed."""
    assets = inputs.network.assets
    curved = np.zeros(len(assets), bool)
    for peril in {str(hazard.attrs["peril"]) for hazard in inputs.hazards}:
        curved |= (assets[f"{peril}_damage_curve"].astype(str) != "").to_numpy()
    return np.asarray(curved & (assets["replacement_cost"].to_numpy(dtype=np.float64) > 0))


def exposed_without_curve(labelled: xr.Dataset, inputs: Inputs) -> dict[str, int]:
    """Return how many assets of each kind stand in water and have no fragility: they cannot fail."""
    flood = labelled["peril"].values.astype(str) == "flood"
    wet = (labelled["exposed_intensity"].values[flood] > labelled["dry_threshold"].values).any(axis=0)
    assets = inputs.network.assets
    # Units and switches stand within an asset that has a curve of its own, or none for a reason.
    bare = ((assets["flood_fragility_curve"].astype(str) == "") & (assets["sector"].astype(str) != DERIVED)).to_numpy()
    kinds, counts = np.unique(labelled["kind"].values[wet & bare].astype(str), return_counts=True)
    return dict(zip(kinds.tolist(), counts.tolist(), strict=True))


def level_caveats(labelled: xr.Dataset, inputs: Inputs) -> list[str]:
    """Return what must be known of sectors that are solved state by state."""
    if not inputs.sectors:
        return []
    told = ", ".join(f"{sector.graph.sector} ({sector.level})" for sector in inputs.sectors)
    lines = [
        f"levels that are not monotone: {told}, solved in that order; what they take away stays away, and another "
        "order could end elsewhere"
    ]
    if "supplied" in labelled.dims:
        lines.append(
            f"an asset served {inputs.min_fraction:g} of its demand or more counts in full for the assets that "
            "need it; zones receive the share itself"
        )
        shares = labelled["intact_unserved"].values / labelled["demand"].values
        for sector, share in zip(labelled["supplied"].values, shares, strict=True):
            if share > 1e-9:
                lines.append(f"baseline gap: the intact city leaves {100 * share:.1f} % of the demand in {sector}")
    return lines


def sequence_caveats(inputs: Inputs) -> list[str]:
    """Return what must be known of sequences."""
    if not inputs.sequences:
        return []
    lines = [
        "sequences: what is told at the peak is the state at the first peak (time zero); hours lost count all parts; "
        "the direct loss takes nothing for repaired in between"
    ]
    for joint in inputs.joint:
        lines.append(
            f"{joint.name}: severities of a year of {joint.first.name} and {joint.second.name} by the copula "
            f"{joint.copula.kind} (Kendall's tau {joint.copula.tau:.2g}), each at most once a year; annual figures at "
            "the peak count the first peak of a year with both"
        )
    rated = [one.name for one in inputs.sequences if np.isfinite(one.annual_rate)]
    if rated:
        lines.append(
            f"annual figures add {', '.join(rated)} at the rate given to the families' own events: where those rates "
            "count the same events, they count twice"
        )
    return lines


def correlation_caveats(scenario: Scenario) -> list[str]:
    """Return what must be known of failures that go together."""
    section = scenario.monte_carlo.correlation
    if section is None:
        return []
    return [
        f"failures go together over {section.length_m:g} m (a judgement), with {100 * section.global_share:g} % of the "
        "variance common to all assets: importance of assets is told from paired runs alone (`importance`)"
    ]


def error_caveats(inputs: Inputs) -> list[str]:
    """Return what must be known of maps that are not exact."""
    given = [(hazard, float(hazard.attrs["error_sd"])) for hazard in inputs.hazards if hazard.attrs.get("error_sd")]
    if not given:
        return []
    told = ", ".join(f"{one.attrs['family']} {sd:g} {'m' if one.attrs['peril'] == 'flood' else 'K'}"
                     for one, sd in given)  # fmt: skip
    return [
        f"error of the maps, one for a whole family in each sample (standard deviation): {told}. It moves what fails; "
        "direct loss, water on roads and at buffers, and what heat does to people are at the maps' own values. "
        "Importance of assets is told from paired runs alone (`importance`)"
    ]


def caveats(labelled: xr.Dataset, inputs: Inputs) -> tuple[str, ...]:
    """Return what a reader must know: gaps of the intact city, unknown hazard, repairs."""
    lines = []
    rated = np.isfinite(labelled["annual_weight"].values)
    unrated = list(dict.fromkeys(labelled["family"].values[~rated].astype(str)))
    if unrated:
        lines.append(
            f"no annual figures for {', '.join(unrated)}: the events have no rates or return periods; "
            "their results are conditional on each event"
        )
    lines += sequence_caveats(inputs)
    n_cost, n_asset = int(with_costs(inputs).sum()), len(inputs.network.assets)
    if n_cost == 0:
        lines.append("no direct loss: no asset has both a replacement cost and a damage curve")
    elif n_cost < n_asset:
        lines.append(f"direct loss counts {n_cost:,} of {n_asset:,} assets: the others have no cost or no damage curve")
    bare = exposed_without_curve(labelled, inputs)
    if bare:
        told = ", ".join(f"{count:,} {kind}" for kind, count in bare.items())
        lines.append(f"assets that stand in water without a fragility curve, so the water cannot stop them: {told}")
    down = int(labelled["intact_down"].sum())
    if down:
        lines.append(f"down in the intact city, listed and never counted as lost: {count_of(down, 'asset')}")
    gap = labelled["zone_people"] * (1 - labelled["intact_served"])
    for service, people in zip(labelled["service"].values, gap.sum("zone").values, strict=True):
        if people > 0.5:
            lines.append(
                f"baseline gap: {people:,.0f} {inputs.network.persons_unit} without {service} in the intact city"
            )
    lines += level_caveats(labelled, inputs)
    unknown = int(np.isnan(labelled["failure_probability"].values).any(axis=0).sum())
    if unknown:
        lines.append(
            f"unknown hazard: {count_of(unknown, 'asset')}; taken as not failing by the cascade, direct loss is unknown"
        )
    anyway = int((inputs.network.assets["unavailability"].to_numpy(dtype=np.float64) > 0).sum())
    if anyway:
        lines.append(
            f"out with a probability of its own, whatever the hazard: {count_of(anyway, 'asset')}; what that costs in "
            "an event is counted as the event's"
        )
    for name, count in labelled.attrs.items():
        if str(name).startswith("monotonicity_repairs_") and count:
            family = str(name).removeprefix("monotonicity_repairs_")
            lines.append(f"{count_of(count, 'cell')} of {family} fell with rarer events")
        if str(name).startswith("hourly_repairs_") and count:
            family = str(name).removeprefix("hourly_repairs_")
            told = f"{count_of(count, 'probability')} (asset and hour) of {family}"
            lines.append(f"{told} fell with rarer events; the highest were taken")
    for network in sorted({rule.network for rule in inputs.services if rule.drive is not None}):
        lines.append(f"travel times over {network}: water is as deep all along a link as at its deepest point")
    return tuple(lines)
