"""Hazards one after the other as one event: identities, and what follows them through the whole city."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resilience.check import check
from resilience.draws import FRAGILITY, stream_key
from resilience.errors import ConfigurationError
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.fragility import sample_uniforms
from resilience.network.compile import identity
from resilience.pipeline import assess, demo_scenario
from resilience.scenario import Scenario

NONE = {"buffer_hours": 0.0}
SAMPLES = 512 if INTERPRETED else 2048


def town(site, *, hours: list[float], samples: int = SAMPLES, sequences: object = (), **more: object) -> Scenario:
    """A pump and a clinic hang on substations, with batteries; flood and heat each reach some of them."""
    table = site._folder() / "times.csv"
    table.write_text(
        "repair_class,state,peril,distribution,value\nline,1,flood,fixed,30\nline,1,heat,fixed,6\n", encoding="utf-8"
    )
    classes = {"repair_class": "line", "heat_fragility_curve": "degree_is_probability"}
    return site.scenario(
        [{"id": "s0", **classes}, {"id": "s1", **classes}, {"id": "pump", "sector": "water", **classes},
         {"id": "clinic", "sector": "medical", **classes}],
        [{"family": "river", "peril": "flood", "values": [[0.3, 0.4, 0.1, 0.2], [0.6, 0.7, 0.5, 0.4]],
          "return_periods": [10, 100], "duration_hours": 12},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": [[0.2, 0.3, 0.5, 0.3]],
          "events": ["july"], "annual_rates": [0.2], "duration_hours": 24, "plausible": [-1, 50]}],
        needs=[("pump", "power", ["s0", "s1"], 1, {"buffer_hours": 8.0}),
               ("clinic", "power", ["s1"], 1, {"buffer_hours": 24.0}),
               ("zone", "water", ["pump"], 1, NONE), ("zone", "medical", ["clinic"], 1, NONE)],
        services={"power": {"by": "internal"}, "water": {"by": "assignment"}, "medical": {"by": "assignment"}},
        samples=samples, time={"hours": hours, "repair": {"file": str(table), "unit": "h", "crews": {"power": 1}}},
        sequences=list(sequences), **more,
    )  # fmt: skip


ONE = {"name": "one", "parts": [{"family": "river", "event": "100"}]}
APART = {"name": "apart", "parts": [{"family": "river", "return_period": 100},
                                    {"family": "hot", "event": "july", "after_hours": 200}]}  # fmt: skip
NEAR = {"name": "near", "parts": [{"family": "river", "event": "rp100"},
                                  {"family": "hot", "event": "july", "after_hours": 30}]}  # fmt: skip
GRID = [float(h) for h in range(0, 420, 2)]


@pytest.fixture(scope="module")
def three(site):
    return assess(town(site, hours=GRID, sequences=[ONE, APART, NEAR])).dataset


def test_a_sequence_of_one_is_that_event(three) -> None:
    names = three["event"].values.tolist()
    one, event = names.index("one"), names.index("river:rp100")
    compared = 0
    for name, array in three.variables.items():
        if array.dims[:1] == ("event",) and name not in ("event", "family", "return_period", "annual_rate",
                                                         "annual_weight", "tail_weight"):  # fmt: skip
            np.testing.assert_array_equal(array.values[one], array.values[event], err_msg=str(name))
            compared += 1
    assert compared > 30
    assert three["person_hours_lost"].values[one].any()


def test_other_events_do_not_change(site, three) -> None:
    """The state at the peak bit for bit; hours over the larger grid exactly, as all returns are at its points."""
    plain = assess(town(site, hours=GRID)).dataset
    for name in ("people_without_service", "root_people", "person_hours_lost", "zone_hours_lost", "failed_count"):
        np.testing.assert_allclose(plain[name].values, three[name].values[: plain.sizes["event"]], rtol=1e-12)


def test_far_apart_hazards_cost_the_sum_of_both(three) -> None:
    """Exactly, sample by sample, as all that is lost returns at points of the grid before the heat comes."""
    hours = three["person_hours_lost"].sel(event=["river:rp100", "hot:july", "apart", "near"]).values
    np.testing.assert_array_equal(hours[2], hours[0] + hours[1])
    assert (hours[0] > 0).any()
    assert (hours[1] > 0).any()
    assert (hours[3] != hours[2]).any()


def test_roots_tell_which_hazard_took_what(three) -> None:
    by_root = three["root_person_hours"].sel(event=["river:rp100", "hot:july", "apart"]).values
    np.testing.assert_allclose(by_root[2], by_root[0] + by_root[1])
    roots = three["root"].values.astype(str)
    near = three["root_person_hours"].sel(event="near").values.sum(axis=0)
    for peril in ("flood", "heat"):
        assert near[[name.endswith(peril) for name in roots]].sum() > 0
    assert three["peril"].sel(event="near").item() == "flood+heat"


def test_buffers_drown_with_the_flood_that_reaches_them(site) -> None:
    """A battery that the flood of hour 48 drowns holds until then, and not from then on."""

    def hours(after: float) -> list[float]:
        scenario = site.scenario(
            [{"id": "s0", "heat_fragility_curve": "degree_is_probability", "flood_fragility_curve": ""},
             {"id": "clinic", "sector": "medical", "flood_fragility_curve": ""}],
            [{"family": "river", "values": [[0.0, 1.0]], "events": ["a"], "duration_hours": 12},
             {"family": "hot", "peril": "heat", "unit": "degC", "values": [[1.0, 0.0]], "events": ["b"],
              "duration_hours": 96, "plausible": [-1, 50]}],
            needs=[("clinic", "power", ["s0"], 1, {"buffer_hours": 200.0, "buffer_height": 0.5}),
                   ("zone", "medical", ["clinic"], 1, {**NONE, "buffer_height": None})],
            services={"power": {"by": "internal"}, "medical": {"by": "assignment"}},
            time={"hours": [0, 100, 400], "restart_hours": 4},
            sequences=[{"name": "both", "parts": [
                {"family": "hot", "event": "b"}, {"family": "river", "event": "a", "after_hours": after}]}],
        )  # fmt: skip
        lost = assess(scenario).dataset["person_hours_lost"].sel(event="both", service="medical").values
        return np.unique(lost / 1000).tolist()

    assert hours(48) == [52]
    assert hours(0) == [100]
    assert hours(100) == [0]


@pytest.mark.parametrize("after", [3, 40])
def test_a_heatwave_hour_by_hour_after_a_flood_sample_by_sample(site, after: int) -> None:
    """Who is out when: by the hours of the heat, by damage of either, and by the longer repair of what both damaged."""
    table = site._folder() / "times.csv"
    table.write_text(
        "repair_class,state,peril,distribution,value\nline,1,flood,fixed,20\nline,1,heat,fixed,15\n", encoding="utf-8"
    )
    flood = np.array([0.6, 0.3, 0.8], np.float32)
    heat = np.outer(np.abs(np.sin(np.arange(24) / 7)), [0.9, 0.5, 0.7]).astype(np.float32)
    asset = {"repair_class": "line", "heat_fragility_curve": "degree_is_probability"}
    scenario = site.scenario(
        [{"id": f"s{i}", **asset} for i in range(3)],
        [{"family": "river", "values": [flood], "events": ["a"], "duration_hours": 6},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": heat[np.newaxis], "events": ["b"],
          "hours": list(range(24)), "plausible": [-1, 50]}],
        zones=[{"id": f"z{i}", "persons": 10.0**i} for i in range(3)],
        needs=[(f"z{i}", "power", [f"s{i}"], 1) for i in range(3)],
        time={"hours": list(range(101)), "restart_hours": 2,
              "repair": {"file": str(table), "unit": "h", "damaged": {"flood": 0.7, "heat": 0.4}}},
        sequences=[{"name": "both", "parts": [
            {"family": "river", "event": "a"}, {"family": "hot", "event": "b", "after_hours": after}]}],
    )  # fmt: skip
    hashes = identity([f"s{i}" for i in range(3)])
    drawn = {}
    for family in ("river", "hot"):
        drawn[family] = np.empty((3, 512), np.uint32)
        sample_uniforms(stream_key(1, FRAGILITY, family), hashes, 0, drawn[family])
    moment = np.arange(100)[:, np.newaxis]
    wanted = np.zeros(512)
    for i in range(3):
        by_flood, by_heat = drawn["river"][i] / 2.0**32, drawn["hot"][i] / 2.0**32
        worst = after + int(heat[:, i].argmax())
        broken = by_flood < 0.7 * flood[i]
        again = by_heat < 0.4 * heat[:, i].max()
        both = broken & again & (after < 6 + 20)
        repaired = np.where(both, max(6, worst) + 20, 6 + 20)
        out = (by_flood < flood[i]) & (moment < np.where(broken, repaired, 6 + 2))
        out |= again & (moment >= worst) & (moment < np.where(both, repaired, worst + 15))
        for hour, p in enumerate(heat[:, i]):
            out |= (by_heat < p) & (moment >= after + hour) & (moment < after + hour + 3)
        wanted += 10.0**i * out.sum(axis=0)
    lost = assess(scenario).dataset["person_hours_lost"].sel(event="both").values[0]
    np.testing.assert_allclose(lost, wanted)
    assert np.unique(wanted).size > 50


@pytest.mark.parametrize("hours", [[0, 720], [0, 72, 168, 720]], ids=str)
def test_a_buffer_is_full_again_when_the_next_hazard_comes_however_coarse_the_grid(site, hours: list[float]) -> None:
    """Out from 0 to 30 h and from 300 to 340 h; a battery of 20 h recharges in 48 h: 10 and 20 h are lost."""
    scenario = site.scenario(
        [{"id": "s0", "heat_fragility_curve": "degree_is_probability"},
         {"id": "clinic", "sector": "medical", "flood_fragility_curve": ""}],
        [{"family": "river", "values": [[1.0, 0.0]], "events": ["a"], "duration_hours": 26},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": [[1.0, 0.0]], "events": ["b"],
          "duration_hours": 36, "plausible": [-1, 50]}],
        needs=[("clinic", "power", ["s0"], 1, {"buffer_hours": 20.0, "recharge_hours": 48.0}),
               ("zone", "medical", ["clinic"], 1, {**NONE, "recharge_hours": 0.0})],
        services={"power": {"by": "internal"}, "medical": {"by": "assignment"}},
        time={"hours": hours, "restart_hours": 4},
        sequences=[{"name": "both", "parts": [
            {"family": "river", "event": "a"}, {"family": "hot", "event": "b", "after_hours": 300}]}],
    )  # fmt: skip
    lost = assess(scenario).dataset["person_hours_lost"].sel(event="both", service="medical").values
    assert np.unique(lost / 1000).tolist() == [30]


@pytest.mark.parametrize(("after", "wanted"), [(30, [6 + 12, 12]), (4, [4 + 12, 12]), (0, [12, 12])])
def test_each_flood_slows_the_roads_in_its_own_time(site, after: float, wanted: list[float]) -> None:
    """A way of 1 km for each zone: the first flood, 6 h at its peak, stops one; the second, 8 h and falling, both."""
    assets = [{"id": name, "sector": "transport", "kind": "road_node"} for name in ("a", "b", "d")]
    assets += [
        {"id": f"{name}b", "sector": "transport", "kind": "primary", "from_asset": name, "to_asset": "b",
         "length": 1000.0} for name in ("a", "d")
    ]  # fmt: skip
    assets.append({"id": "c", "sector": "medical", "kind": "clinic", "access_asset": "b"})
    family = {"peril": "flood", "events": ["e"]}
    scenario = site.scenario(
        [{"flood_fragility_curve": "", **asset} for asset in assets],
        [{"family": "pluvial", "values": [[0, 0, 0, 1.0, 0, 0]], "duration_hours": 6, **family},
         # Falling from 0.4 m, five eighths (0.25 m, 724 s) are the last that is too slow: four hours more.
         {"family": "river", "values": [[0, 0, 0, 0.4, 0.4, 0]], "duration_hours": 8, "recession_hours": 8, **family}],
        zones=[{"id": "za", "access_asset": "a"}, {"id": "zd", "access_asset": "d"}],
        services={"medical": {"by": "road", "providers": {"kind": "clinic"}, "limit_minutes": 9}},
        time={"hours": list(range(60))},
        sequences=[{"name": "both", "parts": [{"family": "pluvial", "event": "e"},
                                              {"family": "river", "event": "e", "after_hours": after}]}],
    )  # fmt: skip
    found = assess(scenario).dataset.sel(event="both")
    assert found["zone_hours_lost"].sel(service="medical").values.tolist() == wanted
    assert found["root_person_hours"].sel(root="transport/flood").item() == pytest.approx(1000 * sum(wanted))


def test_a_sequence_has_annual_figures_with_a_rate(site) -> None:
    rated = {**NEAR, "annual_rate": 0.05}
    risk = {"catalogue_years": 2000, "return_periods": [10, 100]}
    result = assess(town(site, hours=GRID, sequences=[rated], samples=512, risk=risk))
    ds = result.dataset
    weights = (ds["annual_weight"] + ds["tail_weight"]).values
    mean = ds["person_hours_lost"].mean("sample").values
    np.testing.assert_allclose(ds["annual_person_hours"].values, weights @ mean)
    assert weights[-1] == 0.05
    assert result.exceedance is not None
    assert "water_person_hours" in result.exceedance["quantity"].values
    assert any("count twice" in note for note in result.notes)


def test_pairs_count_the_first_peak_of_a_sequence(site) -> None:
    rated = {**NEAR, "annual_rate": 0.05}
    result = assess(town(site, hours=[0, 100, 500], sequences=[rated], samples=512, importance={"assets": ["s1"]}))
    assert result.pairs is not None
    assert np.isfinite(result.pairs["birnbaum"].sel(asset="s1").values).all()


def test_errors_of_importance_know_that_sequences_share_their_numbers() -> None:
    """Four heatwaves with floods after them are one draw, not four: no error of a year is below that of samples."""
    data = demo_scenario(size=600, samples=512).to_dict()
    heat, flood = {"family": "heatwave", "return_period": 200}, {"family": "flood", "return_period": 10}
    parts = [[heat, {**flood, "after_hours": 24 * i}] for i in range(1, 5)]
    data |= {
        "time": {"hours": [0, 24, 168, 720]},
        "risk": {"catalogue_years": 0},
        "sequences": [{"name": f"both_{i}", "parts": one, "annual_rate": 0.02} for i, one in enumerate(parts)],
    }
    result = assess(Scenario.from_dict(data))
    told = result.importance["expected_annual_loss_standard_error"]
    right = result.dataset["annual_standard_error"]
    assert (right > 0).any()
    assert (told >= right * (1 - 1e-9)).all()


def test_results_do_not_depend_on_blocks(site, three) -> None:
    if SAMPLES == 512:
        pytest.skip("one block")
    cut = town(site, hours=GRID, sequences=[ONE, APART, NEAR], monte_carlo={"samples": SAMPLES, "block": 512})
    other = assess(cut, threads=2).dataset
    for name in ("person_hours_lost", "root_person_hours", "down_hours", "people_over_time"):
        np.testing.assert_array_equal(three[name].values, other[name].values)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([{"name": "x", "parts": [{"family": "rivr", "event": "10"}]}], "did you mean 'river'"),
        ([{"name": "x", "parts": [{"family": "river", "event": "rp20"}]}], "one of rp10, rp100"),
        ([{"name": "x", "parts": [{"family": "river", "return_period": 20}]}], "one of rp10, rp100"),
        ([{"name": "x", "parts": [{"family": "river"}]}], "either event or return_period"),
        ([{"name": "x", "parts": []}], "parts"),
        ([{"name": "river", "parts": [{"family": "river", "event": "10"}]}], "no family, event or sequence has"),
        ([{"name": "x", "parts": [{"family": "river", "event": "10", "after_hours": 3}]}], "after_hours from 0 on"),
        ([{"name": "x", "parts": [{"family": "river", "event": "10"},
                                  {"family": "hot", "event": "july", "after_hours": 600}]}], "end of the time grid"),
    ],
    ids=str,
)  # fmt: skip
def test_sequences_that_are_wrong(site, sequences: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check(town(site, hours=GRID, sequences=sequences))


def test_a_sequence_needs_a_time_section(site) -> None:
    scenario = town(site, hours=GRID, sequences=[ONE])
    data = {key: value for key, value in scenario.to_dict().items() if key != "time"}
    with pytest.raises(ConfigurationError, match=r"sequences: .*a time section"):
        check(Scenario.from_dict(data))


def test_a_run_on_disk_holds_the_sequence(site, tmp_path: Path) -> None:
    assess(town(site, hours=[0, 100, 500], sequences=[NEAR], samples=512), out=tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "resilience.csv")
    assert "near" in set(table["event"])
