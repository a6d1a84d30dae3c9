"""What a result gives a notebook: the city beside the figures, tables with geometry, a page of its own."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from resilience import open_run
from resilience.errors import ConfigurationError
from resilience.pipeline import demo_scenario
from resilience.result import Result


def test_a_result_has_the_city_that_was_assessed(kept_result: Result) -> None:
    network = kept_result.network
    assert network is not None
    assert network.assets["id"].tolist() == kept_result.dataset["asset"].values.tolist()
    assert network.zones["id"].tolist() == kept_result.dataset["zone"].values.tolist()


def test_the_city_is_read_once_and_only_when_it_is_asked_for(kept_result: Result) -> None:
    calls = []

    def read() -> object:
        calls.append(1)
        return kept_result.network

    lazy = replace(kept_result, network_source=read)
    assert calls == []
    assert lazy.network is lazy.network is kept_result.network
    assert calls == [1]


def test_assets_of_an_event_have_the_figures_of_the_table(kept_result: Result) -> None:
    frame = kept_result.to_geodataframe(event="flood:rp200")
    assert kept_result.path is not None
    table = pd.read_csv(kept_result.path / "assets.csv", keep_default_na=False, na_values=[""])
    table = table[table["event"] == "flood:rp200"].set_index("asset")
    assert len(table) > 50
    names = ["intensity", "wet_length", "failure_probability", "down_probability", "direct_loss", "down_hours"]
    pd.testing.assert_frame_equal(
        pd.DataFrame(frame.loc[table.index, names]), table[names], rtol=1e-8, check_names=False, check_index_type=False
    )
    assert frame.attrs["units"]["intensity"] == "m"


def test_zones_of_an_event_have_the_figures_of_the_table(kept_result: Result) -> None:
    frame = kept_result.to_geodataframe("zones", event="flood:rp500")
    assert kept_result.path is not None
    table = pd.read_csv(kept_result.path / "zones.csv")
    table = table[table["event"] == "flood:rp500"].set_index("zone")
    for name in ("lost_power", "hours_power", "lost_safety"):
        np.testing.assert_allclose(frame.loc[table.index, name], table[name], rtol=1e-8)
    np.testing.assert_array_equal(frame.loc[table.index, "people"], table["persons"])


def test_figures_per_year_are_weighted_sums_of_those_of_events(kept_result: Result) -> None:
    ds = kept_result.dataset
    weight = (ds["annual_weight"] + ds["tail_weight"]).values
    assets, zones = kept_result.to_geodataframe(), kept_result.to_geodataframe("zones")
    down = sum(w * kept_result.to_geodataframe(event=e)["down_probability"] for w, e in zip(weight, ds["event"].values,
                                                                                           strict=True))  # fmt: skip
    np.testing.assert_allclose(assets["annual_down_rate"], down, rtol=1e-12)
    np.testing.assert_allclose(assets["annual_direct_loss"], ds["asset_annual_direct_loss"], rtol=1e-12)
    lost = (zones["people"] * zones["annual_lost_power"]).sum()
    assert lost == pytest.approx(float(ds["annual_value"].sel(service="power")), rel=1e-9)


def test_geometry_stands_with_the_asset_it_is_of(kept_result: Result) -> None:
    network = kept_result.network
    assert network is not None
    shuffled = replace(
        kept_result,
        network_source=replace(network, assets=network.assets.sample(frac=1, random_state=1)),
    )
    for result in (kept_result, shuffled):
        frame = result.to_geodataframe()
        assert isinstance(frame, gpd.GeoDataFrame)
        assert frame.crs == network.crs
        assert frame.index.tolist() == kept_result.dataset["asset"].values.tolist()
        assert frame.geometry.geom_equals(network.assets.set_index("id").geometry).all()


def test_a_run_opened_again_gives_the_same_frames(kept_result: Result) -> None:
    assert kept_result.path is not None
    again = open_run(kept_result.path)
    for what in ("assets", "zones"):
        for event in (None, "heatwave:rp100"):
            one, two = (result.to_geodataframe(what, event=event) for result in (kept_result, again))
            pd.testing.assert_frame_equal(
                pd.DataFrame(one.drop(columns="geometry")), pd.DataFrame(two.drop(columns="geometry"))
            )
            assert one.geometry.geom_equals_exact(two.geometry, 1e-3).all()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"what": "roads"}, "what: 'roads'; wanted: assets or zones"),
        ({"event": "flood:rp1000"}, r"event: 'flood:rp1000' \(did you mean 'flood:rp100'\?\)"),
    ],
)
def test_what_is_not_there_is_told(kept_result: Result, asked: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        kept_result.to_geodataframe(**asked)


def test_without_a_city_there_is_no_geometry(kept_result: Result) -> None:
    with pytest.raises(ConfigurationError, match="network: none; wanted: a result of assess"):
        replace(kept_result, network_source=None).to_geodataframe()


def test_without_rates_an_event_must_be_named(kept_result: Result) -> None:
    unrated = kept_result.dataset.assign(annual_weight=kept_result.dataset["annual_weight"] * np.nan)
    with pytest.raises(ConfigurationError, match=r"one of flood:rp5, .*: none has a rate"):
        replace(kept_result, dataset=unrated).to_geodataframe()


class Page(HTMLParser):
    """Collects the tags and the text of a page, and fails where tags are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_notebook_shows_the_figures_people_read_first(kept_result: Result) -> None:
    page = Page(kept_result._repr_html_())
    assert {cell for row in kept_result.summary_table() for cell in row if cell} <= set(page.text)
    assert "SYNTHETIC" in page.text
    assert "small-city" in page.text
    assert f"{len(kept_result.notes)} notes" in page.text
    assert set(page.tags) <= {"div", "strong", "span", "table", "thead", "tbody", "tr", "th", "td", "details",
                              "summary", "ul", "li"}  # fmt: skip


def test_a_notebook_shows_hostile_names_as_text(kept_result: Result) -> None:
    bad = "<script>alert(1)</script>\"'&"
    hostile = replace(
        kept_result,
        dataset=kept_result.dataset.assign_attrs(title=bad).assign_coords(
            service=[bad, *kept_result.dataset["service"].values[1:]]
        ),
        notes=(bad,),
    )
    page = Page(hostile._repr_html_())
    assert "script" not in page.tags
    assert page.text.count(bad) == 3
    assert "SYNTHETIC" not in page.text


def test_a_result_and_a_scenario_say_in_a_line_what_they_are(kept_result: Result) -> None:
    assert repr(kept_result) == "<Result 'small-city': 13 events, 8 services, 600 assets, 20 zones, 512 samples>"
    assert repr(demo_scenario()) == (
        "<Scenario 'synthetic-city': hazards those of the built-in city; 4,096 samples, seed 1>"
    )
