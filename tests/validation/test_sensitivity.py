"""Known answers of what an answer hangs on, and of samples drawn where losses are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, uniform

from resilience.risk import importance_mean, shapley_values, sobol_indices

SENSITIVITY = "Sensitivity, Ishigami function (a = 7, b = 0.1)"
RARE = "Rare losses"
A, B = 7.0, 0.1
# Closed forms: V1, V2, V13; the rest is 0.
V1, V2, V13 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, 8 * B**2 * np.pi**8 / 225
V = V1 + V2 + V13
ANGLES = {name: uniform(-np.pi, 2 * np.pi) for name in ("x1", "x2", "x3")}


def ishigami(x):
    return np.sin(x["x1"]) + A * np.sin(x["x2"]) ** 2 + B * x["x3"] ** 4 * np.sin(x["x1"])


class TestIshigami:
    """Known: V = 13.844588; S = .313905, .442411, 0; total .557589, .442411, .243684."""

    def test_indices(self, known):
        assert pytest.approx(13.844588, abs=5e-7) == V
        found = sobol_indices(ishigami, ANGLES, points=2**12).squeeze()
        for name, wanted in (
            ("first_order", [0.313905, 0.442411, 0.0]),
            ("total_order", [0.557589, 0.442411, 0.243684]),
        ):
            for number, value in enumerate(wanted):
                one = found.isel(input=number)
                within = 4 * one[f"{name}_standard_error"].item() + 5e-7
                assert within < 5e-3
                case = f"{name.replace('_', ' ')} of x{number + 1}, 8 x 4,096 points"
                known(SENSITIVITY, case, value, one[name].item(), within, by="closed form")

    def test_fair_shares(self, known):
        def brings(inputs):
            return (V1 * ("x1" in inputs) + V2 * ("x2" in inputs) + V13 * ({"x1", "x3"} <= inputs)) / V

        shares = shapley_values(list(ANGLES), brings)
        known(SENSITIVITY, "fair shares of the variance, sum", 1.0, shares.sum().item(), 1e-12, by="efficiency")
        for number, value in enumerate([V1 + V13 / 2, V2, V13 / 2]):
            case = f"fair share of x{number + 1}"
            known(SENSITIVITY, case, value / V, shares[number].item(), 1e-12, by="closed form")

    def test_two_of_three(self, known):
        shares = shapley_values(["a", "b", "c"], lambda failed: float(len(failed) >= 2))
        for name in "abc":
            case = f"2 of 3, share of {name}"
            known(SENSITIVITY, case, 1 / 3, shares.sel(player=name).item(), 1e-12, by="symmetry")


class TestBeyondFour:
    """P(Z > 4) = 3.167124e-5: crude relative error .1777 with 1e6 samples, ratio of variances 1.43e-4, shifted by 4."""

    N = 200_000
    P = 3.167124e-5

    def test_importance(self, known):
        assert norm.sf(4.0) == pytest.approx(self.P, rel=1e-6)
        assert np.sqrt((1 - self.P) / (self.P * 1e6)) == pytest.approx(0.1777, abs=5e-5)
        z = np.random.default_rng(1).normal(4.0, 1.0, self.N)
        found = importance_mean(z > 4.0, 8.0 - 4.0 * z)
        case = "P(Z > 4) from 200,000 samples about 4"
        known(RARE, case, self.P, found.mean, 4 * found.standard_error, by="normal distribution")
        ratio = found.standard_error**2 * self.N / (self.P * (1 - self.P))
        known(RARE, "variance as a part of the crude one", 1.43e-4, ratio, 5e-6, by="exp(16) P(Z > 8)")
