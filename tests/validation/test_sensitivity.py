"""Known answers of what an answer hangs on, and of samples drawn where losses are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from resilience.risk import importance_mean, shapley_values, sobol_indices
from resilience.risk.intervals import samples_needed
from resilience.risk.standard_errors import sample_variance, standard_error
from tests.ishigami import ANGLES, V1, V2, V13, V, ishigami

SENSITIVITY = "Sensitivity, Ishigami function (a = 7, b = 0.1)"
RARE = "Rare losses"


class TestIshigami:
    """Known: V = 13.844588; S = .313905, .442411, 0; total .557589, .442411, .243684."""

    def test_variance(self, known):
        """Even numbers are exact for the waves of x1 and x2, and good to 1e-5 for the powers of x3."""
        x1, x2, x3 = (
            np.pi * ((2.0 * np.arange(n) + 1.0) / n - 1.0).reshape(shape)
            for n, shape in ((16, (-1, 1, 1)), (16, (1, -1, 1)), (4096, (1, 1, -1)))
        )
        y = ishigami({"x1": x1, "x2": x2, "x3": x3})
        got = sample_variance(y.sum(), np.square(y).sum(), y.size)
        known(SENSITIVITY, "variance, 1,048,576 points", 13.844588, got, 2e-5, by="closed form")
        assert pytest.approx(13.844588, abs=5e-7) == V

    def test_indices(self, known):
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

    def test_error_of_plain_samples(self, known):
        n = 10**6
        hits = self.P * n
        case = "P(Z > 4), relative error of 1,000,000 plain samples"
        known(RARE, case, 0.1777, standard_error(hits, hits, n) / self.P, 5e-5, by="sqrt((1 - p) / (n p))")
        needed = samples_needed(self.P, np.sqrt(self.P * (1 - self.P)), relative_error=0.1777)
        known(RARE, "samples that this error needs", 1e6, needed, 500, by="sqrt((1 - p) / (n p))")

    def test_importance_of_even_numbers(self, known):
        """A million numbers at equal steps of probability about 4: the mean and the spread without chance."""
        n = 10**6
        z = 4.0 + norm.ppf((np.arange(n) + 0.5) / n)
        found = importance_mean(z > 4.0, 8.0 - 4.0 * z)
        known(RARE, "P(Z > 4) from 1,000,000 even numbers about 4", self.P, found.mean, 5e-11, by="normal distribution")
        ratio = found.standard_error**2 * n / (self.P * (1 - self.P))
        known(
            RARE,
            "variance as a part of the plain one, even numbers",
            1.43e-4,
            ratio,
            5e-7,
            by="(exp(16) P(Z > 8) - p^2) / (p (1 - p))",
        )

    N = 200_000
    P = 3.167124e-5

    def test_importance(self, known):
        z = np.random.default_rng(1).normal(4.0, 1.0, self.N)
        found = importance_mean(z > 4.0, 8.0 - 4.0 * z)
        case = "P(Z > 4) from 200,000 samples about 4"
        known(RARE, case, self.P, found.mean, 4 * found.standard_error, by="normal distribution")
        ratio = found.standard_error**2 * self.N / (self.P * (1 - self.P))
        known(
            RARE,
            "variance as a part of the plain one",
            1.43e-4,
            ratio,
            5e-6,
            by="(exp(16) P(Z > 8) - p^2) / (p (1 - p))",
        )
