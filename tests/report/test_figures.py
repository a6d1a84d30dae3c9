"""What a report tells is what the run found, and no more than is known."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from resilience.colours import COLOURS, colours_of
from resilience.network import Network
from resilience.pipeline import assess
from resilience.reading import read_run
from resilience.report import write_report
from resilience.report.colours import HATCH, part_colours
from resilience.report.critical import Critical
from resilience.report.failing import Dependents
from resilience.report.notes import group_notes
from resilience.report.page import write_page
from resilience.report.rounding import tell, tell_interval
from resilience.report.words import Words
from tests.conftest import CRS, Site, tables_of
from tests.naive.cascade import CascadeTwin
from tests.report_runs import Page, built_in, table
from tests.test_cascade import random_network


def test_figures_are_those_of_the_summary(run: Path, page: Page) -> None:
    told = {row["service"]: row for row in table(run, "summary.csv") if row["quantity"] == "over_time"}
    assert len(told) == 8
    rows = {row[0]: row for row in page.rows if len(row) == 6 and row[0] in told}
    for service, row in told.items():
        value, error = float(row["value"]), float(row["standard_error"])
        assert rows[service][2].strip() == f"{tell(value, error)} ± {tell_interval(value, error)}"
        assert rows[service][5] == f"{100 * float(row['beyond_rarest_event']) / value:.0f} %"
    assert "of the person-hours, beyond the rarest map" in page.text


def test_reasons_and_critical_assets_are_those_of_the_tables(run: Path, page: Page) -> None:
    first = {}
    for row in table(run, "why.csv"):
        if row["event"] == "per year" and row["unit"].endswith(" h/year"):
            best = first.setdefault(row["service"], row)
            first[row["service"]] = max(best, row, key=lambda one: float(one["share"]))
    for row in first.values():
        sector, peril = row["root"].split("/")
        assert f"{sector} ({peril}) {100 * float(row['share']):.0f} %" in page.text
    told = xr.open_zarr(run / "results.zarr", consolidated=False)
    works = dict(zip(told["asset"].values.tolist(), 512 - told["failed_count"].values.max(axis=0), strict=True))
    # The page tells the first twelve of each service that have a rank, and those that were run in pairs.
    firsts: set[str] = set()
    ranks: set[str] = set()
    for row in table(run, "importance.csv"):
        if row["rank"]:
            ranks.add(row["asset"])
            firsts |= {row["asset"]} if row["rank"] == "1" else set()
    paired = told["paired_birnbaum"].notnull().any("service")
    shown = {row[0] for row in page.rows if row and row[0] in works}
    assert firsts <= shown <= ranks | set(told["asset"].values[paired.values].tolist())
    assert all(works[name] >= 10 for name in ranks)
    assert min(works.values()) == 0
    assert "out in every sample of some event, or in all but a few" in page.text
    assert "The scenario has importance.top: 1. With a larger number" in page.text
    assert "is not the loss of the 500-year map" in page.text
    assert "Intervals here are of 90 %" in page.text
    # What is not ranked stands before what is.
    assert page.text.index("Not ranked: ") < page.text.index("saved if it never failed")


def test_there_is_no_section_without_content(page: Page, hostile_run: Path) -> None:
    everywhere = {"answer", "where", "limits", "method"}
    assert page.ids >= everywhere | {"why", "when", "often", "matters"}
    assert "helps" not in page.ids
    bare = Page(write_page(read_run(hostile_run), Words("en")))
    assert everywhere <= bare.ids
    assert bare.ids.isdisjoint({"when", "often", "matters", "helps"})
    assert "no rates" in bare.text
    assert "Years are made" in page.text
    assert "Years are made" not in bare.text
    links = {str(attributes["href"])[1:] for tag, attributes in bare.elements if tag == "a"}
    assert links <= bare.ids


def test_options_are_told_as_in_their_table(tmp_path: Path) -> None:
    raise_it = {"raise": {"kind": "substation"}, "by_m": 1.0}
    options = [
        {"name": "high", "cost": 500_000, "life_years": 40, "changes": [raise_it]},
        {"name": "higher", "cost": 900_000, "life_years": 40, "changes": [raise_it, raise_it]},
    ]
    options = [one | {"carbon": {"embodied": 12, "yearly": 1}} for one in options]
    run = built_in(tmp_path / "run", options=options, values={"power": 1.0}, discount_rate=0.03)
    page = Page(write_page(read_run(run), Words("en")))
    told = {row["option"]: row for row in table(run, "options.csv")}
    for name, row in told.items():
        worth = [cells for cells in page.rows if cells and cells[0] == f"{row['rank']}. {name}"]
        value, error = float(row["saved_power"]), float(row["saved_error_power"])
        assert tell(value, error) in worth[0][1]
        annuity = (1 - 1.03**-40) / 0.03
        net, error = float(row["net_annual_benefit"]), float(row["annual_benefit_standard_error"])
        heads = next(cells for cells in page.rows if "net benefit per year" in cells)
        cells = dict(zip(heads, worth[1], strict=True))
        assert cells["net benefit per year"] == f"{tell(net, error)}± {tell_interval(net, error)}"
        assert cells["net present value"] == tell(float(row["net_present_value"]), annuity * error)
        assert cells["life, years"] == "40"
        benefit, cost, of_both = (
            float(cells[name].partition("±")[0].replace(",", ""))
            for name in ("benefit per year", "annual cost", "net benefit per year")
        )
        assert benefit - cost == pytest.approx(of_both, abs=1e-6)
        # Three digits of the net benefit, or what its interval leaves of them.
        assert abs(benefit - float(row["annual_benefit"])) < max(1.96 * error, abs(net) / 100)
        assert cells["carbon, tCO₂e"] == "12.0+ 1.00/year"
        assert (cells["on the carbon frontier"] == "yes") == (row["on_frontier_carbon"] == "yes")
    hours = "Money for each of the person-hours saved: power 1. Services"
    assert hours in page.text
    assert "Discount rate: 3 % per year, from the scenario." in page.text
    assert ("None brings more than it costs." in page.text) == (
        max(float(row["net_annual_benefit"]) for row in told.values()) <= 0
    )


@pytest.mark.parametrize(
    ("depth", "rated", "heading", "loss"),
    [
        (0.5, True, "Saved per year, people", "money per year, 100 % of it beyond the rarest map."),
        (0.5, False, "Saved if the event occurs, people", "direct loss avoided if the event occurs"),
        (0.0, True, "Saved per year, people", "Direct loss (repair cost): none."),
    ],
)
@pytest.mark.parametrize("costs", [True, False])
def test_what_options_save_is_told_as_per_year_or_event(
    site: Site, tmp_path: Path, *, depth: float, rated: bool, heading: str, loss: str, costs: bool
) -> None:
    asset = {"id": "p0", **({"flood_damage_curve": "loss_of_15_m", "replacement_cost": 90.0} if costs else {})}
    events = {"return_periods": [50]} if rated else {"events": ["storm"]}
    high = {"name": "high", "cost": 9.0, "life_years": 5, "changes": [{"raise": {"id": "p0"}, "by_m": 0.2}]}
    run = tmp_path / "run"
    result = assess(
        site.scenario([asset], [{"values": [[depth]], **events}], needs=[("zone", "power", ["p0"], 1)],
                      options=[high]),
        out=run,
    )  # fmt: skip
    avoided = f"direct loss avoided{'/year' if rated else ''}"
    assert (avoided in result.options_table()[0]) == costs
    page = Page(write_page(read_run(run), Words("en")))
    assert heading in page.text
    assert (loss in page.text) == costs
    weighed = "the benefit is the direct loss avoided alone. Discount rate: 4.5 % per year, a default"
    assert (weighed in page.text) == (rated and costs)
    assert "on the carbon frontier" not in page.text
    (told,) = (row for row in table(run, "options.csv"))
    (saved, *_) = ([text.strip() for text in row[1:]] for row in page.rows if row and "high" in row[0])
    value, error = float(told["saved_power"]), float(told["saved_error_power"])
    assert saved == ([f"{tell(value, error)}± {tell_interval(value, error)}"] if depth else ["0"])


def test_a_figure_far_below_its_uncertainty_keeps_its_sign() -> None:
    assert [tell(value, 40.0) for value in (-4.0, 0.5, -0.04)] == ["-4", "0.5", "-0.04"]
    assert tell_interval(-4.0, 40.0) == "80"


def test_a_made_up_city_says_so_and_a_real_one_does_not(page: Page, hostile_run: Path) -> None:
    assert "SYNTHETIC" in page.text.partition("What is lost")[0]
    assert "SYNTHETIC" not in Page(write_page(read_run(hostile_run), Words("en"))).text


def test_notes_that_begin_alike_stand_together(run: Path, page: Page) -> None:
    notes = (run / "notes.txt").read_text(encoding="utf-8").splitlines()
    heads = [note.partition(", curves: ")[0] for note in notes if ", curves: " in note]
    assert len(heads) > 1
    assert page.text.count(heads[0]) == 1
    grouped = group_notes(notes)
    assert sum(max(1, len(lines)) for _, lines in grouped) < len(notes)
    words = [word for note, lines in grouped for word in re.findall(r"\w+", " ".join((note, *lines)))]
    assert set(words) == set(re.findall(r"\w+", " ".join(notes)))
    assert group_notes(["so: x", "odd (a: b", "so: y, z", "odd (a: b", "so", "so: y, z"]) == [
        ("so", ("x", "y, z")), ("odd (a: b", ()),
    ]  # fmt: skip


@given(st.floats(1e-6, 1e12), st.floats(1e-3, 2.0))
def test_a_figure_has_no_digit_that_its_interval_hides(value: float, relative: float) -> None:
    error = relative * value
    told, half = (float(text.replace(",", "")) for text in (tell(value, error), tell_interval(value, error)))
    assert half >= 1.96 * error * (1 - 1e-9)
    assert half <= 1.96 * error * 2 + 10 ** np.floor(np.log10(value) - 2)
    assert abs(told - value) <= half
    assert len(tell(value, error).replace(",", "").replace(".", "").strip("0")) <= 3


@pytest.mark.parametrize("seed", range(6))
def test_what_fails_after_an_asset_is_what_the_definition_says(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    supplied = {"power", "water"} & set(network.supply["sector"])
    twin, dependents = CascadeTwin(network, supplied), Dependents(network, frozenset(supplied))
    ids = list(network.assets["id"])
    intact = twin.greatest(set(ids), set())
    for asset in range(0, len(ids), 3):
        expected = intact - twin.greatest(set(ids) - {ids[asset]}, set()) - {ids[asset]}
        found = dependents.follow(asset)
        assert sum(n for step in found.steps for *_, n in step.kinds) == len(expected)
        assert {name for step in found.steps for name in step.names} <= expected


def test_people_of_zones_lose_what_fewer_providers_than_required_give() -> None:
    assets = [{"id": name} for name in ("a", "b", "c")]
    zones = [{"id": "one", "persons": 10.0}, {"id": "two", "persons": 5.0}]
    needs = [("one", "power", ["a", "b"], 1), ("two", "power", ["a", "b"], 2), ("b", "telecom", ["c"], 1)]
    network = Network.from_tables(**tables_of(assets, zones, needs, {}), crs=CRS)
    follow = Dependents(network, frozenset()).follow
    assert follow(0).people == {"power": 5.0}
    assert [(step.names, follow(2).people) for step in follow(2).steps] == [(("b",), {"power": 5.0})]


def test_a_change_is_told_with_its_verdict(run: Path, tmp_path: Path) -> None:
    same = Page(write_report(run, against=run, out=tmp_path / "same.html").read_text(encoding="utf-8"))
    assert same.text.count("unchanged") == 8
    assert "nothing moved" in same.text
    assert "In person-hours per year." in same.text
    other = built_in(tmp_path / "other", seed=2, time={"restart_hours": 60})
    told = Page(write_report(run, against=other, out=tmp_path / "other.html").read_text(encoding="utf-8"))
    moved = told.text.count("less is lost") + told.text.count("more is lost")
    assert "less is lost" in told.text
    assert f"{moved} of 8 figures moved" in told.text
    assert "different random numbers" in told.text


def test_a_change_against_a_run_without_hours_is_of_people_at_the_peak(site: Site, tmp_path: Path) -> None:
    for name, more in (("hours", {"time": {"hours": [0, 6, 12]}}), ("peak", {})):
        hazard = {"values": [[0.5]], "events": ["storm"], "duration_hours": 6}
        assess(site.scenario([{"id": "p0"}], [hazard], needs=[("zone", "power", ["p0"], 1)], **more),
               out=tmp_path / name)  # fmt: skip
    told = Page(write_report(tmp_path / "hours", against=tmp_path / "peak").read_text(encoding="utf-8"))
    assert "In people. " in told.text
    (row,) = (row for row in told.rows if row[:2] == ["power", "storm"])
    assert row[2] == row[3] == tell(float(table(tmp_path / "peak", "summary.csv")[0]["persons without power"]))


def test_roots_of_a_bar_are_told_apart_and_have_the_colours_of_plots() -> None:
    sectors = [*COLOURS, *(f"made up {i}" for i in range(9))]
    roots = [f"{sector}/{peril}" for peril in ("flood", "heat") for sector in sectors]
    told = part_colours([*roots, "others", "untraced"])
    shown = {told[name] for name in (*roots, "others", "untraced")}
    assert len(shown) == len(roots) + 2
    plain = colours_of(sectors)
    for root in roots:
        sector, peril = root.split("/")
        assert told[root].rpartition(", ")[2] == plain[sector]
        assert told[root].startswith(HATCH) == (peril == "heat")
    assert {told[f"{sector}/flood"] for sector in COLOURS} == set(COLOURS.values())


def test_a_share_that_is_next_to_nothing_is_told_to_be_so() -> None:
    told = [Critical(0, "a", "power", "tower", worth, error, 0.0) for worth, error in
            ((0.00002, 0.000001), (0.00009, 0.00004), (0.5, 0.02))]  # fmt: skip
    assert [(one.share, one.interval) for one in told] == [
        ("<0.01", ""), ("<0.01", "<0.01 … 0.017"), ("50", "46 … 54"),
    ]  # fmt: skip


def test_deaths_by_heat_are_those_of_the_table(tmp_path: Path) -> None:
    run = built_in(tmp_path / "run", heat={})
    whole = xr.open_zarr(run / "results.zarr", consolidated=False)
    text = Page(write_page(read_run(run), Words("en"))).text
    assert f"Deaths by heat: {tell(whole['annual_heat_deaths'].item())} per year, if no service fails." in text
    rows = {row["event"]: row for row in table(run, "heat.csv") if not row["zone"]}
    deaths = {event: float(row["heat_deaths"]) for event, row in rows.items()}
    worst = max(deaths, key=lambda event: deaths[event])
    assert deaths[worst] > 0
    assert f"Worst heat event, {worst}, if it occurs: {tell(deaths[worst])} deaths and " in text
    further, error = (float(whole[f"event_outage_deaths{end}"].sel(event=worst)) for end in ("", "_standard_error"))
    assert f"Of people without power it takes {tell(further, error)}" in text
    assert f"Further deaths of people without power: {tell(whole['annual_outage_deaths'].item())} per year." in text
    assert "사망" in Page(write_page(read_run(run), Words("ko"))).text
