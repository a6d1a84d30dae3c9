"""The log of a run: one JSON object per line, for programs and for those who ask later what happened."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import threading
import traceback
import uuid
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from resilience.errors import ResilienceError, describe_problem

LOGS = "logs"
LOG_FILE = "run.jsonl"

STEPS = "resilience.run"
"""Logger of the steps of a run; all others of the package tell warnings alone."""

# Whose words belong to a run. Some of them do not hand on to the one above them.
_HEARD = (
    "resilience", STEPS, "dask", "distributed", "distributed.client", "distributed.worker", "distributed.scheduler",
    "distributed.nanny", "tornado", "tornado.application", "asyncio", "rasterio", "pyogrio", "numba",
)  # fmt: skip


class RunLog:
    """The log of one call, from its beginning; kept in memory until there is a directory for it.

    Notes
    -----
    Each line has `time` (UTC), `level`, `run`, `event`, `message`, `logger`, and what belongs to the event. Nothing is
    written to a terminal, and no logger but those of the package and of Dask is touched.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with RunLog() as log:
    ...         log.tell("block_finished", "block 3 of event 0", block=3)
    ...         log.keep_in(Path(folder), run="a1")
    ...     lines = (Path(folder) / "logs" / "run.jsonl").read_text().splitlines()
    >>> [json.loads(line)["event"] for line in lines], json.loads(lines[0])["block"]
    (['block_finished'], 3)
    """

    def __init__(self) -> None:
        self._call = uuid.uuid4().hex
        self._handler = _Lines(self._call)
        self._steps = logging.getLogger(STEPS)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> RunLog:
        for name in _HEARD:
            logger = logging.getLogger(name)
            logger.addHandler(self._handler)
            self._stack.callback(logger.removeHandler, self._handler)
        self._stack.enter_context(_steps_on())
        self._stack.callback(setattr, warnings, "showwarning", warnings.showwarning)
        warnings.showwarning = self._hear_warning(warnings.showwarning)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self._tell_error(error)
        finally:
            self._stack.close()
            self._handler.close()

    def tell(self, event: str, message: str, *, level: int = logging.INFO, **data: Any) -> None:
        """Write a line.

        Parameters
        ----------
        event : str
            Its name, for programs.
        message : str
            The same for people.
        level : int
        **data
            What JSON can hold.
        """
        self._steps.log(level, "%s", message, extra={"event": event, "data": data, "call": self._call})

    def keep_in(self, path: Path, *, run: str) -> None:
        """Write what there is, and all that comes, into a run directory, behind the lines of earlier calls.

        Parameters
        ----------
        path : pathlib.Path
        run : str
            Id of the run, the same for all its calls.
        """
        self._handler.keep_in(path / LOGS / LOG_FILE, run)

    def _tell_error(self, error: BaseException) -> None:
        if isinstance(error, ResilienceError):
            problems = [describe_problem(problem) for problem in error.problems]
            told = {"kind": type(error).__name__, "exit_code": error.exit_code, "problems": problems}
            self.tell("run_failed", str(error), level=logging.ERROR, **told)
        elif isinstance(error, Exception):
            lines = "".join(traceback.format_exception(error))
            self.tell("run_failed", str(error), level=logging.ERROR, kind=type(error).__name__, exception=lines)
        else:
            self.tell("run_interrupted", type(error).__name__, level=logging.WARNING, kind=type(error).__name__)

    def _hear_warning(self, show: Any) -> Any:
        def heard(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            self.tell("warning", str(message), level=logging.WARNING, kind=category.__name__)
            show(message, category, *place, **more)

        return heard


_open = 0
_before: tuple[int, bool] | None = None
_opening = threading.Lock()


@contextlib.contextmanager
def _steps_on() -> Iterator[None]:
    """Let steps through to the logs of runs; a terminal that was not asked for them does not get them."""
    global _open, _before
    steps = logging.getLogger(STEPS)
    with _opening:
        if not _open and not steps.isEnabledFor(logging.INFO):
            _before = steps.level, steps.propagate
            steps.setLevel(logging.INFO)
            steps.propagate = False
        _open += 1
    try:
        yield
    finally:
        with _opening:
            _open -= 1
            if not _open and _before is not None:
                steps.setLevel(_before[0])
                steps.propagate = _before[1]
                _before = None


class _Lines(logging.Handler):
    """Records as lines of JSON, in memory or in a file."""

    def __init__(self, call: str) -> None:
        super().__init__()
        self._call = call
        self._run = ""
        self._waiting: list[logging.LogRecord] | None = []
        self._file: IO[bytes] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        # One record may come along two ways, and runs may go on side by side in one process.
        heard_by: set[str] = vars(record).setdefault("heard_by", set())
        if self._call in heard_by or getattr(record, "call", self._call) != self._call:
            return
        heard_by.add(self._call)
        if self._waiting is not None:
            self._waiting.append(record)
        elif self._file is not None:
            # A full disk ends the run where its results are written, with a message: not here.
            with contextlib.suppress(OSError):
                self._file.write(_line(record, self._run))

    def keep_in(self, path: Path, run: str) -> None:
        with self.lock or contextlib.nullcontext():
            if self._waiting is None:
                return
            self._run = run
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                # Unbuffered: a line is one write, there even if the process is killed after it.
                self._file = path.open("ab", buffering=0)
                if not _ends_with_a_line(path):
                    self._file.write(b"\n")
                self._file.write(b"".join(_line(record, run) for record in self._waiting))
            self._waiting = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


def _ends_with_a_line(path: Path) -> bool:
    """Return whether the last line is whole: a process that was killed may have left a part of one."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _line(record: logging.LogRecord, run: str) -> bytes:
    moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    told: dict[str, Any] = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "run": run,
        "event": getattr(record, "event", "message"),
        "message": record.getMessage(),
        "logger": record.name,
    }
    more: Mapping[str, Any] = getattr(record, "data", {})
    told.update({key: value for key, value in more.items() if key not in told})
    if record.exc_info:
        told["exception"] = logging.Formatter().formatException(record.exc_info)
    return (json.dumps(told, ensure_ascii=False, default=str) + "\n").encode("utf-8", "backslashreplace")
