"""NetCDF: one variable of a file, opened lazily."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from resilience.errors import MissingInputError, Problem
from resilience.readers.labelled import LabelledLayer, choose_variable, labelled_layers

SUFFIXES = (".nc", ".nc4", ".netcdf", ".cdf", ".h5", ".hdf5")


def netcdf_layers(path: str, *, variable: str | None = None) -> list[LabelledLayer]:
    """Return one layer per event of a NetCDF variable. Reads no cells.

    Raises
    ------
    MissingInputError
        The file is not there or is not NetCDF.
    DataError
        It has no such variable, or the variable is not on a regular grid.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingInputError(Problem(path, "a NetCDF file", "no such file"))
    with file.open("rb") as stream:
        classic = stream.read(3) == b"CDF"
    try:
        dataset = xr.open_dataset(
            file.absolute(),
            engine="scipy" if classic else "h5netcdf",
            mask_and_scale=False,
            decode_times=False,
            decode_coords="all",
            cache=False,
        )
    except (OSError, ValueError, TypeError) as error:
        problem = Problem(path, "a NetCDF file", f"cannot be opened: {' '.join(str(error).split())}")
        raise MissingInputError(problem) from error
    return labelled_layers(choose_variable(dataset, variable, subject=path), subject=path, attributes=dataset.attrs)
