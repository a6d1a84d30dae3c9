"""What a run found, for programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.appraisal import options_table
from resilience.cells import Table
from resilience.result import Result
from resilience.run_tables import summary_table
from resilience.why import roots_table


def describe_result(result: Result) -> dict[str, Any]:
    """Return what a program reads first: rows of `summary.csv`, `why.csv`, `options.csv`, notes, where the run is."""
    dataset = result.dataset
    return {
        "name": dataset.attrs["title"],
        "scenario_sha256": dataset.attrs["scenario_sha256"],
        "run_directory": None if result.path is None else str(result.path),
        "samples": dataset.sizes["sample"],
        "events": dataset.sizes["event"],
        "persons_unit": result.unit,
        "summary": records_of(summary_table(dataset, unit=result.unit, tells_money=result.tells_money)),
        "why": records_of(roots_table(dataset, result.unit)),
        "options": (
            records_of(options_table(dataset, unit=result.unit, tells_money=result.tells_money))
            if "option" in dataset.dims
            else []
        ),
        "notes": list(result.notes),
    }


def records_of(table: Table) -> list[dict[str, Any]]:
    """Return a table as one mapping per row.

    Examples
    --------
    >>> records_of((["service", "value"], iter([(["power"], np.array([0.5]))])))
    [{'service': 'power', 'value': 0.5}]
    """
    header, blocks = table
    rows = (row for columns in blocks for row in zip(*columns, strict=True))
    return [{name: _plain(value) for name, value in zip(header, row, strict=True)} for row in rows]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
