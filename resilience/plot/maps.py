"""Where: assets or zones coloured by a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from resilience.choices import choose
from resilience.plot.canvas import plain, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

# Water is blue, heat orange to red, what is lost purple: each of one hue, read by its lightness.
_HUES = {"m": "Blues", "degC": "OrRd"}
_LOST = "RdPu"
_GREY, _LIGHT = "#BBBBBB", "#EEEEEE"
# Fewer are drawn as they are; more would make a vector file that no viewer opens.
_MOST_VECTORS = 20_000
_MANY = 2_000


def draw_map(
    frame: gpd.GeoDataFrame,
    what: str,
    *,
    title: str = "",
    cmap: str | None = None,
    limits: tuple[float, float] | None = None,
    background: gpd.GeoDataFrame | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with a map of a column.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
        Assets or zones, from ``resilience.frames.make_frame``.
    what : str
        Column of numbers. What is 0 or unknown is drawn in grey, beneath the rest.
    title : str
    cmap : str, optional
        Colours of Matplotlib; by default light to dark, blue for water, orange for heat, purple for what is lost.
    limits : (float, float), optional
        Values at the ends of the colours; by default 0 and the highest.
    background : geopandas.GeoDataFrame, optional
        Drawn beneath, such as zones under assets.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Its collections: what is grey, then by value areas, lines and points.

    Raises
    ------
    ConfigurationError
        No column of that name.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    numbers = [name for name in frame.columns if name != "geometry" and pd.api.types.is_numeric_dtype(frame[name])]
    what = choose(what, numbers, what="what")
    axes = take_axes(ax, size=(7.0, 6.0))
    values = frame[what].to_numpy(dtype=np.float64)
    shown = np.isfinite(values) & (values != 0)
    if background is not None:
        background.plot(ax=axes, color=_LIGHT, edgecolor="white", linewidth=0.3, aspect=None)
    quiet = len(frame) > _MOST_VECTORS
    if (~shown).any():
        frame[~shown].plot(ax=axes, color=_GREY, linewidth=0.5, markersize=2, rasterized=quiet, aspect=None)
    if limits is None:
        limits = (min(0.0, float(values[shown].min())), float(values[shown].max())) if shown.any() else (0.0, 1.0)
    norm = Normalize(*limits)
    unit = frame.attrs.get("units", {}).get(what, "")
    # The lightest could not be told from the paper.
    hues = ListedColormap(colormaps[_HUES.get(unit, _LOST)](np.linspace(0.25, 1.0, 256)))
    colours = hues if cmap is None else colormaps[cmap]
    _draw_values(axes, frame[shown], what, cmap=colours, norm=norm, rasterized=quiet)
    told = what.replace("_", " ") + (f" ({unit})" if unit not in ("", "1") else "")
    bar = axes.figure.colorbar(ScalarMappable(norm=norm, cmap=colours), ax=axes, shrink=0.7)
    bar.set_label(plain(told))
    axes.set_aspect("equal")
    axes.set_xlabel(plain(f"x in {frame.crs.name}" if frame.crs is not None else "x"))
    axes.set_ylabel("y")
    axes.ticklabel_format(style="plain", useOffset=False)
    axes.tick_params(labelsize="x-small")
    axes.set_title(plain(title), fontsize="medium")
    return axes


def _draw_values(
    axes: Axes, frame: gpd.GeoDataFrame, what: str, *, cmap: Colormap, norm: Normalize, rasterized: bool
) -> None:
    """Draw what has a value: areas lowest, points on top, the worst above the others of its form."""
    # Many would cover one another.
    scale = min(1.0, (_MANY / max(len(frame), 1)) ** 0.5)
    form = frame.geometry.geom_type.str.replace("Multi", "", regex=False)
    for kind in ("Polygon", "LineString", "Point"):
        part = frame[(form == kind).to_numpy()]
        if len(part):
            order = np.argsort(part[what].to_numpy(), kind="stable")
            part.iloc[order].plot(
                column=what, ax=axes, cmap=cmap, norm=norm, linewidth=1.5 * scale if kind == "LineString" else 0.3,
                markersize=18 * scale, rasterized=rasterized, aspect=None,
            )  # fmt: skip
