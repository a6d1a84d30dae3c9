"""All events of a scenario at the city: intensity, loss and probability of failure of its assets, and their hours."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from resilience.damage import damage
from resilience.errors import Attempts
from resilience.exposure import expose
from resilience.hazard_error import error_sd, expect_failure
from resilience.heat_limits import find_limits
from resilience.heat_power import followed_assets
from resilience.hourly import HourlyEvent, follow_hazard
from resilience.inputs import Inputs
from resilience.scenario import HeatSection
from resilience.sequences import add_sequences


def expose_and_damage(inputs: Inputs, heat: HeatSection | None = None) -> tuple[xr.Dataset, list[HourlyEvent | None]]:
    """Return intensities, losses and failure probabilities of all events of all families, (event, asset).

    With them comes, for every event, what it does hour by hour; None where its maps have no time axis and heat stops
    nothing for certain.
    """
    limits = find_limits(inputs.network.assets, heat)
    followed = followed_assets(inputs.network.assets, heat)
    parts = []
    hours: list[HourlyEvent | None] = []
    attempt = Attempts()
    for hazard, method in zip(inputs.hazards, inputs.methods, strict=True):
        family, peril = str(hazard.attrs["family"]), str(hazard.attrs["peril"])
        n = hazard.sizes["event"]
        limited, keep = (limits, followed if followed.any() else None) if peril == "heat" else (None, None)
        if "time" in hazard.dims or limited is not None or keep is not None:
            found = attempt(
                partial(
                    follow_hazard, hazard, inputs.network, curves=inputs.curves, method=method, limits=limited,
                    keep=keep,
                )
            )  # fmt: skip
            if found is None:
                continue
            one, hourly = found
            hours += [HourlyEvent(hourly, k, peril) for k in range(n)]
        else:
            exposure = attempt(partial(expose, hazard, inputs.network, curves=inputs.curves, method=method))
            if exposure is None:
                continue
            one = damage(exposure, inputs.network, curves=inputs.curves)
            if sd := error_sd(hazard):
                one = expect_failure(one, inputs, sd, peril=peril)
            hours += [None] * n
        names = [f"{family}:{name}" if len(inputs.hazards) > 1 else str(name) for name in one["event"].values]
        kept = one[
            ["exposed_intensity", "mean_intensity", "wet_length", "damage_fraction", "asset_direct_loss",
             "direct_loss", "failure_probability"]
        ]  # fmt: skip
        kept = kept.drop_vars([name for name in kept.coords if name not in ("event", "asset")])
        kept = kept.assign_coords(
            event=np.array(names, dtype=object),
            family=("event", np.array([family] * n, dtype=object)),
            peril=("event", np.array([peril] * n, dtype=object)),
            return_period=("event", hazard["return_period"].values.astype(np.float64)),
            annual_rate=("event", hazard["annual_rate"].values.astype(np.float64)),
        )
        for name in ("monotonicity_repairs", "hourly_repairs"):
            if name in one.attrs:
                kept = kept.assign_attrs({f"{name}_{family}": int(one.attrs[name])})
        parts.append(kept)
    attempt.raise_if_any()
    assets = inputs.network.assets
    together = xr.concat(parts, dim="event", combine_attrs="drop_conflicts", join="exact")
    cost = assets["replacement_cost"].to_numpy(dtype=np.float64)
    together = add_sequences(together, inputs.sequences, cost)
    labelled = together.transpose("event", "asset").assign_coords(
        sector=("asset", assets["sector"].astype(str).to_numpy(dtype=object)),
        kind=("asset", assets["kind"].astype(str).to_numpy(dtype=object)),
        dry_threshold=("asset", assets["dry_threshold"].to_numpy(dtype=np.float64)),
    )
    return labelled, hours
