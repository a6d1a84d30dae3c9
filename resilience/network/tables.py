"""The tables of a city: every column once, with its type, default, unit, meaning and limits.

:data:`TABLES` documents the tables, :mod:`resilience.network.normalise` coerces what users bring by it, and
:mod:`resilience.network.checks` checks against it. Columns that are not registered are kept as they are, so that rules
can select by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

REQUIRED: Final = "required"
NAN: Final = float("nan")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
    dtype : {"str", "float64", "int64", "bool", "geometry"}
    default : object
        What an absent column is filled with; :data:`REQUIRED` where there is no default. A number column whose default
        is NaN may have gaps, any other number column may not.
    unit : str
        ``""`` where a unit makes no sense.
    meaning : str
        One sentence.
    minimum, maximum : float, optional
        Limits, inclusive.
    above : float, optional
        Limit, exclusive.
    refers : tuple of str, optional
        Tables one of which must hold the value as an id; an empty value refers to nothing.
    """

    name: str
    dtype: str
    default: Any
    unit: str
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    refers: tuple[str, ...] = ()

    @property
    def gaps(self) -> bool:
        """Whether a number may be missing."""
        return isinstance(self.default, float) and np.isnan(self.default)

    def limits(self) -> str:
        """Return the limits as words."""
        if self.minimum is not None and self.maximum is not None:
            words = f"numbers from {self.minimum:g} to {self.maximum:g}"
        elif self.minimum is not None:
            words = f"finite numbers >= {self.minimum:g}"
        elif self.above is not None:
            words = f"finite numbers > {self.above:g}"
        else:
            words = "finite numbers"
        return words + (" (empty where there is none)" if self.gaps else "")


ASSET_COLUMNS: Final = (
    Column("id", "str", REQUIRED, "", "unique name over assets and zones; draws of chance hang on it"),
    Column(
        "sector", "str", REQUIRED, "", "network it belongs to: power, telecom, data, water, transport, medical, ..."
    ),
    Column("kind", "str", "", "", "what it is: substation, hospital, road, ..."),
    Column("geometry", "geometry", REQUIRED, "", "point, line or polygon; a link without one runs straight"),
    Column("from_asset", "str", "", "", "node a link starts at; empty for nodes", refers=("assets",)),
    Column("to_asset", "str", "", "", "node a link ends at; empty for nodes", refers=("assets",)),
    Column("oneway", "bool", False, "", "whether a link carries from its start to its end only"),
    Column("flood_damage_curve", "str", "", "", "curve of the value lost to flood; empty for none"),
    Column("flood_fragility_curve", "str", "", "", "curve of the probability to fail in a flood; empty for none"),
    Column("heat_damage_curve", "str", "", "", "curve of the value lost to heat; empty for none"),
    Column("heat_fragility_curve", "str", "", "", "curve of the probability to fail in heat; empty for none"),
    Column("component_height", "float64", 0.0, "m", "height of the vulnerable part above ground, negative below"),
    Column("barrier_height", "float64", NAN, "m", "water depth that a barrier around it keeps out", minimum=0),
    Column("seal_failure", "float64", NAN, "1", "probability that the barrier leaks", minimum=0, maximum=1),
    Column("dry_threshold", "float64", 0.0, "m", "water depth up to which it counts as dry", minimum=0),
    Column("replacement_cost", "float64", 0.0, "money", "cost of building it anew", minimum=0),
    Column("repair_class", "str", "", "", "class of repair times and crews"),
    Column("failure_group", "str", "", "", "assets of one group share one draw of chance; empty for a draw of its own"),
    Column(
        "unavailability",
        "float64",
        0.0,
        "1",
        "probability that it is out in an event, whatever the hazard",
        minimum=0,
        maximum=1,
    ),
    Column("district", "str", "", "", "part of the city, for summaries"),
    Column("access_asset", "str", "", "", "road node by which it is reached", refers=("assets",)),
    Column("length", "float64", NAN, "m", "length of a link; that of its geometry where empty", minimum=0),
    Column("speed", "float64", NAN, "m/s", "free speed on a link", above=0),
    Column("reactance", "float64", NAN, "per unit", "series reactance of a power line; 1e-6 to 1e4"),
    Column("rating", "float64", NAN, "MW", "most a link can carry", minimum=0),
)
NEED_COLUMNS: Final = (
    Column("id", "str", REQUIRED, "", "unique name of the need"),
    Column("dependent", "str", REQUIRED, "", "who needs it", refers=("assets", "zones")),
    Column("service", "str", REQUIRED, "", "what is needed"),
    Column("required", "int64", 1, "1", "how many of the providers must work", minimum=1),
    Column("buffer_hours", "float64", 0.0, "hour", "time it can do without (battery, tank)", minimum=0),
    Column("start_probability", "float64", 1.0, "1", "probability that the buffer starts", minimum=0, maximum=1),
    Column("recharge_hours", "float64", 0.0, "hour", "time to refill the buffer", minimum=0),
    Column("buffer_height", "float64", NAN, "m", "height of the buffer above ground; empty: not floodable", minimum=0),
    Column("refuel_from", "str", "", "", "kind of assets from which the buffer is refilled by road; empty: it is not"),
)
DEPENDENCY_COLUMNS: Final = (
    Column("need", "str", REQUIRED, "", "the need that is served", refers=("needs",)),
    Column("provider", "str", REQUIRED, "", "asset that can serve it", refers=("assets",)),
    Column("limit_minutes", "float64", NAN, "minute", "longest way by road from provider to dependent", above=0),
)
SUPPLY_COLUMNS: Final = (
    Column("asset", "str", REQUIRED, "", "asset of the supplied sector", refers=("assets",)),
    Column("sector", "str", REQUIRED, "", "sector that is supplied"),
    Column("is_source", "bool", False, "", "whether the supply starts here"),
    Column("capacity", "float64", NAN, "sector's own", "most a source can give", minimum=0),
    Column("demand", "float64", NAN, "sector's own", "what is drawn here", minimum=0),
)
ZONE_COLUMNS: Final = (
    Column("id", "str", REQUIRED, "", "unique name over assets and zones"),
    Column("geometry", "geometry", REQUIRED, "", "polygon, or a point for a population cell"),
    Column("persons", "float64", REQUIRED, "persons", "people (or what `persons_unit` says) in it", minimum=0),
    Column("district", "str", "", "", "part of the city, for summaries"),
    Column("group", "str", "all", "", "group of people counted"),
    Column("period", "str", "all", "", "time of day or week counted"),
    Column("access_asset", "str", "", "", "road node by which it is reached", refers=("assets",)),
)
TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "assets": ASSET_COLUMNS,
    "needs": NEED_COLUMNS,
    "dependencies": DEPENDENCY_COLUMNS,
    "supply": SUPPLY_COLUMNS,
    "zones": ZONE_COLUMNS,
}
CURVE_COLUMNS: Final = tuple(column.name for column in ASSET_COLUMNS if column.name.endswith("_curve"))


def describe_tables() -> pd.DataFrame:
    """Return the registered columns as a table to read.

    Returns
    -------
    pandas.DataFrame
        Columns table, column, dtype, default, unit, meaning.

    Examples
    --------
    >>> described = describe_tables()
    >>> described.loc[described["column"] == "buffer_hours", "unit"].item()
    'hour'
    """
    rows = [
        (table, column.name, column.dtype, column.default, column.unit, column.meaning)
        for table, columns in TABLES.items()
        for column in columns
    ]
    return pd.DataFrame(rows, columns=["table", "column", "dtype", "default", "unit", "meaning"])
