"""Hazard maps and losses as CLIMADA reads them: `Hazard.from_xarray_raster` and `Impact.from_hdf5`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from resilience.errors import DataError, MissingInputError, Problems
from resilience.events import yearly_weight
from resilience.export.places import DEGREES, points_of, to_degrees
from resilience.export.source import Source
from resilience.export.targets import file_names
from resilience.hazard import grid_of
from resilience.hazard_inputs import load_hazards
from resilience.labels import texts
from resilience.provenance import GONE

FREQUENCY_UNIT = "1/year"


def write_climada(source: Source, folder: Path) -> dict[str, str]:
    """Write a netCDF file of hazard maps per family, and an HDF5 file of people without each service per event.

    Cells and zones are told by longitude and latitude. Frequencies are weights in annual figures, so that the sum of
    frequency times impact is the annual mean; without rates there are none. The maps are read again from the inputs.

    Raises
    ------
    DataError, MissingInputError
        A map is not what the run had, or gone.
    """
    hazards = _read_hazards(source)
    files: dict[str, str] = {}
    for hazard, name in zip(hazards, file_names(h.attrs["family"] for h in hazards), strict=True):
        path = folder / f"hazard-{name}.nc"
        encoding = {"intensity": {"zlib": True, "complevel": 4}}
        climada_hazard(hazard, source.run.dataset).to_netcdf(path, engine="h5netcdf", encoding=encoding)
        files[path.name] = f"maps of {hazard.attrs['family']}, in {hazard.attrs['unit']}"
    services = texts(source.run.dataset, "service")
    for s, name in enumerate(file_names(services)):
        path = folder / f"impact-{name}.hdf5"
        _write_impact(path, source, s)
        files[path.name] = f"{source.run.result.unit} without {services[s]} at the peak, by event and zone"
    return files


def _read_hazards(source: Source) -> tuple[xr.Dataset, ...]:
    """Return the maps of a run, from inputs that are those it had."""
    changed: dict[str, str] = {}
    for section in source.run.scenario.hazards:
        changed |= source.run.changed_maps(section.family)
    problems = Problems()
    for path, got in changed.items():
        problems.add(path, wanted="the input that the run had", got=got)
    problems.raise_if_any(MissingInputError if set(changed.values()) == {GONE} else DataError)
    return load_hazards(source.run.scenario)


def climada_hazard(hazard: xr.Dataset, dataset: xr.Dataset) -> xr.Dataset:
    """Return the maps of a family in the layout of `Hazard.from_xarray_raster`.

    Parameters
    ----------
    hazard : xarray.Dataset
        From :func:`resilience.hazard.make_hazard`; of maps in time, the highest value of each cell is told.
    dataset : xarray.Dataset
        Of a result, for names and weights of its events.

    Notes
    -----
    The dimension of events is named as CLIMADA looks for it, ``time``; its values are numbers, as events have no dates.
    """
    grid = grid_of(hazard)
    longitude, latitude = to_degrees(grid.crs).transform(*np.meshgrid(grid.x, grid.y))
    intensity = hazard["intensity"].max("time") if "time" in hazard.dims else hazard["intensity"]
    mine = texts(dataset, "family") == hazard.attrs["family"]
    number = np.arange(1, int(mine.sum()) + 1)
    values: dict[str, Any] = {
        "intensity": (("time", "y", "x"), intensity.values, {"units": hazard.attrs["unit"]}),
        "event_id": ("time", number),
        "event_name": ("time", texts(dataset, "event")[mine]),
        "date": ("time", np.ones(number.size, np.int64), {"long_name": "none is known: 1"}),
    }
    weight = yearly_weight(dataset)[mine]
    if np.isfinite(weight).all():
        values["frequency"] = ("time", weight, {"units": FREQUENCY_UNIT})
    places = {"longitude": (("y", "x"), longitude), "latitude": (("y", "x"), latitude)}
    told = {"haz_type": hazard.attrs["peril"], "crs": DEGREES}
    return xr.Dataset(values, {"time": number, **places}, told)


def _write_impact(path: Path, source: Source, service: int) -> None:
    dataset = source.run.dataset
    share = dataset["zone_without_service"].isel(service=service).values / dataset.sizes["sample"]
    people = dataset["zone_people"].values
    impact = sparse.csr_matrix(share * people)
    weight = yearly_weight(dataset)
    rated = np.isfinite(weight)
    frequency = np.where(rated, weight, 0.0)
    points = points_of(source.run.network, "zone", texts(dataset, "zone"))
    longitude, latitude = to_degrees(source.run.network.crs).transform(*points.T)
    at_event: NDArray[np.float64] = np.asarray(impact.sum(axis=1)).ravel()
    expected = frequency @ impact.toarray()
    arrays = {
        "event_id": np.arange(1, at_event.size + 1),
        "date": np.ones(at_event.size, np.int64),
        "coord_exp": np.column_stack([latitude, longitude]),
        "at_event": at_event,
        "frequency": frequency,
        "eai_exp": expected,
    }
    perils = set(texts(dataset, "peril"))
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
        file.create_dataset("event_name", data=texts(dataset, "event"), dtype=h5py.string_dtype())
        matrix = file.create_group("imp_mat")
        matrix.attrs["shape"] = impact.shape
        for name in ("data", "indices", "indptr"):
            matrix[name] = getattr(impact, name)
        file.attrs.update(
            {"crs": DEGREES, "unit": source.run.result.unit, "frequency_unit": FREQUENCY_UNIT,
             "tot_value": float(people.sum()), "aai_agg": float(expected.sum()),
             "haz_type": perils.pop() if len(perils) == 1 else ""}
        )  # fmt: skip
