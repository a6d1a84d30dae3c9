"""What a report is written from: the result, the city and the manifest of a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.errors import DataError, Problem
from resilience.events import yearly_weight
from resilience.manifest import Manifest
from resilience.network import Network
from resilience.reading import check_unchanged, open_run, read_manifest
from resilience.result import Result
from resilience.store import NETWORK, raise_if_locked


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    result : Result
    network : Network
        Its assets and zones are those of the result, in the same order.
    manifest : Manifest
    """

    result: Result
    network: Network
    manifest: Manifest

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
        return "person_hours_lost" in self.dataset

    @property
    def rated(self) -> bool:
        """Whether there are figures per year."""
        return "annual_value" in self.dataset

    @property
    def weight(self) -> NDArray[np.float64]:
        """(event,) weight per year, what is rarer than the rarest event included; 0 without a rate."""
        return np.asarray(np.nan_to_num(yearly_weight(self.dataset)))

    @property
    def synthetic(self) -> bool:
        """Whether the city is the built-in one."""
        return bool(self.manifest.scenario.get("network", {}).get("synthetic") is not None)


def read_run(path: Path) -> Run:
    """Return a finished run.

    Parameters
    ----------
    path : pathlib.Path
        The run directory.

    Raises
    ------
    MissingInputError
        There is no run, or it has not ended.
    DataError
        Its manifest or its tables are wrong, or the result has changed since.
    StorageError
        The result is gone or cannot be read.
    LockedError
        A run is writing to it.
    """
    raise_if_locked(path)
    manifest = read_manifest(path)
    check_unchanged(path, manifest)
    result = open_run(path)
    network = result.network
    assert network is not None  # a run directory tells its city
    for name, table in (("asset", network.assets), ("zone", network.zones)):
        n, have = result.dataset.sizes[name], len(table)
        if have != n:
            place = str(path / NETWORK / f"{name}s.csv")
            raise DataError(Problem(place, wanted=f"the {n:,} {name}s of the result", got=f"{have:,}"))
    return Run(result, network, manifest)
