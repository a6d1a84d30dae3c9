"""The tables of a city, read back from the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj.exceptions import CRSError

from resilience.cells import unsafe
from resilience.errors import DataError, Problem, StorageError
from resilience.network.city import Network
from resilience.network.tables import TABLES


def read_tables(folder: str | Path, *, crs: Any, persons_unit: str = "persons") -> Network:
    """Return the network that :func:`resilience.network.write_tables` wrote.

    Parameters
    ----------
    folder : path
        Of the tables.
    crs : CRS, EPSG code or WKT
        Of their geometry.
    persons_unit : str
        What the zones count.

    Returns
    -------
    Network
        Geometry to the millimetre; columns that are not registered as text; all else as it was.

    Raises
    ------
    StorageError
        A table is gone or cannot be read.
    DataError
        A table is none, or has been changed into one that is wrong.

    Examples
    --------
    >>> import tempfile
    >>> from resilience.datasets import synthetic_city
    >>> from resilience.network import write_tables
    >>> city = synthetic_city(size=600).network
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = write_tables(city, folder)
    ...     read_tables(folder, crs=city.crs).assets["id"].equals(city.assets["id"])
    True
    """
    tables: dict[str, Any] = {}
    for name in TABLES:
        path = Path(folder) / f"{name}.csv"
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8")
            table = table.apply(_texts).rename(columns=unsafe).rename(columns={persons_unit: "persons"})
            if "geometry" in table:
                shapes = shapely.from_wkt(table["geometry"].to_numpy(dtype=object))
                table = gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=shapes, crs=crs)
        except OSError as error:
            got = error.strerror or str(error)
            raise StorageError(Problem(str(path), wanted="a table of the run's network", got=got)) from error
        except (ValueError, CRSError, shapely.errors.ShapelyError) as error:
            raise DataError(Problem(str(path), wanted="a table of the run's network", got=str(error))) from error
        tables[name] = table
    return Network.from_tables(**tables, crs=crs, persons_unit=persons_unit)


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    codes, distinct = pd.factorize(column)
    return pd.Series(np.array([unsafe(text) for text in distinct], dtype=object)[codes], index=column.index)
