"""What plots draw is what the result says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resilience.colours import colours_of
from resilience.errors import ConfigurationError
from resilience.plot.canvas import HATCHES
from resilience.result import Result
from resilience.risk.ranking import join_pairs

SERVICES = ("power", "water", "telecom", "data", "transport", "medical", "care", "safety")


@pytest.fixture(autouse=True)
def _without_a_screen() -> Iterator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.fixture
def axes() -> Axes:
    """Return axes of a figure that pyplot knows nothing of."""
    return Figure().add_subplot()


def labels(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("what", ["people", "person_hours"])
@pytest.mark.parametrize("curve", ["occurrence", "aggregate"])
def test_exceedance_lines_are_the_curves(kept_result: Result, axes: Axes, what: str, curve: str) -> None:
    assert kept_result.plot.exceedance(["power", "data"], what=what, curve=curve, ax=axes) is axes
    assert labels(axes) == ["power", "data"]
    for line, band, name in zip(axes.lines, axes.collections, ["power", "data"], strict=True):
        row = kept_result.exceedance.sel(quantity=name if what == "people" else f"{name}_person_hours")  # type: ignore[union-attr]
        np.testing.assert_array_equal(line.get_xdata(), row["return_period"])
        np.testing.assert_array_equal(line.get_ydata(), row[f"{curve}_value"])
        edges = band.get_paths()[0].vertices[:, 1]
        assert {*row[f"{curve}_value_low"].values, *row[f"{curve}_value_high"].values} == set(edges)
    assert axes.get_xscale() == "log"
    assert "90 % interval" in axes.get_title()


def test_exceedance_of_money_and_beyond(kept_result: Result, axes: Axes) -> None:
    kept_result.plot.exceedance(what="direct_loss", tail=True, band=False, ax=axes)
    row = kept_result.exceedance.sel(quantity="direct_loss")  # type: ignore[union-attr]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), row["occurrence_tail_value"])
    assert len(axes.collections) == 0
    assert "money" in axes.get_ylabel()


def test_all_services_that_are_lost_have_a_curve(kept_result: Result, axes: Axes) -> None:
    kept_result.plot.exceedance(ax=axes)
    curves = kept_result.exceedance["occurrence_value"]  # type: ignore[index]
    assert labels(axes) == [name for name in SERVICES if (curves.sel(quantity=name) > 0).any()]


@pytest.mark.parametrize("share", [False, True])
def test_recovery_steps_are_the_means(kept_result: Result, axes: Axes, share: bool) -> None:
    ds = kept_result.dataset
    kept_result.plot.recovery(["power", "data"], event="flood:rp200", share=share, band=False, ax=axes)
    for line, name in zip(axes.lines, ["power", "data"], strict=True):
        people = ds["people_over_time"].sel(event="flood:rp200", service=name).values
        people = people / float(ds["people_served"].sel(service=name)) if share else people
        np.testing.assert_allclose(line.get_ydata()[:-1], people, rtol=1e-12)
        np.testing.assert_array_equal(line.get_xdata(), [*ds["time"].values, ds.attrs["horizon_hours"]])
        assert line.get_drawstyle() == "steps-post"


def test_recovery_bars_are_the_quantiles(kept_result: Result, axes: Axes) -> None:
    kept_result.plot.recovery("power", event="flood:rp500", ax=axes)
    one = kept_result.dataset.sel(event="flood:rp500", service="power")
    seen = one["restore_hours_p95"].values > 0
    assert seen.any()
    (bars,) = axes.containers
    (ends,) = bars.lines[2]
    drawn = np.array([segment[:, 0] for segment in ends.get_segments()])
    np.testing.assert_allclose(drawn[:, 0], one["restore_hours_p05"].values[seen])
    np.testing.assert_allclose(drawn[:, 1], one["restore_hours_p95"].values[seen])


def test_recovery_is_of_the_worst_event_unless_one_is_named(kept_result: Result, axes: Axes) -> None:
    kept_result.plot.recovery("telecom", ax=axes)
    lost = kept_result.dataset["person_hours_lost"].mean("sample").sel(service="telecom")
    assert axes.get_title().startswith(str(lost["event"].values[lost.values.argmax()]))


@pytest.mark.parametrize("event", [None, "flood:rp500"])
def test_stacked_causes_are_the_loss_by_root(kept_result: Result, axes: Axes, event: str | None) -> None:
    ds = kept_result.dataset
    kept_result.plot.causes(["power", "safety"], event=event, share=False, ax=axes)
    weight = ds["annual_weight"] + ds["tail_weight"]
    by_root = ds["root_person_hours"].sel(service=["power", "safety"])
    wanted = (by_root * weight).sum("event") if event is None else by_root.sel(event=event)
    drawn = {bars.get_label(): [bar.get_width() for bar in bars] for bars in axes.containers}
    assert set(drawn) == {name for name in ds["root"].values if (wanted.sel(root=name) > 0).any()}
    for root, widths in drawn.items():
        np.testing.assert_allclose(widths, wanted.sel(root=root), rtol=1e-9)
    for bars in axes.containers:
        sector, peril = str(bars.get_label()).split("/")
        assert bars[0].get_facecolor() == mpl.colors.to_rgba(colours_of([sector])[sector])
        assert (bars[0].get_hatch() or "") == HATCHES[peril]


def test_shares_of_causes_add_up_to_the_whole(kept_result: Result, axes: Axes) -> None:
    kept_result.plot.causes(ax=axes)
    whole = np.sum([[bar.get_width() for bar in bars] for bars in axes.containers], axis=0)
    np.testing.assert_allclose(whole, 100, rtol=1e-6)


def test_criticality_bars_are_the_importance(kept_result: Result, axes: Axes) -> None:
    assert kept_result.importance is not None
    kept_result.plot.criticality("telecom", top=2, ax=axes)
    told = join_pairs(kept_result.importance, kept_result.pairs)
    assert told is not None
    assert told["paired"].any()
    worth = told["fussell_vesely"].sel(service="telecom")
    error = told["fussell_vesely_standard_error"].sel(service="telecom")
    names = [text.get_text() for text in axes.get_yticklabels()]
    bars = next(container for container in axes.containers if len(container) == 2 and hasattr(container, "patches"))
    np.testing.assert_array_equal([bar.get_width() for bar in bars], worth.sel(asset=names))
    apart = told["told_apart"].sel(service="telecom").values > 0
    np.testing.assert_array_equal(sorted(worth.values[apart])[::-1][:2], worth.sel(asset=names))
    (ends,) = next(container for container in axes.containers if container is not bars).lines[2]
    widths = [np.ptp(segment[:, 0]) / 2 for segment in ends.get_segments()]
    unseen = told["unseen"].sel(service="telecom", asset=names)
    assert unseen.any()
    np.testing.assert_allclose(widths, 1.96 * error.sel(asset=names) + unseen / 2, rtol=1e-9)


def test_advice_that_is_followed_already_is_not_given(kept_result: Result, axes: Axes) -> None:
    assert kept_result.importance is not None
    none = {"told_apart": xr.zeros_like(kept_result.importance["told_apart"])}
    bare = replace(kept_result, importance=kept_result.importance.assign(none), pairs=None)
    with pytest.raises(ConfigurationError, match=r"`importance: \{top: 10\}` in the scenario runs some anew"):
        bare.plot.criticality(ax=axes)
    assert kept_result.pairs is not None
    nothing = replace(bare, pairs=0 * kept_result.pairs)
    for paired in (False, True):
        with pytest.raises(ConfigurationError, match=r"a larger `importance\.top` in the scenario runs more anew"):
            nothing.plot.criticality(ax=axes, paired=paired)


def test_criticality_of_paired_runs(kept_result: Result, axes: Axes) -> None:
    assert kept_result.pairs is not None
    kept_result.plot.criticality(paired=True, measure="birnbaum", ax=axes)
    assert [text.get_text() for text in axes.get_yticklabels()] == kept_result.pairs["asset"].values.tolist()


def test_a_map_colours_assets_by_the_figure(kept_result: Result, axes: Axes) -> None:
    kept_result.plot.map("down_probability", event="flood:rp500", sector="power", ax=axes)
    frame = kept_result.to_geodataframe(event="flood:rp500")
    frame = frame[(frame["sector"] == "power") & (frame["down_probability"] > 0)]
    coloured = [np.asarray(c.get_array()) for c in axes.collections if c.get_array() is not None]
    np.testing.assert_allclose(np.sort(np.concatenate(coloured)), np.sort(frame["down_probability"]), rtol=1e-12)
    points = frame[frame.geometry.geom_type == "Point"].sort_values("down_probability", kind="stable")
    drawn = [c for c in axes.collections if c.get_array() is not None][-1]
    np.testing.assert_allclose(drawn.get_offsets(), points.geometry.get_coordinates().values)


def test_a_map_colours_zones_by_the_figure(kept_result: Result, axes: Axes) -> None:
    kept_result.plot.map("hours", service="power", ax=axes)
    hours = kept_result.to_geodataframe("zones")["annual_hours_power"]
    (drawn,) = [c for c in axes.collections if c.get_array() is not None]
    np.testing.assert_allclose(np.sort(drawn.get_array()), np.sort(hours[hours > 0]))


@pytest.mark.parametrize(
    ("plot", "asked", "told"),
    [
        ("exceedance", {"service": "powr"}, r"service: 'powr' \(did you mean 'power'\?\); wanted: one of power, water"),
        ("exceedance", {"what": "hours"}, "what: 'hours'"),
        ("exceedance", {"what": "direct_loss", "service": "power"}, "service: 'power'; wanted: none"),
        ("recovery", {"service": ["power", "watr"]}, "did you mean 'water'"),
        ("recovery", {"event": "flood"}, "event: 'flood'"),
        ("causes", {"event": "flod:rp100"}, "did you mean 'flood:rp100'"),
        ("criticality", {"measure": "birnbam"}, "did you mean 'birnbaum'"),
        ("criticality", {"service": "powr"}, "did you mean 'power'"),
        ("criticality", {"top": 0}, "top: 0; wanted: a whole number above 0"),
        ("causes", {"service": 3}, "service: 3; wanted: one of power"),
        ("map", {"what": "hour"}, "did you mean 'hours'"),
        ("map", {"what": "lost", "service": "powr"}, "did you mean 'power'"),
        ("map", {"service": "powr"}, "did you mean 'power'"),
        ("map", {"what": "intensity"}, "what: 'intensity'"),
        ("map", {"sector": "powr"}, "did you mean 'power'"),
    ],
)
def test_unknown_names_are_told(kept_result: Result, axes: Axes, plot: str, asked: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        getattr(kept_result.plot, plot)(**asked, ax=axes)


def test_what_a_scenario_did_not_ask_for_is_told(kept_result: Result, axes: Axes) -> None:
    timeless = [name for name, array in kept_result.dataset.variables.items()
                if "time" in array.dims or name in ("person_hours_lost", "zone_hours_lost", "down_hours")]  # fmt: skip
    bare = replace(
        kept_result, dataset=kept_result.dataset.drop_vars(timeless), exceedance=None, importance=None, pairs=None
    )
    for plot, asked, told in (
        ("recovery", {}, "recovery: .*wanted: a `time` section"),
        ("causes", {"hours": True}, "hours: .*wanted: a `time` section"),
        ("exceedance", {}, "exceedance: .*wanted: hazards with `return_periods`"),
        ("criticality", {}, "criticality: .*wanted: hazards with `return_periods`"),
        ("criticality", {"paired": True}, r"criticality: .*wanted: .*`importance: \{top: 10\}`"),
        ("map", {"what": "hours"}, "what: 'annual_hours_"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            getattr(bare.plot, plot)(**asked, ax=axes)


@pytest.mark.parametrize("plot", ["exceedance", "recovery", "causes", "criticality", "map"])
def test_given_axes_are_drawn_on_and_pyplot_knows_nothing(kept_result: Result, axes: Axes, plot: str) -> None:
    assert getattr(kept_result.plot, plot)(ax=axes) is axes
    assert plt.get_fignums() == []
    axes.figure.canvas.draw()
    made = getattr(kept_result.plot, plot)()
    assert plt.get_fignums() == [made.figure.number]


def test_names_are_shown_as_they_are(kept_result: Result, axes: Axes) -> None:
    ds = kept_result.dataset
    names = ["$x^2$", "_under", *ds["service"].values[2:]]
    odd = replace(
        kept_result,
        dataset=ds.assign_coords(service=names, event=["a$b_$", *ds["event"].values[1:]]),
    )
    odd.plot.recovery(names[:2], event="a$b_$", ax=axes)
    axes.figure.canvas.draw()
    assert labels(axes) == [r"\$x^2\$", " _under"]
    odd.plot.causes(event="a$b_$", ax=Figure().add_subplot()).figure.canvas.draw()


def test_plots_need_neither_a_screen_nor_a_home(tmp_path: Path) -> None:
    code = """
import numpy as np, xarray as xr
from resilience.plot import draw_exceedance
found = xr.Dataset(
    {f"occurrence_value{end}": (("quantity", "return_period"), [[0.0, 90.0]]) for end in ("", "_low", "_high")},
    {"quantity": ["power"], "quantity_unit": ("quantity", ["persons"]), "return_period": [2.0, 100.0]},
)
draw_exceedance(found).figure.savefig("plot.png")
"""
    (tmp_path / "file").touch()
    unset = ("DISPLAY", "MPLCONFIGDIR", "MPLBACKEND", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment["HOME"] = str(tmp_path / "file" / "home")
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert told.stdout == ""
    assert "Warning" not in told.stderr
    assert (tmp_path / "plot.png").stat().st_size > 1000
