"""A finished run, opened again: what :func:`resilience.assess` returned, from the directory it was kept in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.disk import told_as_storage_error
from resilience.errors import DataError, MissingInputError, Problem, Problems
from resilience.events import rated_events, yearly_weight
from resilience.hazard_inputs import map_paths
from resilience.labels import PERSON_HOURS
from resilience.manifest import Manifest
from resilience.network import Network, read_tables
from resilience.provenance import changed_inputs, hash_outputs
from resilience.result import Result
from resilience.scenario import Scenario
from resilience.store import MANIFEST, NETWORK, RESULTS, open_results, raise_if_locked

CATALOGUE, IMPORTANCE, PAIRED = "catalogue_", "importance_", "paired_"


@dataclass(frozen=True)
class FinishedRun:
    """What other programs, readers and other runs are told of a run: its result, with what the run says of itself.

    Parameters
    ----------
    path : pathlib.Path
        The run directory.
    manifest : Manifest
    result : Result
    """

    path: Path
    manifest: Manifest
    result: Result

    @cached_property
    def network(self) -> Network:
        """The city: its assets and zones are those of the result, in the same order.

        Raises
        ------
        DataError
            They are others.
        """
        network = self.result.network
        assert network is not None  # a run directory tells its city
        for name, table in (("asset", network.assets), ("zone", network.zones)):
            n, have = self.dataset.sizes[name], len(table)
            if have != n:
                place = str(self.path / NETWORK / f"{name}s.csv")
                raise DataError(Problem(place, wanted=f"the {n:,} {name}s of the result", got=f"{have:,}"))
        return network

    @cached_property
    def scenario(self) -> Scenario:
        """What was asked for, resolved.

        Raises
        ------
        ConfigurationError
            It is one of another version.
        """
        return Scenario.from_dict(self.manifest.scenario)

    def changed_maps(self, family: str) -> dict[str, str]:
        """Return what has become of the files of the maps of an event family that are not what the run read, by path.

        See :func:`resilience.provenance.changed_inputs`.
        """
        sections = (section for section in self.scenario.hazards if section.family == family)
        own = {str(path) for section in sections for path in map_paths(section)}
        return changed_inputs(one for one in self.manifest.inputs if one.path in own)

    @property
    def dataset(self) -> xr.Dataset:
        """Everything, labelled."""
        return self.result.dataset

    @property
    def n_sample(self) -> int:
        """Samples per event."""
        return int(self.dataset.sizes["sample"])

    @property
    def over_time(self) -> bool:
        """Whether losses are told in people times hours."""
        return PERSON_HOURS in self.dataset

    @property
    def rated(self) -> bool:
        """Whether there are figures per year."""
        return "annual_value" in self.dataset

    @property
    def weight(self) -> NDArray[np.float64]:
        """(event,) weight per year, what is rarer than the rarest event included; 0 without a rate."""
        return np.asarray(np.nan_to_num(yearly_weight(self.dataset)))


def read_run(path: Path) -> FinishedRun:
    """Return a finished run as it was written.

    Parameters
    ----------
    path : pathlib.Path
        The run directory.

    Raises
    ------
    MissingInputError
        There is no run, or it has not ended.
    DataError
        Its manifest is wrong, or the result has changed since.
    StorageError
        The result is gone or cannot be read.
    LockedError
        A run is writing to it.
    """
    raise_if_locked(path)
    manifest = read_manifest(path)
    check_unchanged(path, manifest)
    return FinishedRun(path, manifest, _open(path, manifest))


def open_run(path: str | Path) -> Result:
    """Return the result of a finished run.

    Parameters
    ----------
    path : path
        The run directory.

    Returns
    -------
    Result
        As the run returned it. Arrays are read when they are used.

    Raises
    ------
    MissingInputError
        There is no run, or it has not ended.
    DataError
        Its manifest cannot be read.
    StorageError
        The result itself is gone or is none.

    Examples
    --------
    >>> import tempfile
    >>> from resilience.pipeline import assess, demo_scenario
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = assess(demo_scenario(size=600, samples=512), out=folder)
    ...     open_run(folder).dataset.sizes["sample"]
    512
    """
    run = Path(path)
    return _open(run, read_manifest(run))


def _open(run: Path, manifest: Manifest) -> Result:
    city = manifest.network
    whole = open_results(run)
    own = [name for name in map(str, whole.data_vars) if name.startswith((CATALOGUE, IMPORTANCE, PAIRED))]
    dataset = whole.drop_vars([*own, *_curve_labels(whole)])
    return Result(
        dataset=dataset,
        exceedance=_exceedance(whole, manifest.scenario["risk"]),
        importance=_importance(whole),
        pairs=_pairs(whole),
        path=run,
        notes=tuple(map(str, whole.attrs["notes"])),
        network_source=partial(read_tables, run / NETWORK, crs=city.crs, persons_unit=city.counted_in),
    )


def read_manifest(run: Path) -> Manifest:
    """Return what a finished run says of itself.

    Parameters
    ----------
    run : pathlib.Path
        The run directory.

    Raises
    ------
    MissingInputError
        There is no run, or it has not ended.
    DataError
        The manifest cannot be read.
    """
    try:
        return Manifest.model_validate_json((run / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        wanted = f"the directory of a finished run, with {MANIFEST}; `resilience status` tells how far a run is"
        raise MissingInputError(Problem(str(run), wanted=wanted, got="none there")) from error
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or "another content"
        raise DataError(Problem(str(run / MANIFEST), wanted="a manifest of this version", got=got)) from error


def check_unchanged(run: Path, manifest: Manifest) -> None:
    """Raise unless the result and the city of a run are what it wrote.

    Parameters
    ----------
    run : pathlib.Path
        The run directory.
    manifest : Manifest
        Its own.

    Raises
    ------
    DataError
        Something in them has changed since.
    StorageError
        They cannot be read.

    Notes
    -----
    All bytes are read once. What is gone as a whole is told by whoever opens it.
    """
    problems = Problems()
    with told_as_storage_error(run, wanted="a result that can be read"):
        found = hash_outputs(run, (RESULTS, NETWORK))
    for name, digest in found.items():
        if manifest.outputs.get(name) != digest:
            problems.add(str(run / name), wanted="what the run wrote, as its manifest tells", got="other content")
    problems.raise_if_any(DataError)


def _part(whole: xr.Dataset, prefix: str) -> xr.Dataset:
    names = [name for name in map(str, whole.data_vars) if name.startswith(prefix)]
    return whole[names].rename({name: name.removeprefix(prefix) for name in names})


def _curve_labels(whole: xr.Dataset) -> list[str]:
    """Return the coordinates of curves alone."""
    return [str(name) for name, array in whole.coords.items() if {"period", "quantity"} & set(array.dims)]


def _exceedance(whole: xr.Dataset, risk: dict[str, Any]) -> xr.Dataset | None:
    """Return the curves, with what their intervals rest on."""
    part = _part(whole, CATALOGUE)
    if not part.data_vars:
        return None
    part.attrs = {
        "n_years": risk["catalogue_years"], "replicates": risk["bootstrap"], "confidence": risk["confidence"]
    }  # fmt: skip
    return part.load().rename(period="return_period")


def _importance(whole: xr.Dataset) -> xr.Dataset | None:
    part = _part(whole, IMPORTANCE)
    if not part.data_vars:
        return None
    # The assets that failed in some sample of an event with a rate are those that have an importance.
    failed = (whole["failed_count"].values[rated_events(whole)] > 0).any(axis=0)
    return part.isel(asset=np.flatnonzero(failed)).load()


def _pairs(whole: xr.Dataset) -> xr.Dataset | None:
    part = _part(whole, PAIRED)
    if not part.data_vars:
        return None
    part = part.load()
    known = np.zeros(part.sizes["asset"], dtype=bool)
    for array in part.data_vars.values():
        known |= array.notnull().any([dim for dim in array.dims if dim != "asset"]).values
    return part.isel(asset=np.flatnonzero(known))
