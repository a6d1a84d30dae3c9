"""The page: what is told, put into the template, written as one file that needs nothing else."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from resilience.disk import told_as_storage_error, write_whole
from resilience.errors import CannotCreateError, Problem
from resilience.ledger import LEDGER
from resilience.reading import FinishedRun, read_run
from resilience.report.change import Change, tell_change
from resilience.report.content import tell_run
from resilience.report.drawing import library_script
from resilience.report.rounding import tell_share
from resilience.report.words import Words
from resilience.run_log import LOGS
from resilience.store import FILES, LOCK, NETWORK, PARTIAL, REPORT, RESULTS

BEGINNING = b"<!doctype html>"
FOLDERS = (RESULTS, PARTIAL, NETWORK, LEDGER, LOGS)


def write_report(run: Path, *, lang: str = "en", against: Path | None = None, out: Path | None = None) -> Path:
    """Write the report of a finished run, one file, and return where it is.

    Parameters
    ----------
    run : pathlib.Path
        Run directory.
    lang : {"en", "ko"}
    against : pathlib.Path, optional
        Run directory of an earlier run: what has changed since is told.
    out : pathlib.Path, optional
        By default `report.html` of the run directory.

    Raises
    ------
    MissingInputError
        There is no run, or it has not ended.
    DataError
        A run directory holds something else, or the runs cannot be compared.
    LockedError
        A run is writing to a directory.
    CannotCreateError
        `out` is a part of a run, in a folder that is not there, or something else than a report is there.
    StorageError
        Reading or writing failed.
    ConfigurationError
        Another language.

    Examples
    --------
    >>> import tempfile
    >>> from resilience.pipeline import assess, demo_scenario
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = assess(demo_scenario(size=600, samples=512), out=folder)
    ...     write_report(result.path).name
    'report.html'
    """
    words = Words(lang)
    if out is not None:
        check_place(out, [one for one in (run, against) if one is not None])
    told = read_run(run)
    changed = None if against is None else tell_change(read_run(against), told)
    place = run / REPORT if out is None else out
    page = write_page(told, words, changed).encode("utf-8", "replace")
    with told_as_storage_error(place):
        write_whole(place, page)
    return place


def check_place(out: Path, runs: Sequence[Path]) -> None:
    """Raise CannotCreateError where a report would take the place of something else, or become a part of a run.

    Parameters
    ----------
    out : pathlib.Path
        Where it is to be written.
    runs : sequence of pathlib.Path
        Run directories that are read for it.
    """
    real = Path(os.path.realpath(out))
    for run in runs:
        own = {Path(os.path.realpath(run / name)) for name in (*FILES, *FOLDERS, LOCK)}
        if own & {real, *real.parents}:
            wanted = "a place apart from the files of the run"
            raise CannotCreateError(Problem(str(out), wanted=wanted, got=f"a part of {run}"))
    if not out.parent.is_dir():
        got = f"{out.parent}, which is no folder"
        raise CannotCreateError(Problem(str(out), wanted="a place in a folder that is there", got=got))
    if os.path.lexists(out) and not _is_page(out):
        raise CannotCreateError(Problem(str(out), wanted="a new name, or a report to replace", got="something else"))


def _is_page(path: Path) -> bool:
    if not path.is_file():
        return False
    with told_as_storage_error(path, wanted="a report to replace"), path.open("rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING


def write_page(run: FinishedRun, words: Words, change: Change | None = None) -> str:
    """Return the page of a run."""
    package = "resilience.report"
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "."), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    style, script = (
        Markup(files(package).joinpath(name).read_text(encoding="utf-8")) for name in ("page.css", "page.js")
    )
    content, data = tell_run(run, words, change)
    library = Markup(library_script())
    return environment.get_template("page.html.j2").render(
        w=words, percent=tell_share, style=style, script=script, library=library, data=inert_json(data),
        scripts=Markup(" ").join(map(script_source, (library, script))), **content,
    )  # fmt: skip


def script_source(script: str) -> Markup:
    """Return what a content security policy calls a script: this one may run, and no other that stands in the page.

    Examples
    --------
    >>> script_source("alert(1)")
    Markup("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='")
    """
    return Markup(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'")


def inert_json(content: Any) -> Markup:
    r"""Return JSON that can stand in a script element: nothing in it ends the element or begins a comment.

    Examples
    --------
    >>> inert_json({"a": "</script><!--"})
    Markup('{"a":"\\u003c/script\\u003e\\u003c!--"}')
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
