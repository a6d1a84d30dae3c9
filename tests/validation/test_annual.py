"""Expected annual damage, exceedance curves, damage and fragility: known numbers out of :func:`resilience.assess`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from resilience.catalogue import draw_catalogue
from resilience.events import EventFamily
from resilience.pipeline import assess
from resilience.risk import (
    exceedance_curve,
    exceedance_frequency,
    exceedance_probability,
    occurrence_losses,
    occurrence_probability,
    yearly_losses,
)

PERIODS = [2, 10, 50, 100, 500]
DAMAGE = [0.0, 10.0, 50.0, 80.0, 150.0]
NONE = {"flood_fragility_curve": ""}


def one_loss(site: Any, damage: list[float], periods: list[float], **risk: Any) -> Any:
    """One asset that is worth 150 and loses 10 per metre of water, on maps that are `damage` / 10 m deep."""
    asset = {"id": "A", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 150.0, **NONE}
    maps = {"values": [[value / 10] for value in damage], "return_periods": periods}
    return assess(site.scenario([asset], [maps], risk={"catalogue_years": 0, **risk}, needs=[("zone", "x", ["A"], 1)]))


class TestExpectedAnnualDamage:
    """T = (2, 10, 50, 100, 500), D = (0, 10, 50, 80, 150); the arithmetic is redone here term by term."""

    @pytest.mark.parametrize(
        ("rule", "tail", "wanted", "within"),
        [
            ("trapezoid", "none", 5.970, 1e-12),
            ("trapezoid", "hold", 6.270, 1e-12),
            ("log_linear", "none", 4.954368, 5e-7),
            ("log_linear", "hold", 5.254368, 5e-7),
        ],
    )
    def test_five_maps(self, site, known, rule, tail, wanted, within):
        found = one_loss(site, DAMAGE, PERIODS, rule=rule, tail=tail).dataset
        np.testing.assert_array_equal(found["direct_loss"], DAMAGE)
        case = f"five maps, {rule}, tail {tail}"
        got = found["annual_direct_loss"].item()
        known("Expected annual damage", case, wanted, got, within, by="arithmetic, redone in the test")
        assert found["annual_direct_loss_tail"].item() == pytest.approx(0.3 if tail == "hold" else 0.0, abs=1e-15)
        assert (found.attrs["integration_rule"], found.attrs["tail"]) == (rule, tail)

    def test_the_sum_written_out(self):
        p = [1 / period for period in PERIODS]
        total = sum((p[k] - p[k + 1]) * (DAMAGE[k] + DAMAGE[k + 1]) / 2 for k in range(4))
        assert total == pytest.approx(5.970, abs=1e-12)
        assert DAMAGE[-1] * p[-1] == pytest.approx(0.3)
        log = 0.0
        for k in range(4):
            b = (DAMAGE[k + 1] - DAMAGE[k]) / (math.log(p[k + 1]) - math.log(p[k]))
            a = DAMAGE[k] - b * math.log(p[k])
            log += (a * p[k] + b * (p[k] * math.log(p[k]) - p[k])) - (
                a * p[k + 1] + b * (p[k + 1] * math.log(p[k + 1]) - p[k + 1])
            )
        assert log == pytest.approx(4.954368, abs=5e-7)
        assert 1 - log / total == pytest.approx(0.17, abs=0.002)

    def test_protected_to_fifty_years(self, site, known):
        """Defences hold up to 50 years: the maps from there on are what is left, 1.570 and a tail of .300."""
        found = one_loss(site, DAMAGE[2:], PERIODS[2:]).dataset
        case, got = "five maps, protected to 50 years, tail hold", found["annual_direct_loss"].item()
        known("Expected annual damage", case, 1.870, got, 1e-12, by="arithmetic")
        assert found["annual_direct_loss_tail"].item() == pytest.approx(0.3, abs=1e-15)

    def test_order_of_the_maps_in_the_file(self, site):
        """Maps are paired with their own return periods, however they are listed."""
        order = [3, 0, 4, 2, 1]
        found = one_loss(site, [DAMAGE[i] for i in order], [PERIODS[i] for i in order]).dataset
        assert found["return_period"].values.tolist() == PERIODS
        assert found["annual_direct_loss"].item() == pytest.approx(6.270, abs=1e-12)

    def test_a_damage_known_at_one_return_period_is_not_worth_nothing(self, site):
        found = one_loss(site, [80.0], [100.0]).dataset
        assert found["annual_direct_loss"].item() == pytest.approx(0.8, abs=1e-12)
        assert found["annual_direct_loss_tail"].item() == pytest.approx(0.8, abs=1e-12)

    def test_distinct_events_add_their_rates(self, site):
        asset = {"id": "A", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 150.0, **NONE}
        maps = {"values": [[1.0], [8.0]], "events": ["a", "b"], "annual_rates": [0.1, 0.02]}
        found = assess(site.scenario([asset], [maps], needs=[("zone", "x", ["A"], 1)])).dataset
        assert found["annual_direct_loss"].item() == pytest.approx(0.1 * 10 + 0.02 * 80, abs=1e-12)
        assert found["annual_direct_loss_tail"].item() == 0.0

    def test_two_families_add(self, site):
        """6.270 from the stack and 1 from the listed events; the same asset in both."""
        asset = {"id": "A", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 150.0, **NONE}
        stack = {"values": [[value / 10] for value in DAMAGE], "return_periods": PERIODS}
        listed = {"values": [[1.0]], "events": ["burst"], "annual_rates": [0.1], "family": "pipes"}
        found = assess(site.scenario([asset], [stack, listed], needs=[("zone", "x", ["A"], 1)])).dataset
        assert found["annual_direct_loss"].item() == pytest.approx(7.270, abs=1e-12)


def people_of(site: Any, persons: list[float], periods: list[float], **risk: Any) -> Any:
    """Zones that fall one after the other: at return period i the first i + 1 zones are without, for certain."""
    n = len(persons)
    assets = [{"id": f"A{i}"} for i in range(n)]
    zones = [{"id": f"z{i}", "persons": float(count)} for i, count in enumerate(persons)]
    needs = [(f"z{i}", "power", [f"A{i}"], 1) for i in range(n)]
    depth = np.tril(np.ones((n, n)))
    maps = {"values": depth, "return_periods": periods}
    return assess(site.scenario(assets, [maps], zones=zones, needs=needs, risk=risk))


@pytest.mark.parametrize(("rule", "relative"), [("log_linear", 2e-6), ("trapezoid", 0.006)])
def test_loss_that_grows_with_the_logarithm(site, known, rule, relative):
    """D = a ln(T / T0) above T0: the integral over p is a / T0 (a = 1000, T0 = 5), in people of the zones that fell.

    Exact under the log-linear rule whatever the maps; the trapezoid is slightly high on 25 maps. Beyond the last map
    the loss is held, which leaves out a / T_n of the integral.
    """
    a, first = 1000.0, 5.0
    periods = first * 1.3 ** np.arange(1, 26)
    total = a * np.log(periods / first)
    persons = np.diff(np.concatenate([[0.0], total]))
    found = people_of(site, persons, [first, *periods][1:], rule=rule, catalogue_years=0).dataset
    np.testing.assert_allclose(found["people_without_service"].values[:, 0, 0], total, atol=0.03)
    # From T0 to the first map the loss rises too: a (1/T0 - 1/T1) - D1 / T1 of the integral.
    below = a * (1 / first - 1 / periods[0]) - total[0] / periods[0]
    beyond = a / periods[-1]
    wanted = a / first - below - beyond
    case = f"D = a ln(T / T0), {rule}, 25 maps"
    got = found["annual_value"].item()
    known(
        "Expected annual damage",
        case,
        wanted,
        got,
        relative * wanted,
        by="integral a / T0, less what is outside the maps",
    )
    assert found["annual_standard_error"].item() == pytest.approx(0.0, abs=1e-9)


class TestCompoundPoisson:
    """lambda = .2 events a year, X ~ Exp(100): known from the closed form and from a convolution.

    With D(T) = 100 ln(T / 5) the catalogue's T = 5 / U makes X = -100 ln U exactly exponential: two maps (T = 5,
    nobody; T = 5 x 10^6, 1,381.551 people) and the log-linear rule.
    """

    years = 400_000

    @pytest.fixture(scope="class")
    @classmethod
    def result(cls, site):
        most = 100 * math.log(1e6)
        assets = [{"id": "A"}]
        needs = [("zone", "power", ["A"], 1)]
        maps = {"values": [[0.0], [1.0]], "return_periods": [5, 5e6]}
        risk = {
            "rule": "log_linear", "catalogue_years": cls.years, "return_periods": [20, 100, 250], "bootstrap": 200,
            "confidence": 0.9,
        }  # fmt: skip
        return assess(site.scenario(assets, [maps], zones=[{"id": "zone", "persons": most}], needs=needs, risk=risk))

    def test_annual_value_and_the_mean_of_the_catalogue(self, result, known):
        """AAL = lambda E[X] = 20, less the 2e-4 beyond the last map; sd = sqrt(lambda E[X^2]) = 63.2456."""
        section, by = "Compound Poisson, .2 a year of Exp(100)", "closed form"
        known(section, "annual value", 20.0, result.dataset["annual_value"].item(), 5e-4, by=by)
        years = result.exceedance.sel(quantity="power")
        case = f"mean of {self.years:,} years"
        known(section, case, 20.0, years["yearly_mean"].item(), 4 * 63.2456 / math.sqrt(self.years), by=by)
        known(section, "sd of a year", 63.2456, years["yearly_standard_deviation"].item(), 0.95, by=by)
        assert years["yearly_standard_error"].item() == pytest.approx(0.1, rel=0.02)

    @pytest.mark.parametrize(
        ("curve", "field", "period", "wanted"),
        [
            ("occurrence", "value", 100, 299.0711),
            ("occurrence", "value", 250, 391.0020),
            ("aggregate", "value", 100, 319.2006),
            ("aggregate", "tail_value", 100, 428.6101),
        ],
    )
    def test_losses_of_return_periods(self, result, known, curve, field, period, wanted):
        one = result.exceedance.sel(quantity="power").sel(return_period=period)
        low, high = (one[f"{curve}_{field}_{side}"].item() for side in ("low", "high"))
        assert low < wanted < high
        # The interval is one of 90 %: 1.645 standard errors to either side.
        case = f"{curve} {field} of {period} years"
        error = (high - low) / 2 / 1.645
        known("Compound Poisson, .2 a year of Exp(100)", case, wanted, one[f"{curve}_{field}"].item(), 4 * error,
              by="closed form and convolution")  # fmt: skip

    def test_chance_of_losses_in_a_year(self, result, known):
        """OEP(x) = 1 - exp(-lambda P(X > x)); AEP from a mixture of gamma laws. Of the years that the run draws."""
        family = EventFamily(
            name=str(result.dataset["family"].values[0]), axis="severity", events=("dry", "wet"),
            return_period=np.array([5.0, 5e6]), annual_rate=np.array([0.2, 2e-7]),
        )  # fmt: skip
        totals = result.dataset["people_without_service"]
        catalogue = draw_catalogue(
            [family], years=self.years, seed=1, n_samples=totals.sizes["sample"], rule="log_linear"
        )
        years = yearly_losses(occurrence_losses(totals, catalogue), year=catalogue["year"], n_years=self.years)
        section, by = "Compound Poisson, .2 a year of Exp(100)", "closed form and convolution"
        mean = result.exceedance.sel(quantity="power")["yearly_mean"].item()
        assert years["yearly_sum"].mean().item() == pytest.approx(mean, rel=1e-12)
        for name, total, wanted in (
            ("one event", "yearly_maximum", (0.0709344, 0.0267040, 0.0099080)),
            ("all events", "yearly_sum", (0.0733464, 0.0295964, 0.0119126)),
        ):
            share, _ = exceedance_probability(years[total].values.ravel(), [100.0, 200.0, 300.0])
            for loss, value, got in zip((100, 200, 300), wanted, share, strict=True):
                error = math.sqrt(value * (1 - value) / self.years)
                known(section, f"chance of more than {loss} a year by {name}", value, got, 4 * error, by=by)

    def test_chance_of_an_event_from_rates(self, known):
        """The law of a loss in 100,000 equal parts, each at its middle."""
        n = 100_000
        curve = exceedance_curve(-100.0 * np.log((np.arange(n) + 0.5) / n), rates=0.2 / n)
        wanted = {100: 0.0709344, 200: 0.0267040, 300: 0.0099080, 299.0711: 1 / 100, 391.0020: 1 / 250}
        found = occurrence_probability(exceedance_frequency(curve, list(wanted)))
        for (loss, value), got in zip(wanted.items(), found, strict=True):
            case = f"chance of more than {loss:.7g} a year by one event, from rates"
            known("Compound Poisson, .2 a year of Exp(100)", case, value, got, 2e-6, by="closed form")

    def test_aggregate_is_never_below_occurrence(self, result):
        years = result.exceedance
        assert (years["aggregate_value"] >= years["occurrence_value"]).all()
        assert (years["aggregate_tail_value"] >= years["occurrence_tail_value"]).all()


def test_the_catalogue_of_direct_losses_has_the_mean_of_the_quadrature(site, known):
    """6.270 a year with the tail, from years drawn at random: the rarest map is held beyond 500 years there too."""
    asset = {"id": "A", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 150.0, **NONE}
    maps = {"values": [[value / 10] for value in DAMAGE], "return_periods": PERIODS}
    risk = {"catalogue_years": 200_000, "return_periods": [10, 100, 500], "bootstrap": 2}
    result = assess(site.scenario([asset], [maps], risk=risk, needs=[("zone", "x", ["A"], 1)]))
    money = result.exceedance.sel(quantity="direct_loss")
    error = money["yearly_standard_error"].item()
    known("Expected annual damage", "mean of 200,000 years, five maps", 6.270, money["yearly_mean"].item(), 4 * error,
          by="arithmetic")  # fmt: skip
    assert money["occurrence_value_high"].sel(return_period=500) <= 150.0
    assert str(money["quantity_unit"].item()) == "money"


def test_catalogue_and_quadrature_agree_where_failures_are_random(site):
    """The mean year of the catalogue is the annual value with its tail, under both rules, within standard errors."""
    assets = [{"id": f"A{i}"} for i in range(6)]
    zones = [{"id": f"z{i}", "persons": 100.0 * (i + 1)} for i in range(6)]
    needs = [(f"z{i}", "power", [f"A{i}", f"A{(i + 1) % 6}"], 1) for i in range(6)]
    maps = {"values": [[0.05] * 6, [0.3] * 6, [0.7] * 6], "return_periods": [5, 20, 100]}
    for rule in ("trapezoid", "log_linear"):
        risk = {"rule": rule, "catalogue_years": 100_000, "bootstrap": 2, "return_periods": [10, 100]}
        result = assess(site.scenario(assets, [maps], zones=zones, needs=needs, samples=4096, risk=risk))
        years = result.exceedance.sel(quantity="power")
        annual, error = result.dataset["annual_value"].item(), result.dataset["annual_standard_error"].item()
        assert abs(years["yearly_mean"].item() - annual) < 4 * math.hypot(error, years["yearly_standard_error"].item())
        assert (years["aggregate_value"] >= years["occurrence_value"]).all()


JRC = ("residential", "commercial", "industrial", "transport", "roads")
JRC_VECTORS = {
    0.25: (0.163278, 0.188395, 0.141591, 0.178758, 0.107218),
    0.75: (0.410303, 0.457236, 0.382399, 0.464706, 0.293596),
    1.2: (0.543059, 0.586344, 0.540657, 0.636471, 0.465227),
    2.5: (0.795120, 0.823097, 0.786958, 0.923611, 0.759034),
    7.0: (1.0, 1.0, 1.0, 1.0, 1.0),
}


def test_direct_loss_by_the_asian_curves(site, known):
    """Linear between the published depths of JRC (Huizinga et al. 2017, Asia), clamped outside; in shares of 1."""
    assets = [{"id": name, "flood_damage_curve": f"jrc_asia_{name}", "replacement_cost": 1.0, **NONE} for name in JRC]
    maps = {
        "values": [[depth] * 5 for depth in JRC_VECTORS],
        "events": [f"d{i}" for i in range(len(JRC_VECTORS))],
    }
    found = assess(site.scenario(assets, [maps], needs=[("zone", "x", ["roads"], 1)])).dataset
    for row, (depth, wanted) in zip(found["asset_direct_loss"].values, JRC_VECTORS.items(), strict=True):
        for name, got, value in zip(JRC, row, wanted, strict=True):
            known(
                "Direct damage, JRC Asia", f"{name} at {depth:g} m", value, got, 1e-6, by="interpolation of the table"
            )


def test_probability_of_failure_by_lognormal_curves(site, known, tmp_path):
    """P = Phi(ln(d / theta) / beta): known values, and 0 for an effective depth of 0."""
    header = "name,role,peril,unit,theta,beta,source,basis\n"
    rows = [
        f"c{i},fragility,flood,m,{t},{b},formula,source" for i, (t, b) in enumerate([(1, 0.4), (0.6, 0.5), (1.22, 0.3)])
    ]
    (tmp_path / "own.csv").write_text(header + "\n".join(rows) + "\n")
    cases = [("c0", 0.5, 0.041560), ("c0", 1.0, 0.5), ("c0", 1.5, 0.844628), ("c1", 0.3, 0.082829)]
    cases += [("c2", 1.0, 0.253718), ("c0", 0.0, 0.0)]
    assets = [
        {"id": f"A{i}", "flood_fragility_curve": name, "component_height": 0.0} for i, (name, *_) in enumerate(cases)
    ]
    raised = [
        {"id": f"R{i}", "flood_fragility_curve": name, "component_height": 0.25} for i, (name, *_) in enumerate(cases)
    ]
    depth = [case[1] for case in cases] + [case[1] + 0.25 for case in cases]
    maps = {"values": [depth], "events": ["storm"]}
    found = assess(
        site.scenario([*assets, *raised], [maps], needs=[("zone", "x", ["A0"], 1)],
                      curves={"files": [{"path": str(tmp_path / "own.csv")}]})
    ).dataset  # fmt: skip
    for asset, got, case in zip(found["asset"].values, found["failure_probability"].values[0], cases * 2, strict=True):
        raised_by = " above equipment raised .25 m" if asset.startswith("R") else ""
        name = f"curve {case[0]} at {case[1]:g} m{raised_by}"
        known("Lognormal fragility", name, case[2], got, 1e-6, by="Phi(ln(d / theta) / beta)")


def test_basement_rule(site):
    """Depth up to the barrier floods the basement with the seal's probability, deeper water surely."""
    base = {"flood_fragility_curve": "", "component_height": -1.0, "barrier_height": 0.5}
    assets = [{"id": "leaky", **base, "seal_failure": 0.3}, {"id": "default", **base}]
    maps = {"values": [[0.0, 0.0], [0.4, 0.4], [0.6, 0.6]], "events": ["dry", "held", "over"]}
    found = assess(site.scenario(assets, [maps], needs=[("zone", "x", ["leaky"], 1)], samples=2**14)).dataset
    np.testing.assert_allclose(found["failure_probability"], [[0, 0], [0.3, 0.1], [1, 1]], atol=1e-12)
    shares = found["failed_count"].values / 2**14
    assert abs(shares[1, 0] - 0.3) < 4 * math.sqrt(0.21 / 2**14)
    assert shares[2].tolist() == [1.0, 1.0]
