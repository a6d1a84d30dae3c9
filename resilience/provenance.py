"""What produced a result: versions, inputs and their hashes, machine, times."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from resilience.files import files_below
from resilience.manifest import InputFile, Machine
from resilience.side_files import side_files

PACKAGES = (
    "urban-resilience", "numba", "llvmlite", "numpy", "scipy", "xarray", "rasterio", "dask", "zarr", "h5netcdf",
    "geopandas", "pyogrio", "shapely", "pyproj", "pandas", "pydantic",
)  # fmt: skip

GONE = "gone"


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, or of names, lengths and contents of all files below a folder, by name."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else files_below(path):
        if file != path:
            # So that no content can be taken for the rest of a name.
            digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        with file.open("rb") as content:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def hash_input(path: Path) -> str:
    """Return the SHA-256 of an input: of the file, and with it of what stands beside it and says something of it."""
    own = hash_file(path)
    beside = side_files(path)
    if not beside:
        return own
    digest = hashlib.sha256(f"{own}\0".encode())
    for name, said in beside.items():
        digest.update(f"{name}\0{hashlib.sha256(said).hexdigest()}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def describe_inputs(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return size and hash of every input file, each once, in order of path; of none that cannot be read."""
    found = []
    for path in sorted({Path(path) for path in paths}):
        # Who reads the inputs tells what is wrong with them, in the words of their kind.
        with contextlib.suppress(OSError):
            if not path.exists():
                continue
            files = [path] if path.is_file() else files_below(path)
            size = sum(file.stat().st_size for file in files)
            found.append({"path": str(path), "bytes": size, "sha256": hash_input(path)})
    return found


def changed_inputs(inputs: Iterable[InputFile]) -> dict[str, str]:
    """Return what has become of inputs that are not what a run read, by path: :data:`GONE`, or what else is wrong.

    Parameters
    ----------
    inputs : iterable of InputFile
        As the run recorded them.

    Notes
    -----
    By their hashes, for which all bytes are read: neither size nor times tell that a folder was renamed, or a link was
    led elsewhere, so that older maps of the same size stand where the run read others.
    """
    changed = {}
    for one in inputs:
        path = Path(one.path)
        try:
            if not path.exists():
                changed[one.path] = GONE
            elif (path.is_file() and path.stat().st_size != one.bytes) or hash_input(path) != one.sha256:
                changed[one.path] = "other content"
        except OSError as error:
            changed[one.path] = error.strerror or str(error)
    return changed


def library_versions() -> dict[str, str]:
    """Return the versions of the packages and of the native libraries inside them."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    import h5py
    import pyproj
    import rasterio
    import shapely

    versions["GDAL (rasterio)"] = rasterio.__gdal_version__
    versions["PROJ (rasterio)"] = rasterio.__proj_version__
    versions["PROJ (pyproj)"] = pyproj.proj_version_str
    versions["GEOS (shapely)"] = shapely.geos_version_string
    versions["HDF5 (h5py)"] = h5py.version.hdf5_version
    return versions


def read_stamps(paths: Iterable[Path]) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file, those below folders included, by path."""
    found = {}
    for path in paths:
        # What cannot be looked at, a name that is too long say, is told by its reader, together with all that is wrong.
        with contextlib.suppress(OSError):
            beside = [path.with_name(name) for name in side_files(path)]
            for file in [path, *beside] if path.is_file() else files_below(path):
                stamp = file.stat()
                found[str(file)] = stamp.st_size, stamp.st_mtime_ns
    return found


def now() -> str:
    """Return the present time in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def processor_name() -> str:
    """Return what the system calls the processor."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe_machine() -> Machine:
    """Return where this process runs."""
    from resilience.kernels.compiler import CACHE_FOLDER

    return Machine(
        platform=platform.platform(),
        processor=processor_name(),
        cores=os.cpu_count(),
        python=sys.version.split()[0],
        kernel_cache=str(CACHE_FOLDER) if CACHE_FOLDER else "none",
    )


def hash_outputs(run: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the hash of everything of these names that a run directory has."""
    return {name: hash_file(run / name) for name in sorted(names) if (run / name).exists()}
