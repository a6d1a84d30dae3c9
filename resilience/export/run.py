"""Export of a finished run: which formats there are, and where the files go."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resilience.choices import choose
from resilience.errors import ConfigurationError, Problem
from resilience.export.climada import write_climada
from resilience.export.netcdf import write_netcdf
from resilience.export.rasters import write_rasters
from resilience.export.rdls import write_rdls
from resilience.export.source import About, Source
from resilience.export.tables import write_ord
from resilience.export.targets import LISTING, check_target, whole
from resilience.export.vectors import write_geopackage, write_geoparquet
from resilience.reading import read_run


@dataclass(frozen=True)
class Format:
    """A format of other programs.

    Parameters
    ----------
    write : callable
        Writes a source to a file, or into a folder that is there, and returns the files with what they hold.
    ending : str
        Of the file; empty where a folder is written.
    """

    write: Callable[[Source, Path], dict[str, str]]
    ending: str = ""

    @property
    def suffix(self) -> str:
        """What the name of a file must end in; empty where a folder is written."""
        return Path(f"run{self.ending}").suffix


FORMATS = {
    "netcdf": Format(write_netcdf, ".nc"),
    "cog": Format(write_rasters),
    "gpkg": Format(write_geopackage, ".gpkg"),
    "geoparquet": Format(write_geoparquet),
    "csv": Format(write_ord),
    "rdls": Format(write_rdls, ".rdls.json"),
    "climada": Format(write_climada),
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    path : pathlib.Path
        The file or folder.
    files : dict of str to str
        Names of the files, in the folder where it is one, and what they hold.
    """

    path: Path
    files: dict[str, str]


def export_run(
    run: str | Path,
    to: str,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    events: Sequence[str] = (),
    about: About | None = None,
) -> Exported:
    """Write a finished run in a format of other programs.

    Parameters
    ----------
    run : path
        The run directory; nothing in it is changed.
    to : str
        One of :data:`FORMATS`.
    out : path, optional
        File or folder; by default beside the run directory, named after it and the format.
    overwrite : bool
        Whether an earlier export may be replaced; other things never are.
    events : sequence of str
        Whose figures are written, where a format has figures of single events; by default what is told of each.
    about : About, optional
        What a catalogue of data must be told.

    Returns
    -------
    Exported

    Raises
    ------
    MissingInputError, DataError, StorageError
        The run cannot be read.
    LockedError
        A run is writing to it.
    ConfigurationError
        No such format or event; a file name with the ending of another; something is missing that the format needs.
    CannotCreateError, StorageError
        The export cannot be written; what was there still is.

    Examples
    --------
    >>> import tempfile
    >>> from resilience.pipeline import assess, demo_scenario
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = assess(demo_scenario(size=600, samples=512), out=f"{folder}/town")
    ...     export_run(f"{folder}/town", "csv").path.name
    'town-csv'
    """
    form = FORMATS[choose(to, list(FORMATS), what="format")]
    source = Source(read_run(Path(run)), events, about or About())
    # What is wrong with the run or with the events asked for is told before a place to write to is looked for.
    source.events()
    place = Path(run).absolute()
    name = f"{place.name}{form.ending}" if form.ending else f"{place.name}-{to}"
    target = place.with_name(name) if out is None else Path(out)
    if target.suffix != form.suffix and form.suffix:
        # Other programs tell formats by it.
        raise ConfigurationError(Problem(str(out), wanted=f"a name that ends in {form.suffix}", got="another name"))
    inputs = [one.path for one in source.run.manifest.inputs]
    check_target(target, place, folder=not form.ending, overwrite=overwrite, inputs=inputs)
    with whole(target) as written:
        if form.ending:
            (told,) = form.write(source, written).values()
            return Exported(target, {target.name: told})
        written.mkdir()
        files = form.write(source, written)
        listing = {"format": to, **source.attributes(), "files": files}
        text = json.dumps(listing, indent=2, ensure_ascii=False) + "\n"
        (written / LISTING).write_text(text, encoding="utf-8")
    return Exported(target, files)
