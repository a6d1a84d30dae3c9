"""Options: each is judged by the run on a city that was changed by hand, and by laws that any change keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from resilience.check import check
from resilience.engine import open_pool
from resilience.errors import ConfigurationError, DataError, ResilienceError
from resilience.events import yearly_weight
from resilience.exposures import expose_and_damage
from resilience.inputs import load_inputs
from resilience.options import take_option
from resilience.pipeline import assess, demo_scenario, solve
from resilience.reading import open_run
from resilience.risk.standard_errors import sample_error
from resilience.sampling import Sampler
from resilience.scenario import Scenario
from tests.conftest import write_maps
from tests.test_heat_levels import GRID
from tests.test_heat_levels import town as hot_town
from tests.test_severity import city as pressed

DEPTHS = np.array([[0.2, 0.0, 0.4, 0.1], [0.5, 0.3, 0.6, 0.3]])
RIVER = {"family": "river", "values": DEPTHS, "return_periods": [10, 100], "duration_hours": 12}
TIME = {"hours": [0, 6, 12, 48, 200], "repair": {"crews": {"water": 1}}}
COST = {"cost": 1000.0, "life_years": 30}


def option(name: str, *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, **COST, "changes": list(changes), **more}


def town(site, *, asset: dict[str, Any] | None = None, need: dict[str, Any] | None = None, provider="p3", **more):
    """Three pumps by the river for a zone each, and a pump that gives nothing yet; one need has a short buffer."""
    own = {"sector": "water", "kind": "pump", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 100.0,
           "repair_class": "pump", "component_height": 0.0}  # fmt: skip
    own_of = {i: (asset or {}) if i == 0 else {} for i in range(4)}
    given = {"services": {"water": {"by": "assignment"}}, "time": TIME, **more}
    return site.scenario(
        [{"id": f"p{i}", **own, "district": f"d{i}", **own_of[i]} for i in range(4)], [RIVER],
        zones=[{"id": f"z{i}"} for i in range(3)],
        needs=[(f"z{i}", "water", [f"p{i}"], 1, {"buffer_hours": 6.0, **(need or {})}) for i in range(3)],
        **given,
    )  # fmt: skip


FIRST = {"id": "p0"}
BY_HAND: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "raise": ([{"raise": FIRST, "by_m": 0.15}], {"asset": {"component_height": 0.15}}),
    "flood_board": (
        [{"flood_board": FIRST, "height_m": 0.3, "seal_failure": 0.2}],
        {"asset": {"barrier_height": 0.3, "seal_failure": 0.2}},
    ),
    "curves": ([{"curves": FIRST, "flood_fragility": "function_substation"}],
               {"asset": {"flood_fragility_curve": "function_substation"}}),
    "buffer": (
        [{"buffer": "zones", "service": "water", "hours": 12, "start_probability": 0.5}],
        {"need": {"buffer_hours": 12.0, "start_probability": 0.5}},
    ),
    "crews": ([{"crews": {"water": 2}}], {"time": {**TIME, "repair": {"crews": {"water": 3}}}}),
    "redundancy": (
        [{"redundancy": {"of": FIRST, "service": "water", "units": 2, "unavailability": 0.1}}],
        {"redundancy": [{"of": FIRST, "service": "water", "units": 2, "unavailability": 0.1}]},
    ),
    "two": (
        [{"raise": FIRST, "by_m": 0.15}, {"crews": {"water": 2}}],
        {"asset": {"component_height": 0.15}, "time": {**TIME, "repair": {"crews": {"water": 3}}}},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(site):
    return assess(town(site)).dataset


@pytest.fixture(scope="module")
def found(site):
    """All options but those with other buffers, which give all runs further points of time."""
    options = [option(name, *changes) for name, (changes, _) in BY_HAND.items() if name != "buffer"]
    return assess(town(site, options=[*options, {"name": "together", "combine": ["raise", "crews"]}]))


@pytest.fixture(scope="module")
def buffered(site):
    return assess(town(site, options=[option("buffer", *BY_HAND["buffer"][0])])).dataset


@pytest.mark.parametrize("name", BY_HAND)
def test_an_option_is_the_run_on_a_city_changed_by_hand(site, found, buffered, name: str) -> None:
    dataset = buffered if name == "buffer" else found.dataset
    # The city by hand needs the grid that the options ask for.
    further = {"options": [option("grid", *BY_HAND["buffer"][0])]} if name == "buffer" else {}
    own = assess(town(site, **BY_HAND[name][1], **further)).dataset
    one = dataset.sel(option=name)
    np.testing.assert_array_equal(one["option_annual_person_hours"], own["annual_person_hours"])
    np.testing.assert_array_equal(one["option_annual_value"], own["annual_value"])
    weight = (dataset["annual_weight"] + dataset["tail_weight"]).values
    each = np.einsum("e,esn->sn", weight, dataset["person_hours_lost"].values - own["person_hours_lost"].values)
    np.testing.assert_allclose(one["option_saved"], each.mean(axis=1))
    np.testing.assert_allclose(one["option_saved_standard_error"], each.std(axis=1, ddof=1) / np.sqrt(512))
    avoided = dataset["annual_direct_loss"].item() - own["annual_direct_loss"].item()
    assert one["option_direct_loss_avoided"].item() == pytest.approx(avoided, abs=1e-9)
    assert each.any()


def test_a_combination_is_its_changes_together(found) -> None:
    two, together = (found.dataset.sel(option=name) for name in ("two", "together"))
    assert together["option_combines"].item() == "raise + crews"
    for name in ("option_saved", "option_saved_standard_error", "option_annual_person_hours"):
        np.testing.assert_array_equal(two[name], together[name])
    assert together["option_cost"].item() == 2000.0
    assert together["option_life_years"].item() == 30


def test_the_run_itself_is_as_without_options(plain, found) -> None:
    assert plain["person_hours_lost"].values.any()
    for name in plain.data_vars:
        np.testing.assert_array_equal(plain[name].values, found.dataset[name].values, err_msg=str(name))


def test_a_second_feeder_is_a_further_provider(site) -> None:
    changes = {"second_feeder": "zones", "service": "water", "provider": {"id": ["p2", "p3"]}}
    scenario = town(site, options=[option("feeder", changes)])
    inputs = load_inputs(scenario)
    _, changed = take_option(scenario, inputs, scenario.options[0], number=0)
    needs = changed.network.needs.set_index("id")["dependent"]
    rows = changed.network.dependencies
    pairs = set(zip(rows["need"].map(needs), rows["provider"], strict=True))
    # Nearest of those asked for, and never one that provides already: p2 and p3 stand to the right of the others.
    assert pairs == {("z0", "p0"), ("z0", "p2"), ("z1", "p1"), ("z1", "p2"), ("z2", "p2"), ("z2", "p3")}
    saved = assess(scenario).dataset["option_saved"]
    assert saved.item() > 0


def test_a_second_feeder_is_by_default_of_the_kind_that_is_there(site) -> None:
    assets = [
        {"id": "s1", "kind": "substation"},
        {"id": "h", "sector": "medical", "kind": "hospital"},
        {"id": "s3", "kind": "substation"},
        {"id": "s2", "kind": "substation"},
        {"id": "gen", "kind": "generator"},
    ]
    scenario = site.scenario(
        assets, [{**RIVER, "values": [[0.2] * 5, [0.4] * 5]}],
        needs=[("h", "power", ["s1"], 1), ("zone", "power", ["s1"], 1)],
        options=[option("feeder", {"second_feeder": {"id": "h"}, "service": "power"})],
    )  # fmt: skip
    _, changed = take_option(scenario, load_inputs(scenario), scenario.options[0], number=0)
    assert changed.network.dependencies["provider"].tolist() == ["s1", "s1", "s3"]


def test_water_over_a_board_finds_the_asset_as_before(site) -> None:
    """P = s F(d) up to the board and F(d) above; the curve is the depth itself."""
    scenario = town(site, options=[option("board", {"flood_board": {"id": ["p0", "p2"]}, "height_m": 0.5})])
    _, changed = take_option(scenario, load_inputs(scenario), scenario.options[0], number=0)
    damaged, _ = expose_and_damage(changed)
    expected = np.where(np.isin(np.arange(4), [0, 2]) & (DEPTHS <= 0.5), 0.1 * DEPTHS, DEPTHS)
    np.testing.assert_allclose(damaged["failure_probability"], expected, rtol=1e-6)


def test_what_changes_nothing_saves_exactly_nothing(site) -> None:
    """Higher pumps where no water comes, crews that nobody needs, units that never fail."""
    dry = np.array([[0.2, 0.0, 0.4, 0.0], [0.5, 0.0, 0.6, 0.0]])
    options = [
        option("dry", {"raise": {"id": "p1"}, "by_m": 5.0}),
        option("idle", {"crews": {"water": 1000}}),
        option("spare", {"redundancy": {"of": FIRST, "service": "water", "units": 2, "unavailability": 0.0}}),
    ]
    scenario = town(site, options=options, time={**TIME, "repair": {"crews": {"water": 4}}})
    write_maps(scenario.hazards[0].path, dry)
    result = assess(scenario)
    assert {row[2] for row in result.options_table()[1:]} == {"none"}
    dataset = result.dataset
    for name in ("option_saved", "option_saved_standard_error", "option_event_saved", "option_direct_loss_avoided",
                 "option_annual_benefit", "option_present_value", "option_benefit_cost_ratio"):  # fmt: skip
        assert not dataset[name].values.any(), name
    assert dataset["person_hours_lost"].values.any()
    assert not dataset["option_on_frontier_money"].values.any()


def test_neither_the_order_of_options_nor_blocks_nor_threads_matter(site) -> None:
    options = [option("raise", *BY_HAND["raise"][0]), option("two", *BY_HAND["two"][0]),
               {"name": "all", "combine": ["raise", "two"]}]  # fmt: skip
    counts = {"samples": 2048}
    one = assess(town(site, options=options, monte_carlo=counts), threads=1).dataset
    two = assess(town(site, options=options[::-1], monte_carlo={**counts, "block": 512}), threads=2).dataset
    again = two.sel(option=one["option"].values)
    for name in one.data_vars:
        if str(name).startswith("option"):
            np.testing.assert_array_equal(one[name].values, again[name].values, err_msg=str(name))


def test_buffers_of_options_are_points_of_time_of_all_runs(site, buffered, plain) -> None:
    assert set(buffered["time"].values) >= {6.0, 12.0}
    scenario = town(site, options=[option("long", {"buffer": "zones", "service": "water", "hours": 31})])
    dataset = assess(scenario).dataset
    assert 31.0 in dataset["time"].values
    assert 31.0 not in plain["time"].values


def test_cool_roofs_leave_part_of_the_growth_of_demand(site) -> None:
    """A day of 34 degC draws 1.275 as much; of 95 times that 95 are given. Saving 0.4 of the growth: 1.165."""
    roofs = option("roofs", {"cool_roof": {"kind": "cabinet"}, "cooling_saved": 0.4})
    data = hot_town(site, {"demand": {}}, air=[34.0] * 4, time=GRID, options=[roofs]).to_dict()
    data["hazards"][0]["annual_rates"] = [0.5]
    dataset = assess(Scenario.from_dict(data)).dataset
    saved = 24 * 1000 * (1 / 1.165 - 1 / 1.275)
    assert dataset["option_event_saved"].item() == pytest.approx(saved, abs=0.1)
    assert dataset["option_saved"].item() == pytest.approx(0.5 * saved, abs=0.1)
    avoided = dataset["option_energy_not_served_avoided"]
    assert avoided.item() == pytest.approx(0.5 * 24 * 95 * (1.275 - 1.165), abs=0.01)
    assert dataset["option_energy_not_served_avoided_standard_error"].item() == 0.0
    bare = option("bare", {"cool_roof": {"kind": "substation"}, "cooling_saved": 0.4})
    with pytest.raises(ConfigurationError, match="assets with a demand in power"):
        check(hot_town(site, {"demand": {}}, time=GRID, options=[bare]), quick=True)


@pytest.fixture(scope="module")
def raised_city():
    data = demo_scenario(size=600, samples=512).to_dict()
    data |= {"risk": {"catalogue_years": 0},
             "options": [option("substations", {"raise": {"kind": "substation"}, "by_m": 1.0})]}  # fmt: skip
    return Scenario.from_dict(data)


def test_shared_random_numbers_cut_the_error_of_a_saving(raised_city) -> None:
    """At least five times against independent runs, or as much as any coupling of the two runs could.

    Of all couplings of two samples, that of their sorted values has the least variance of the difference: where an
    option takes most of what varies, no coupling cuts the error by much.
    """
    base = assess(raised_city).dataset
    changed = take_option(raised_city, load_inputs(raised_city), raised_city.options[0], number=0)
    with open_pool(threads=1) as pool:
        alone, _ = solve(*changed, Sampler(pool, block_samples=512))
    found = base.sel(option="substations")
    weight = yearly_weight(base)
    yearly = [np.einsum("e,esn->sn", weight, one["people_without_service"].values) for one in (base, alone.dataset)]
    independent = np.hypot(*(sample_error(one) for one in yearly))
    best = sample_error(np.sort(yearly[0], axis=1) - np.sort(yearly[1], axis=1))
    paired = found["option_saved_standard_error"].values
    five = []
    for s, service in enumerate(found["service"].values.tolist()):
        if not found["option_saved"].values[s]:
            continue
        assert 0 < best[s] <= paired[s]
        if independent[s] >= 5 * paired[s]:
            five.append(service)
        else:
            assert paired[s] <= 1.01 * best[s], service
    assert {"power", "telecom", "safety"} <= set(five)
    assert (found["option_saved"].sel(service=five) > 3 * found["option_saved_standard_error"].sel(service=five)).all()


def test_what_only_maps_tell_of_an_option_is_told_as_of_it(site, tmp_path) -> None:
    """Damage would be more probable than failure: not before depths are read, and not of the city as it is."""
    data = pressed(site, tmp_path, states={"press": "press_flood"}).to_dict()
    data["options"] = [option("weak", {"curves": {"id": "P"}, "flood_fragility": "press_3"}),
                       option("high", {"raise": {"id": "P"}, "by_m": 0.1}),
                       option("weaker", {"curves": {"id": "P"}, "flood_fragility": "press_3"})]  # fmt: skip
    scenario = Scenario.from_dict(data)
    assert "options: weak, high, weaker" in check(scenario, quick=True).lines()
    with pytest.raises(DataError, match="options, weak: time") as error:
        check(scenario)
    assert len(error.value.problems) == 2
    with pytest.raises(DataError, match="options, weak: time"):
        assess(scenario)


def test_judgement_in_options_is_told(site) -> None:
    options = [option("board", {"flood_board": FIRST, "height_m": 0.5}),
               option("class", {"curves": FIRST, "flood_fragility": "function_substation"})]  # fmt: skip
    notes = assess(town(site, options=options)).notes
    assert any("leaks with probability 0.1" in note for note in notes)
    assert any(note.startswith("option class: defaults in use") and "function_substation" in note for note in notes)


HELPS = {
    "raise": {"raise": {"sector": ["power", "telecom"]}, "by_m": 0.4},
    "board": {"flood_board": {"kind": ["data_centre", "pump_station", "exchange"]}, "height_m": 1.2},
    "feeder": {"second_feeder": "zones", "service": "power"},
    "asset_feeder": {"second_feeder": {"kind": ["pump_station", "emergency_room"]}, "service": "power"},
    "buffer": {"buffer": {"sector": "telecom"}, "service": "power", "hours": 500, "start_probability": 1},
}


def test_what_helps_takes_nothing_from_anyone_in_any_sample() -> None:
    """Higher, sealed, further providers, longer buffers: at levels that are monotone no sample loses more."""
    data = demo_scenario(size=600, samples=512).to_dict()
    data |= {"risk": {"catalogue_years": 0}, "options": [option(name, change) for name, change in HELPS.items()]}
    scenario = Scenario.from_dict(data)
    inputs = load_inputs(scenario)
    helped = 0
    with open_pool(threads=1) as pool:
        sampler = Sampler(pool, block_samples=512)
        base = solve(scenario, inputs, sampler)[0].dataset["people_without_service"].values
        for number, one in enumerate(scenario.options):
            city = take_option(scenario, inputs, one, number=number)
            with_it = solve(*city, sampler)[0].dataset["people_without_service"].values
            assert (with_it <= base).all(), one.name
            helped += bool((with_it < base).any())
    assert helped >= 4


def test_options_on_disk(site, tmp_path) -> None:
    options = [option("raise", *BY_HAND["raise"][0]), option("two", *BY_HAND["two"][0], yearly_cost=5)]
    result = assess(town(site, options=options, values={"water": 2.0}), out=tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "options.csv").set_index("option")
    dataset = result.dataset
    for name in ("net_present_value", "benefit_cost_ratio", "benefit_cost_ratio_low", "annual_benefit", "cost"):
        np.testing.assert_allclose(table[name], dataset[f"option_{name}"], rtol=1e-8)
    np.testing.assert_allclose(table["saved_water"], dataset["option_saved"][:, 0], rtol=1e-8)
    assert table["unit"].unique().tolist() == ["persons h/year"]
    assert table["rank"].tolist() == dataset["option_rank"].values.tolist()
    again = open_run(tmp_path / "run")
    assert again.options_table() == result.options_table()
    assert again.dataset["option_on_frontier_money"].dtype == bool
    assert "discount_rate = 0.045" in (tmp_path / "run" / "notes.txt").read_text()


def test_without_rates_savings_are_per_event(site, tmp_path) -> None:
    hazard = {**RIVER, "return_periods": [], "events": ["a", "b"]}
    scenario = site.scenario(
        [{"id": f"p{i}"} for i in range(4)], [hazard], needs=[("zone", "water", ["p0"], 1)],
        options=[option("raise", {"raise": {"id": "p0"}, "by_m": 0.1})],
    )  # fmt: skip
    result = assess(scenario, out=tmp_path / "run")
    dataset = result.dataset
    assert "option_rank" not in dataset
    assert "option_saved" not in dataset
    assert (dataset["option_event_saved"] > 0).all()
    assert any("not weighed" in note for note in result.notes)
    assert [row[:2] for row in result.options_table()] == [["option", "event"], ["raise", "a"], ["raise", "b"]]
    table = pd.read_csv(tmp_path / "run" / "options.csv")
    assert table["event"].tolist() == ["a", "b"]
    np.testing.assert_allclose(table["saved_water"], dataset["option_event_saved"].values.ravel(), rtol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([option("a", {"raise": {"kind": "pmp"}, "by_m": 1})], "did you mean 'pump'"),
        ([option("a", {"raise": FIRST, "by_m": 0})], "greater than 0"),
        ([option("a", {"raise": FIRST, "by_m": float("inf")})], "finite"),
        ([option("a", {"raise": FIRST, "by_m": 1}, cost=1e300)], "less than or equal to 1000000000000000"),
        ([option("a", {"raise": FIRST, "by_m": 1}, cost=-1)], "greater than or equal to 0"),
        ([option("a", {"raise": FIRST, "by_m": 1}, life_years=2.5)], "a whole number"),
        ([option("a", {"raise": FIRST, "by_m": 1}, carbon={"embodied": float("nan")})], "finite"),
        ([option("a", {"raise": FIRST})], "m by which it grows"),
        ([option("a", {"lower": FIRST})], "a change: one of raise, flood_board"),
        ([option("a", {"raise": FIRST, "by_m": 1}), option("a", {"raise": FIRST, "by_m": 1})], "as options.0"),
        ([option("../a", {"raise": FIRST, "by_m": 1})], "a name: a letter"),
        ([option("a")], "changes, or combine"),
        ([{"name": "a", "life_years": 3, "changes": [{"raise": FIRST, "by_m": 1}]}], "money, at once"),
        ([{"name": "a", "cost": 3, "changes": [{"raise": FIRST, "by_m": 1}]}], "years for which it works"),
        ([option("a", {"raise": FIRST, "by_m": 1}), {"name": "b", "combine": ["a", "c"]}], "options with changes: a"),
        ([option("a", {"raise": FIRST, "by_m": 1}), {"name": "b", "combine": ["a"]}], "two or more"),
        (
            [option("a", {"raise": FIRST, "by_m": 1}), option("c", {"raise": FIRST, "by_m": 1}, life_years=10),
             {"name": "b", "combine": ["a", "c"]}], r"absent \(10, 30\)",
        ),
        ([option("a", {"crews": {"power": 1}})], "sectors of time.repair.crews: water"),
        ([option("a", {"second_feeder": "zones", "service": "wter"})], "did you mean 'water'"),
        ([option("a", {"second_feeder": {"id": "p0"}, "service": "water"})], "they need none"),
        ([option("a", {"second_feeder": "zones", "service": "water", "provider": FIRST})], "changes.0.provider"),
        ([option("a", {"buffer": "zones", "service": "water"})], "none of them"),
        ([option("a", {"curves": FIRST, "flood_fragility": "loss_of_15_m"})], "which is none"),
        ([option("a", {"curves": FIRST, "flood_damage": "loss_of_15_mm"})], "did you mean 'loss_of_15_m'"),
        ([option("a", {"cool_roof": FIRST, "cooling_saved": 0.1})], "heat.demand"),
        ([option("a", {"redundancy": {"of": {"id": "x"}, "service": "water", "units": 2, "unavailability": 0}})],
         "options.0.changes.0.redundancy.0.of.id"),
        ([option("a", {"redundancy": {"of": FIRST, "service": "w", "units": 2, "unavailability": 0}})], "of services"),
    ],
    ids=str,
)  # fmt: skip
def test_options_that_are_wrong(site, options: list, message: str) -> None:
    with pytest.raises(ResilienceError, match=message):
        check(town(site, options=options), quick=True)


def test_all_that_is_wrong_is_told_at_once(site) -> None:
    options = [option("a", {"raise": {"kind": "x"}, "by_m": 1}, {"flood_board": {"kind": "y"}, "height_m": 1}),
               option("b", {"curves": FIRST, "heat_fragility": "z"})]  # fmt: skip
    with pytest.raises(ConfigurationError) as error:
        check(town(site, options=options), quick=True)
    assert len(error.value.problems) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"values": {"water": 1}}, "no options"),
        ({"values": {"watr": 1}, "options": [option("a", {"raise": FIRST, "by_m": 1})]}, "did you mean 'water'"),
        ({"values": {"water": 1}, "options": [option("a", {"raise": FIRST, "by_m": 1})], "time": None}, "no time"),
        ({"discount_rate": 4.5}, "less than or equal to 1"),
    ],
    ids=str,
)
def test_values_that_are_wrong(site, more: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        town(site, **more)


def test_a_board_is_not_for_an_open_basement(site) -> None:
    options = [option("board", {"flood_board": FIRST, "height_m": 1})]
    with pytest.raises(ConfigurationError, match="no barrier_height"):
        check(town(site, asset={"component_height": -2.0}, options=options), quick=True)
    check(town(site, asset={"component_height": -2.0, "barrier_height": 0.0}, options=options), quick=True)
    with pytest.raises(ConfigurationError, match="without a barrier that is as high"):
        check(town(site, asset={"barrier_height": 1.0}, options=options), quick=True)
