"""A layer is one two-dimensional map in one file; a stack of layers is a lazy array of events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from xarray.backends import BackendArray
from xarray.core import indexing

from resilience.errors import DataError, Problems
from resilience.hazard import check_plausible
from resilience.perils import QUANTITIES

FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Layer(ABC):
    """One map as its file declares it. Holds no open file, so it can be sent to another process.

    Parameters
    ----------
    subject : str
        File, and band or variable, for messages.
    crs : pyproj.CRS or None
    transform : affine.Affine
    height, width : int
    dtype : str
        Type of the stored cells.
    unit : str or None
        As the file spells it.
    nodata : float or None
        Stored value that stands for no data.
    may_miss : bool
        The file declares, or can hold, cells without data.
    scale, shift : float
        ``value in unit = scale * stored + shift``.
    event : str
        Name the file gives the event, or "".
    return_period : float
        Year; NaN where the file does not tell.
    annual_rate : float
        1/year; NaN where the file does not tell.
    hour : float
        h from the midnight before an event begins; NaN for a map that is not one of several in time.
    day : str
        Date of that midnight, or "" where the file does not tell dates.
    """

    subject: str
    crs: CRS | None
    transform: Affine
    height: int
    width: int
    dtype: str
    unit: str | None = None
    nodata: float | None = None
    may_miss: bool = False
    scale: float = 1.0
    shift: float = 0.0
    event: str = ""
    return_period: float = float("nan")
    annual_rate: float = float("nan")
    hour: float = float("nan")
    day: str = ""

    @abstractmethod
    def read(self, rows: slice, columns: slice, out: NDArray[np.float32]) -> None:
        """Read the stored cells of a window into `out`, with NaN where the file has a mask besides `nodata`.

        Parameters
        ----------
        rows, columns : slice
            Start and stop given, step 1, within the grid, not empty.
        out : (row, column) float32
            Contiguous.
        """

    def read_together(self, layers: Sequence[Layer], rows: slice, columns: slice, out: NDArray[np.float32]) -> bool:
        """Read a window of several layers into `out` (layer, row, column) at once, and tell so, if that saves time."""
        return False

    def row_step(self, n_columns: int) -> int:
        """Return how many rows of a window of `n_columns` columns to read at once."""
        return self.height


class LayerStack(BackendArray):
    """Lazy ``(event, y, x)`` float32 intensities of layers of one grid: nodata is NaN, the unit is the peril's.

    Reading a window reads that window of each layer wanted and refuses values that are not credible. Several threads
    may read at once; the array can be pickled.

    Parameters
    ----------
    layers : tuple of Layer
    conversions : tuple of (float, float)
        Per layer: ``intensity = scale * stored + shift``.
    peril : str
    plausible : (float, float), optional
    """

    def __init__(
        self,
        layers: tuple[Layer, ...],
        *,
        conversions: tuple[tuple[float, float], ...],
        peril: str,
        plausible: tuple[float, float] | None = None,
    ) -> None:
        self.layers = layers
        self.conversions = conversions
        self.peril = peril
        self.plausible = QUANTITIES[peril].plausible if plausible is None else plausible
        self.shape = (len(layers), layers[0].height, layers[0].width)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Return the cells of `key`; xarray turns point-wise indexing into windows."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read_outer)

    def _read_outer(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        events, rows, columns = key
        numbers = np.atleast_1d(np.arange(self.shape[0])[events])
        row_window, row_rest = _window(rows, self.shape[1])
        column_window, column_rest = _window(columns, self.shape[2])
        values = self.read_window(numbers, row_window, column_window)
        values = values[:, :, column_rest][:, row_rest]
        return values[0] if np.ndim(np.arange(self.shape[0])[events]) == 0 else values

    def read_window(self, events: NDArray[np.intp], rows: slice, columns: slice) -> NDArray[np.float32]:
        """Return ``(event, row, column)`` intensities.

        Raises
        ------
        DataError
            Values are not credible, or a file is damaged.
        """
        values = np.empty((len(events), rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
        if values.size == 0:
            return values
        wanted = [self.layers[event] for event in events]
        together = len(wanted) > 1 and wanted[0].read_together(wanted, rows, columns, values)
        # Every map of the window is looked at before anything is told: a wrong unit is wrong in all of them.
        problems = Problems()
        for layer, event, out in zip(wanted, events, values, strict=True):
            try:
                if together:
                    self._clean(int(event), out, rows.start, columns.start)
                else:
                    self._read(layer, int(event), rows, columns, out)
            except DataError as error:
                problems.extend(error.problems)
        problems.raise_if_any(DataError)
        return values

    def _read(self, layer: Layer, event: int, rows: slice, columns: slice, values: NDArray[np.float32]) -> None:
        step = max(1, layer.row_step(values.shape[1]))
        start = rows.start
        while start < rows.stop:
            stop = min(rows.stop, (start // step + 1) * step)
            part = values[start - rows.start : stop - rows.start]
            layer.read(slice(start, stop), columns, part)
            self._clean(event, part, start, columns.start)
            start = stop

    def _clean(self, event: int, values: NDArray[np.float32], row: int, column: int) -> None:
        layer, (scale, shift), (low, high) = self.layers[event], self.conversions[event], self.plausible
        # Beyond float32 no stored cell can equal it any more: the layer has compared before rounding.
        from resilience.kernels.clean_cells import clean_cells

        within = layer.nodata is not None and abs(layer.nodata) <= FLOAT32_MAX
        nodata = layer.nodata if layer.nodata is not None and within else np.nan
        if clean_cells(nodata, scale, shift, low, high, values.reshape(-1)):
            check_plausible(
                values, peril=self.peril, subject=layer.subject, plausible=self.plausible, origin=(row, column)
            )


class HourlyStack(BackendArray):
    """Lazy ``(event, time, y, x)`` float32 intensities: a stack of layers, hour after hour of event after event.

    Parameters
    ----------
    stack : LayerStack
        Of ``n_event * n_time`` layers.
    n_time : int
    """

    def __init__(self, stack: LayerStack, n_time: int) -> None:
        self.stack = stack
        n_layer, height, width = stack.shape
        self.shape = (n_layer // n_time, n_time, height, width)
        self.dtype = stack.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Return the cells of `key`; xarray turns point-wise indexing into windows."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read_outer)

    def _read_outer(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        events, times, rows, columns = key
        event, time = np.arange(self.shape[0])[events], np.arange(self.shape[1])[times]
        row_window, row_rest = _window(rows, self.shape[2])
        column_window, column_rest = _window(columns, self.shape[3])
        # Event after event: the hours of one are read together where they lie in one file.
        parts = [
            self.stack.read_window(np.atleast_1d(one * self.shape[1] + time), row_window, column_window)
            for one in np.atleast_1d(event)
        ]
        values = np.stack(parts)[:, :, :, column_rest][:, :, row_rest]
        values = values[:, 0] if np.ndim(time) == 0 else values
        return values[0] if np.ndim(event) == 0 else values


def _window(key: Any, size: int) -> tuple[slice, Any]:
    """Return the smallest window that holds the indices `key`, and the index within it."""
    if isinstance(key, slice) and key.step in (None, 1):
        start, stop, _ = key.indices(size)
        return slice(start, max(start, stop)), slice(None)
    wanted = np.arange(size)[key]
    if np.size(wanted) == 0:
        return slice(0, 0), slice(0, 0)
    first = int(np.min(wanted))
    return slice(first, int(np.max(wanted)) + 1), wanted - first
