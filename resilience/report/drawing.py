"""The figures of a report: empty frames of Bokeh, which the page fills as its reader chooses."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.core.json_encoder import serialize_json
from bokeh.embed import json_item
from bokeh.models import (
    ColumnDataSource,
    DataRange1d,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Plot,
    Range1d,
    ScaleBar,
    Span,
    WheelZoomTool,
)
from bokeh.plotting import figure
from bokeh.resources import Resources

from resilience.reading import FinishedRun
from resilience.report.colours import LOSS, LOSS_EDGE, LOSS_LINE, OTHER_LINE, line_styles
from resilience.report.places import CityMap, drawn_assets
from resilience.report.words import Words


def library_script() -> str:
    """Return the script that draws, of the installed Bokeh."""
    return "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)


def figure_json(plot: Plot) -> str:
    """Return a figure as JSON."""
    return str(serialize_json(json_item(plot)))


def map_figure(run: FinishedRun, city: CityMap, words: Words) -> Plot:
    """Return the frame of the map, without what is of an event: the page fills that."""
    width, height = city.size
    plot = figure(
        name="map", x_range=Range1d(0, width, bounds=(-width / 2, 1.5 * width)),
        y_range=Range1d(0, height, bounds=(-height / 2, 1.5 * height)), match_aspect=True, tools="",
        toolbar_location=None, sizing_mode="stretch_width", aspect_ratio=float(np.clip(width / height, 0.8, 1.8)),
        lod_threshold=None,
    )  # fmt: skip
    plot.axis.visible = False
    plot.grid.visible = False
    frame: dict[str, Any] = {"x": [0], "y": [0], "w": [width], "h": [height]}
    # A clear pixel, until an event is chosen.
    hazard = ColumnDataSource({"url": [""], **frame}, name="hazard")
    plot.image_url(url="url", x="x", y="y", w="w", h="h", anchor="bottom_left", source=hazard, name="hazard")
    if city.rest:
        rest = ColumnDataSource({"url": [""], **frame}, name="rest")
        plot.image_url(url="url", x="x", y="y", w="w", h="h", anchor="bottom_left", source=rest, name="rest")
    if city.outlines:
        xs, ys = (list(axis) for axis in zip(*city.outlines, strict=True))
        plot.patches(xs, ys, fill_color=None, line_color="#8a8f98", line_alpha=0.45, line_width=0.7, name="outlines")
    told = drawn_assets(run, city)
    told["about"] = [
        f"{words.name('kind', kind)} ({words.name('service', sector)})"
        for kind, sector in zip(told["kind"], told["sector"], strict=True)
    ]
    n = len(city.lines)
    lines = ColumnDataSource(
        {"xs": [x for x, _ in city.lines], "ys": [y for _, y in city.lines], **_fields(told, slice(0, n))}, name="lines"
    )
    points = ColumnDataSource(
        {"x": city.points[:, 0].tolist(), "y": city.points[:, 1].tolist(), **_fields(told, slice(n, None))},
        name="points",
    )
    people = ColumnDataSource(
        {"x": city.zone_points[:, 0].tolist(), "y": city.zone_points[:, 1].tolist(),
         "name": run.dataset["zone"].values[city.zones].tolist(), "size": [0.0] * city.zones.size,
         "told": [""] * city.zones.size},
        name="people",
    )  # fmt: skip
    drawn_lines = plot.multi_line(
        "xs", "ys", source=lines, line_color="colour", line_width="width", line_cap="round", name="lines"
    )
    drawn_people = plot.scatter(
        "x", "y", size="size", source=people, fill_color=LOSS, fill_alpha=0.38, line_color=LOSS_EDGE,
        line_alpha=0.9, name="people",
    )  # fmt: skip
    drawn_points = plot.scatter(
        "x", "y", size="size", source=points, fill_color="colour", line_color="edge", line_width=0.8, name="points"
    )
    plot.add_tools(
        PanTool(),
        WheelZoomTool(modifiers={"ctrl": True}, zoom_on_axis=False),
        HoverTool(
            renderers=[drawn_lines, drawn_points],
            tooltips=[(words("asset"), "@name"), (words("kind"), "@about"), (words("down"), "@told")],
        ),
        HoverTool(renderers=[drawn_people], tooltips=[(words("zone"), "@name"), (words("lost"), "@told")]),
    )
    scale = ScaleBar(range=plot.x_range, unit="m", location="bottom_left")
    scale.update(background_fill_alpha=0.0, border_line_color=None)
    plot.add_layout(scale)
    return plot


def _fields(told: dict[str, list[str]], part: slice) -> dict[str, list[Any]]:
    n = len(told["asset"][part])
    return {
        "name": told["asset"][part], "sector": told["sector"][part], "about": told["about"][part],
        "told": [""] * n, "colour": ["#8a8f98"] * n, "edge": ["#8a8f98"] * n, "width": [1.0] * n, "size": [0.0] * n,
    }  # fmt: skip


def recovery_figure(services: list[str], words: Words) -> Plot:
    """Return the frame of the curves of recovery, one line per service."""
    plot = figure(
        name="recovery", height=340, sizing_mode="stretch_width", tools="", toolbar_location=None,
        x_range=Range1d(0, 1), y_range=DataRange1d(start=0, range_padding=0.08),
    )  # fmt: skip
    plot.xaxis.axis_label = words("hours_after")
    plot.yaxis.axis_label = words("people_without")
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0")
    for i, (colour, _, dash) in enumerate(line_styles(services)):
        source = ColumnDataSource({"x": [0.0], "y": [0.0]}, name=f"service-{i}")
        plot.step(
            "x", "y", source=source, mode="after", line_width=2.4, line_color=colour, line_dash=dash,
            name=f"service-{i}",
        )  # fmt: skip
    bands = ColumnDataSource({"x0": [], "x1": [], "x": [], "y": []}, name="bands")
    plot.segment("x0", "y", "x1", "y", source=bands, line_width=9, line_alpha=0.35, line_color=LOSS_LINE, name="bands")
    plot.scatter("x", "y", source=bands, size=9, fill_color=LOSS_LINE, line_color="#ffffff", name="bands")
    plot.add_layout(Span(location=0, dimension="height", line_color="#8a8f98", line_width=1.5, name="moment"))
    return plot


def exceedance_figure(periods: list[float], words: Words) -> Plot:
    """Return the frame of the curves of exceedance with their intervals."""
    plot = figure(
        name="exceedance", height=340, sizing_mode="stretch_width", tools="", toolbar_location=None,
        x_axis_type="log", x_range=Range1d(min(periods) / 1.1, max(periods) * 1.1),
        y_range=DataRange1d(start=0, range_padding=0.08),
    )  # fmt: skip
    plot.xaxis.axis_label = words("return_period")
    plot.xaxis.ticker = FixedTicker(ticks=periods)
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0")
    for curve, colour, dash in (("aggregate", LOSS_LINE, "solid"), ("occurrence", OTHER_LINE, "dashed")):
        source = ColumnDataSource({"x": periods, **{end: [0.0] * len(periods) for end in ("value", "low", "high")}},
                                  name=curve)  # fmt: skip
        plot.varea("x", "low", "high", source=source, fill_color=colour, fill_alpha=0.18, name=curve)
        plot.line("x", "value", source=source, line_color=colour, line_width=2.4, line_dash=dash, name=curve)
        plot.scatter("x", "value", source=source, size=7, fill_color=colour, line_color="#ffffff", name=curve)
    return plot
