"""What libraries say of files that their formats do not foresee, told as an error of the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import xarray as xr

from resilience.errors import Problem, ResilienceError


@contextmanager
def told_of_file(kind: type[ResilienceError], subject: str, wanted: str, *, got: str) -> Iterator[None]:
    """Turn whatever a library raises over a file into one error that names it.

    Only calls of libraries belong inside: parsers of Zarr and HDF5 raise errors of every kind over broken files, which
    have no base in common, and a mistake of our own must not be told as the user's.

    Examples
    --------
    >>> from resilience.errors import DataError
    >>> with told_of_file(DataError, "a.zarr", "a Zarr store", got="cannot be opened"):
    ...     {}["zarr_format"]
    Traceback (most recent call last):
    ...
    resilience.errors.DataError: a.zarr: cannot be opened: 'zarr_format'; wanted: a Zarr store
    """
    try:
        yield
    except ResilienceError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise kind(Problem(subject, wanted, f"{got}: {reason}")) from error


def load_coordinates(dataset: xr.Dataset) -> None:
    """Read the coordinates along one dimension, or none, now: later nobody expects that they cannot be read."""
    for coordinate in dataset.coords.values():
        if coordinate.ndim < 2:
            coordinate.load()
