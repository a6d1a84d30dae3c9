"""Opens a file of features or a table, whatever its format, and leaves the file and its folder as they are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from resilience.errors import DataError, MissingInputError, Problem, suggestion
from resilience.files import check_columns, check_width, is_there
from resilience.readers.elsewhere import demand_layer_of_its_own

_PARQUET = {".parquet", ".geoparquet"}
# GDAL reads it, but its parts would be no inputs of a run.
_UNREAD = {"MapInfo File"}


def open_layer(source: Path, layer: str | None, encoding: str | None) -> pd.DataFrame:
    """Return a layer of features, or a table, with its columns as they are called in the file.

    Parameters
    ----------
    source : pathlib.Path
    layer : str, optional
        Needed where there are several.
    encoding : str, optional
        Of the text in a Shapefile or CSV.

    Raises
    ------
    MissingInputError
        The file is not there.
    DataError
        It cannot be read, or has more columns than a table of assets has.
    """
    _demand_file(source)
    suffix = source.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return open_csv(source, encoding)
    if suffix in _PARQUET:
        return _open_parquet(source)
    demand_layer_of_its_own(source)
    _demand_closed(source)
    # GML names its schema by an address, and GDAL would fetch it.
    pyogrio.set_gdal_config_options({"GML_DOWNLOAD_SCHEMA": False})
    place = _unwritten(source)
    try:
        with warnings.catch_warnings():
            # What is odd in the geometry is told by the checks of the network, with the ids.
            warnings.simplefilter("ignore")
            names = [str(name) for name in pyogrio.list_layers(place)[:, 0]]
            _check_layer(source, layer, names)
            if pyogrio.read_info(place, layer=layer, encoding=encoding)["driver"] in _UNREAD:
                raise ValueError("a MapInfo file")
            read = pyogrio.read_dataframe(place, layer=layer, encoding=encoding)
    except shapely.errors.ShapelyError as error:
        wanted = "shapes that can be built: closed rings, lines of two points or more (try ogr2ogr -makevalid)"
        raise _unreadable(source, str(error), wanted=wanted) from error
    except UnboundLocalError as error:
        # pyogrio ends so where GDAL has a CRS that it cannot write out.
        raise _unreadable(source, "a CRS that makes no sense") from error
    except (RuntimeError, ValueError) as error:  # all errors of pyogrio, and text in another encoding
        raise _unreadable(source, str(error)) from error
    if isinstance(read, gpd.GeoDataFrame) and read.geometry.name != "geometry":
        read = read.rename_geometry("geometry")
    check_columns(source, read.shape[1])
    frame: pd.DataFrame = read
    return frame


def _unwritten(source: Path) -> str | Path:
    """Return where GDAL is to read a file so that it writes nothing beside it, as it does beside GML."""
    with source.open("rb") if source.is_file() else io.BytesIO() as file:
        is_xml = b"<" in file.read(8)
    return f"/vsisubfile/0,{source}" if is_xml else source


def _check_layer(source: Path, layer: str | None, names: Sequence[str]) -> None:
    if not names:
        raise DataError(Problem(str(source), wanted="a layer of features", got="no layer"))
    if layer is None and len(names) > 1:
        wanted = f"layer: one of {', '.join(names)}"
        raise DataError(Problem(str(source), wanted=wanted, got=f"{len(names)} layers, none chosen"))
    if layer is not None and layer not in names:
        hint = suggestion(layer, names)
        raise DataError(Problem(str(source), wanted=f"one of {', '.join(names)}", got=f"no layer {layer!r}{hint}"))


def open_csv(source: Path, encoding: str | None) -> pd.DataFrame:
    """Return a CSV file, or a TSV by its name, all as text.

    Raises
    ------
    MissingInputError, DataError
        As :func:`open_layer`.
    """
    _demand_file(source)
    if source.is_dir():
        raise MissingInputError(Problem(str(source), wanted="a CSV file", got="a folder"))
    separator = "\t" if source.suffix.lower() == ".tsv" else ","
    check_width(source, separator)
    try:
        # All text: an id such as 0012 must not become 12.
        return pd.read_csv(
            source,
            dtype="str",
            keep_default_na=False,
            na_values=[""],
            encoding=encoding or "utf-8-sig",
            sep=separator,
        )
    except UnicodeDecodeError as error:
        wanted = "`encoding:` of the text, e.g. cp949 or latin-1, or the file as UTF-8"
        raise _unreadable(source, f"not {encoding or 'UTF-8'} text", wanted=wanted) from error
    except LookupError as error:
        raise _unreadable(source, str(error), wanted="an encoding such as utf-8, cp949 or latin-1") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OSError) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ")
        raise _unreadable(
            source, reason, wanted="a CSV file with one heading and the same fields in every row"
        ) from error


def _open_parquet(source: Path) -> pd.DataFrame:
    if find_spec("pyarrow") is None:
        raise DataError(
            Problem(
                str(source),
                wanted="pyarrow for GeoParquet (pip install pyarrow), or the layer as GeoPackage",
                got="a Parquet file, and pyarrow is not installed",
            )
        )
    try:
        read = gpd.read_parquet(source)
    except Exception as error:  # pyarrow has many kinds of failure and no common base
        raise _unreadable(source, str(error)) from error
    check_columns(source, read.shape[1])
    frame: pd.DataFrame = read if read.geometry.name == "geometry" else read.rename_geometry("geometry")
    return frame


def _demand_file(source: Path) -> None:
    if not is_there(source):
        beside = [entry.name for entry in source.parent.iterdir()] if source.parent.is_dir() else []
        hint = suggestion(source.name, beside)
        raise MissingInputError(Problem(str(source), wanted="a file that is there", got=f"no such file{hint}"))


def _demand_closed(source: Path) -> None:
    """Raise DataError if a database has changes beside it that are not in the file: reading would write them in."""
    beside = source.with_name(f"{source.name}-wal")
    if beside.is_file() and beside.stat().st_size:
        wanted = "a file that no other program has open, or left without closing (open and close it there)"
        raise DataError(Problem(str(source), wanted=wanted, got=f"changes beside it, in {beside.name}"))


def _unreadable(
    source: Path, reason: str, *, wanted: str = "a GeoPackage, GeoJSON, Shapefile, FlatGeobuf or CSV"
) -> DataError:
    # GDAL goes on with advice about its own drivers.
    first = " ".join(reason.partition("It might help")[0].split()).rstrip(".;") or "unknown format"
    return DataError(Problem(str(source), wanted=wanted, got=first))
