"""A city's tables as CSV, to be read by people and spreadsheets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from resilience.cells import Column, in_full, write_cells
from resilience.errors import CannotCreateError, Problem, StorageError
from resilience.network.tables import TABLES

if TYPE_CHECKING:
    from resilience.network.city import Network


def write_tables(network: Network, folder: str | Path) -> dict[str, Path]:
    """Write every table of the network as CSV and return the files by table.

    Geometry is WKT in the working CRS, to the millimetre. The column of persons is headed by what it counts. A text
    cell that a spreadsheet would run as a formula is written with an apostrophe before it.

    Parameters
    ----------
    network : Network
    folder : path
        Created if it is not there.

    Returns
    -------
    dict of str to pathlib.Path

    Raises
    ------
    CannotCreateError
        The folder cannot be made.
    StorageError
        A file cannot be written.

    Examples
    --------
    >>> import geopandas as gpd, tempfile
    >>> from resilience.network import Network
    >>> points = gpd.points_from_xy([0.0], [0.0])
    >>> assets = gpd.GeoDataFrame({"id": ["=1"], "sector": "power"}, geometry=points, crs="EPSG:5179")
    >>> network = Network.from_tables(assets=assets)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_tables(network, folder)["assets"].read_text().splitlines()[1][:22])
    '=1,power,,POINT (0 0)
    """
    directory = Path(folder)
    paths = {name: directory / f"{name}.csv" for name in TABLES}
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotCreateError(
            Problem(str(directory), wanted="a folder that can be written", got=error.strerror or str(error))
        ) from error
    try:
        for name, path in paths.items():
            table = pd.DataFrame(getattr(network, name)).copy(deep=False)
            table = table.rename(columns={"persons": network.persons_unit})
            if "geometry" in table:
                shapes = np.asarray(table["geometry"], dtype=object)
                table["geometry"] = shapely.to_wkt(shapes, rounding_precision=3)
            with path.open("w", newline="", encoding="utf-8") as file:
                write_cells(file, map(str, table.columns), [[_column(v) for _, v in table.items()]], spell=in_full)
    except OSError as error:
        raise StorageError(
            Problem(str(directory), wanted="a folder that can be written", got=error.strerror or str(error))
        ) from error
    return paths


def _column(values: pd.Series[Any]) -> Column:
    if pd.api.types.is_float_dtype(values):
        # A float32 is written in as few digits as tell it from its neighbours.
        exact = values if values.dtype == np.float64 else pd.to_numeric(values.astype("str"), errors="coerce")
        return exact.to_numpy(dtype=np.float64, na_value=np.nan)
    whole = pd.api.types.is_integer_dtype(values) or pd.api.types.is_bool_dtype(values)
    cells = values.astype(object if whole else "str").to_numpy(dtype=object)
    return np.where(values.isna(), "", cells)
