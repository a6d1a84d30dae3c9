"""The shipped curves: every file named in ``curves/SOURCES.toml``, with its source, licence and unit."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import as_file, files

from resilience.curves import CurveTable

_FOLDER = "resilience.datasets.curves"


@lru_cache(maxsize=1)
def load_sources() -> dict[str, dict[str, str]]:
    """Return, per file, its title, source, licence, role, peril, unit, basis and note.

    Examples
    --------
    >>> load_sources()["jrc_asia.csv"]["source"]
    'Huizinga, de Moel, Szewczyk (2017), doi:10.2760/16510'
    """
    text = files(_FOLDER).joinpath("SOURCES.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1)
def load_curves() -> CurveTable:
    """Return all curves the project ships.

    Notes
    -----
    ``jrc_asia_*``, ``nirandjan_*`` and ``hazus_*`` are published figures; ``function_*`` (flood) and ``heat_*`` are
    defaults by expert judgement, marked ``basis="default"``, to be replaced where something better is known.

    Examples
    --------
    >>> load_curves()["jrc_asia_residential"](0.25).round(6)
    np.float64(0.163278)
    """
    table = CurveTable()
    for name, about in load_sources().items():
        with as_file(files(_FOLDER).joinpath(name)) as path:
            shipped = CurveTable.from_csv(
                path, unit=about["unit"], role=about["role"], peril=about["peril"], source=about["source"],
                licence=about["licence"], basis=about["basis"], note=about["note"],
            )  # fmt: skip
        table = table.merge(shipped)
    return table
