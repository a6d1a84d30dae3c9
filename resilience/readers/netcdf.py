"""NetCDF: one variable of a file, opened lazily."""

from __future__ import annotations

from pathlib import Path

import h5py
import xarray as xr

from resilience.errors import DataError, MissingInputError, Problem, Problems
from resilience.readers.foreign import load_coordinates, told_of_file
from resilience.readers.labelled import MOST_STEPS, LabelledLayer, choose_variable, labelled_layers

SUFFIXES = (".nc", ".nc4", ".netcdf", ".cdf", ".h5", ".hdf5")


def netcdf_layers(path: str, *, variable: str | None = None) -> list[LabelledLayer]:
    """Return one layer per event of a NetCDF variable. Reads no cells.

    Raises
    ------
    MissingInputError
        The file is not there or is not NetCDF.
    DataError
        It has no such variable, the variable is not on a regular grid, or the file refers to others.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingInputError(Problem(path, "a NetCDF file", "no such file"))
    with file.open("rb") as stream:
        classic = stream.read(3) == b"CDF"
    with told_of_file(MissingInputError, path, "a NetCDF file", got="cannot be opened"):
        if not classic:
            _check_contents(file)
        dataset = xr.open_dataset(
            file.absolute(),
            engine="scipy" if classic else "h5netcdf",
            mask_and_scale=False,
            decode_times=False,
            decode_coords="all",
            cache=False,
        )
        load_coordinates(dataset)
    return labelled_layers(choose_variable(dataset, variable, subject=path), subject=path, attributes=dataset.attrs)


def _check_contents(file: Path) -> None:
    """Raise if an HDF5 file reads from other files, or has coordinates that no memory holds."""
    problems = Problems()
    with h5py.File(file.absolute(), "r") as group:
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                problems.add(f"{file} {name}", wanted="arrays in the file itself", got="a link to another file")
                continue
            if isinstance(link, h5py.SoftLink) and name not in group:
                continue
            one = group[name]
            if not isinstance(one, h5py.Dataset):
                continue
            if one.external or one.is_virtual:
                problems.add(f"{file} {name}", wanted="arrays in the file itself", got="an array kept in other files")
            if one.ndim == 1 and one.size > MOST_STEPS:
                wanted = f"at most {MOST_STEPS:,} (cut the map to the city)"
                problems.add(f"size of {file} {name}", wanted=wanted, got=f"{one.size:,}")
    problems.raise_if_any(DataError)
