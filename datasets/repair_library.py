"""The shipped repair times and recoveries: files named in ``repair/SOURCES.toml``, with source, licence and unit."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import as_file, files

import pandas as pd

from resilience.errors import DataError, Problem, suggestion
from resilience.repair_times import RepairTimeTable

_FOLDER = "resilience.datasets.repair"


@lru_cache(maxsize=1)
def load_repair_sources() -> dict[str, dict[str, str]]:
    """Return, per file, its title, source, licence, content, peril, unit, basis and note.

    Examples
    --------
    >>> load_repair_sources()["hazus_earthquake.csv"]["basis"]
    'memory'
    """
    return tomllib.loads(files(_FOLDER).joinpath("SOURCES.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def load_repair_times() -> RepairTimeTable:
    """Return all repair times the project ships.

    Notes
    -----
    Classes without a prefix (``substation``, ``road``, ...) are defaults by expert judgement for outage and re-opening
    after flood and heat, ``basis="default"``. ``hazus_flood_*`` are times of full reconstruction.
    ``hazus_earthquake_*`` are restoration times quoted from memory, ``basis="memory"``: check them before use.

    Examples
    --------
    >>> times = load_repair_times()
    >>> times.find("substation", 1, peril="flood").parameters["median"]
    72.0
    >>> round(times.find("hazus_earthquake_substation", 2).mean() / 24, 2)  # 3 before cutting at 0
    3.08
    """
    table = RepairTimeTable()
    for name, about in load_repair_sources().items():
        if about["content"] != "repair times":
            continue
        with as_file(files(_FOLDER).joinpath(name)) as path:
            shipped = RepairTimeTable.from_csv(
                path, unit=about["unit"], peril=about["peril"], source=about["source"], licence=about["licence"],
                basis=about["basis"], note=about["note"],
            )  # fmt: skip
        table = table.merge(shipped)
    return table


def load_recovery(name: str) -> pd.DataFrame:
    """Return an observed recovery.

    Parameters
    ----------
    name : str
        ``nirs_2025``.

    Returns
    -------
    pandas.DataFrame
        ``time`` (hours after the event), ``share`` (restored, in [0, 1]), ``note``; its source in ``attrs``.

    Raises
    ------
    DataError
        An unknown name.

    Examples
    --------
    >>> load_recovery("nirs_2025").query("share >= 0.9")["time"].iloc[0] / 24
    np.float64(34.6)
    """
    shipped = load_repair_sources()
    known = [file.removesuffix(".csv") for file, about in shipped.items() if about["content"] == "recovery"]
    if name not in known:
        raise DataError(Problem("recovery", f"one of {', '.join(known)}{suggestion(name, known)}", repr(name)))
    with as_file(files(_FOLDER).joinpath(f"{name}.csv")) as path:
        table = pd.read_csv(path, keep_default_na=False)
    found = pd.DataFrame({"time": table["day"] * 24.0, "share": table["restored"] / table["of"], "note": table["note"]})
    found.attrs.update(shipped[f"{name}.csv"])
    return found
