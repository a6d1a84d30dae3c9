"""When services come back: people without them over time, and how long it takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.labels import texts
from resilience.reading import FinishedRun


def recovery_curves(run: FinishedRun) -> dict[str, Any] | None:
    """Return what the curves of recovery are drawn from; None without a time grid.

    Returns
    -------
    dict
        `hours`: where the steps begin, and where the last one ends; `people` (event, service, step): means;
        `served` (service); `levels` in per cent; `back` (event, service, level, 3): 5, 50 and 95 % quantiles of the
        hours until so many of those who had the service have it again; `unrestored` (event, service, level): share of
        samples in which that is after the end.
    """
    ds = run.dataset
    if "time" not in ds.dims or "restore_hours_p50" not in ds:
        return None
    hours = [*ds["time"].values.tolist(), float(ds.attrs["horizon_hours"])]
    back = np.stack([ds[f"restore_hours_p{q}"].values for q in ("05", "50", "95")], axis=-1)
    return {
        "hours": hours,
        "people": in_digits(ds["people_over_time"].values),
        "served": in_digits(ds["people_served"].values),
        "levels": ds["level"].values.tolist(),
        "back": in_digits(back),
        "unrestored": in_digits(ds["unrestored_share"].values),
    }


def exceedance_curves(run: FinishedRun) -> dict[str, Any] | None:
    """Return what the curves of exceedance are drawn from; None without rates.

    Returns
    -------
    dict
        `periods` (years); `quantities`: name, service, whether in people times hours, unit; per curve (`occurrence`,
        `aggregate`) `value`, `low`, `high` (quantity, period). Quantities of which nothing is lost are left out.
    """
    curves = run.result.exceedance
    if curves is None:
        return None
    names, units = texts(curves, "quantity"), texts(curves, "quantity_unit")
    dims = ("quantity", "return_period")
    told = {
        curve: {end: curves[f"{curve}_value{suffix}"].transpose(*dims).values
                for end, suffix in (("value", ""), ("low", "_low"), ("high", "_high"))}
        for curve in ("occurrence", "aggregate")
    }  # fmt: skip
    known = run.result.tells_money | (names != "direct_loss")
    shown = np.flatnonzero(known & (np.nan_to_num(told["aggregate"]["high"]) > 0).any(axis=1))
    if not shown.size:
        return None
    # People times hours first where there are some: they are the answer.
    shown = np.array(sorted(shown, key=lambda i: (names[i] == "direct_loss", not _in_hours(names[i]), i)))
    return {
        "periods": curves["return_period"].values.tolist(),
        "quantities": [
            {"name": names[i], "service": names[i].removesuffix("_person_hours"), "hours": _in_hours(names[i]),
             "unit": units[i]}
            for i in shown
        ],
        **{curve: {end: in_digits(values[shown]) for end, values in ends.items()} for curve, ends in told.items()},
    }  # fmt: skip


def _in_hours(quantity: object) -> bool:
    return str(quantity).endswith("_person_hours")


def in_digits(values: Any) -> Any:
    """Return numbers in four significant digits as nested lists, None for those that are not finite.

    Examples
    --------
    >>> in_digits(np.array([[1 / 3, 12_345.6], [np.nan, 0.0]]))
    [[0.3333, 12350], [None, 0]]
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim:
        return [in_digits(row) for row in array] if array.ndim > 1 else [_short(value) for value in array.tolist()]
    return _short(float(array))


def _short(value: float) -> float | int | None:
    if not np.isfinite(value):
        return None
    told = float(f"{value:.4g}")
    return int(told) if told.is_integer() else told
