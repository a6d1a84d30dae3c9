"""Savings of an option from paired samples, and what they are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.errors import ConfigurationError, DataError
from resilience.pipeline import assess
from resilience.risk import annuity, paired_saving, weigh_benefit


def totals(values: np.ndarray) -> xr.DataArray:
    events, services = ([f"{name}{i}" for i in range(n)] for name, n in zip("es", values.shape[:2], strict=True))
    return xr.DataArray(values, dims=("event", "service", "sample"), coords={"event": events, "service": services})


def test_the_saving_of_a_year_is_the_difference_of_its_values() -> None:
    rng = np.random.default_rng(1)
    base = totals(rng.exponential(size=(3, 2, 4000)))
    option = base * xr.DataArray(rng.random(4000), dims="sample")
    weights = xr.DataArray([0.1, 0.02, 0.005], dims="event", coords={"event": base["event"]})
    saving = paired_saving(base, option, weights=weights)
    year = [(one.mean("sample") * weights).sum("event") for one in (base, option)]
    np.testing.assert_allclose(saving.mean, year[0] - year[1], rtol=1e-12)
    # By hand for one service.
    d = (weights.values[:, None] * (base - option).values[:, 0]).sum(axis=0)
    assert saving.standard_error[0].item() == pytest.approx(d.std(ddof=1) / np.sqrt(4000))
    alone = paired_saving(base, option)
    np.testing.assert_allclose((alone.mean * weights).sum("event"), saving.mean, rtol=1e-12)


def test_pairs_are_surer_than_two_runs_of_their_own(site: Any) -> None:
    """The same asset raised: the interval holds what other seeds find, and is narrower than theirs."""
    assets = [{"id": f"a{i}"} for i in range(4)]
    zones = [{"id": f"z{i}", "persons": 100.0} for i in range(4)]
    needs = [(f"z{i}", "power", [f"a{i}"], 1) for i in range(4)]

    def lost(seed: int, depth: float) -> xr.DataArray:
        hazard = {"values": [[0.5, 0.5, 0.5, depth]], "events": ["e"], "annual_rates": [1.0]}
        return assess(site.scenario(assets, [hazard], zones=zones, needs=needs, samples=4096, seed=seed)).dataset[
            "people_without_service"
        ]

    paired = paired_saving(lost(1, 0.5), lost(1, 0.3))
    apart = paired_saving(lost(2, 0.5), lost(3, 0.3))
    assert abs(paired.mean.item() - 20.0) < 4 * paired.standard_error.item()
    # Only the asset that was raised differs: 40 against sqrt(2 (3 + 1) 2500).
    assert paired.standard_error.item() < 0.35 * apart.standard_error.item()


def test_an_annuity_without_interest_is_the_years() -> None:
    assert annuity(1e-12, 30) == pytest.approx(30.0, rel=1e-9)
    assert annuity(0.03, 1) == pytest.approx(1 / 1.03)


def test_a_benefit_scales_and_its_interval_is_that_of_the_saving() -> None:
    one, two = (weigh_benefit(s, cost=10.0, rate=0.05, years=20, standard_error=s / 10) for s in (1.0, 2.0))
    assert two.present_value == pytest.approx(2 * one.present_value)
    low, high = one.ratio_interval
    assert (low + high) / 2 == pytest.approx(one.ratio)
    assert (high - low) / 2 == pytest.approx(1.959964 * one.ratio / 10, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: annuity(-0.01, 30), ConfigurationError, "rate"),
        (lambda: annuity(0.01, 0), ConfigurationError, "years"),
        (lambda: annuity(0.01, 2.5), ConfigurationError, "whole number"),
        (lambda: weigh_benefit(1.0, cost=0.0, rate=0.01, years=2), ConfigurationError, "cost"),
        (lambda: paired_saving(totals(np.ones((1, 1, 8))), totals(np.ones((1, 1, 9)))), DataError, "8 samples"),
        (lambda: paired_saving(totals(np.ones((2, 1, 8))), totals(np.ones((1, 1, 8)))), DataError, r"option\.event"),
        (lambda: paired_saving(totals(np.ones((1, 1, 2))), totals(np.full((1, 1, 2), np.nan))), DataError, "missing"),
    ],
)
def test_what_is_refused(call: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
