"""From what a verb did or raised to an exit code and a message; a traceback only ever goes to a log."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TextIO

import typer

from resilience.cli.answer import Failure
from resilience.cli.terminal import complain, say, unless_full
from resilience.errors import ResilienceError, StorageError

INTERNAL = 70
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
BROKEN_PIPE = 128 + 13

# Newer releases of typer carry their own copy of click: its exceptions are only to be had through typer.
_UsageError: Any = typer.BadParameter.__mro__[1]


class Terminated(BaseException):
    """SIGTERM arrived; a base exception, so that nothing on the way takes it for an error."""


def exit_code_of(call: Callable[[], Any], *, report: Callable[[Failure], None] | None = None) -> int:
    """Return the exit code of `call`, after saying on standard error what went wrong, if anything did.

    Parameters
    ----------
    call : callable
        Returns an exit code or None.
    report : callable, optional
        Is told of the failure too.
    """
    try:
        try:
            with _shown_warnings(), _logged_unraisables(), _raised_sigterm():
                code = call()
                sys.stdout.flush()
            return code if isinstance(code, int) else 0
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt, Terminated) as error:
            failure = _complain_of(error)
            if report is not None:
                try:
                    report(failure)
                    sys.stdout.flush()
                except BrokenPipeError:
                    raise
                except OSError:
                    pass  # it was said on standard error
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                raise
            except OSError:
                _send_nowhere(sys.stdout)
            return failure.exit_code
    except (BrokenPipeError, SystemExit) as stop:
        # Typer turns a broken pipe into an exit of its own.
        if isinstance(stop, SystemExit) and not isinstance(stop.__context__, BrokenPipeError):
            return stop.code if isinstance(stop.code, int) else INTERNAL
        # The reader of our output is gone.
        _send_nowhere(sys.stdout)
        return BROKEN_PIPE


def _send_nowhere(stream: TextIO) -> None:
    """Let what waits in a stream go nowhere: Python's own flush at exit says nothing then and keeps the exit code."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain_of(error: BaseException) -> Failure:
    """Say on standard error what an error means to the user, and return it."""
    if isinstance(error, ResilienceError):
        for problem in error.problems:
            complain(str(problem))
        return Failure(error.exit_code, type(error).__name__, str(error), error.problems)
    if isinstance(error, _UsageError):
        with unless_full():
            error.show()
        return Failure(int(error.exit_code), "UsageError", str(error.format_message()))
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        say("interrupted")
        return Failure(INTERRUPTED, "Interrupted", "interrupted")
    if isinstance(error, Terminated):
        say("terminated")
        return Failure(TERMINATED, "Terminated", "terminated")
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        message = f"{place}{error.strerror or error}"
        complain(message)
        return Failure(StorageError.exit_code, "StorageError", message)
    return _internal(error)


def _internal(error: BaseException) -> Failure:
    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    path: str | None = None
    try:
        handle, path = tempfile.mkstemp(prefix="resilience-", suffix=".log", text=True)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            traceback.print_exception(error, file=log)
        where = f"the log is {path}"
    except OSError as trouble:
        where = f"no log could be written ({trouble.strerror})"
    message = f"internal error, a defect of the program: {what}"
    complain(f"{message}; {where}")
    return Failure(INTERNAL, "InternalError", message, log=path)


@contextlib.contextmanager
def _shown_warnings() -> Iterator[None]:
    """Say warnings in one line, without the line of code that raised them."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        say(f"warning: {message}")

    with warnings.catch_warnings():
        # SciPy's, of a file that stays open until its last array is gone: nothing that a user could act on.
        warnings.filterwarnings("ignore", message="Cannot close a netcdf_file")
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _logged_unraisables() -> Iterator[None]:
    """Log what nobody can catch, such as rasterio's own trouble with bytes of a broken file in GDAL's message."""

    def log(unraisable: Any) -> None:
        logging.getLogger("resilience").debug("in %r: %r", unraisable.object, unraisable.exc_value)

    def log_traced(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
        logging.getLogger("resilience").debug("%r", error)

    before = sys.unraisablehook, sys.excepthook
    # Compiled code of rasterio calls both; an error that can be caught never gets as far.
    sys.unraisablehook, sys.excepthook = log, log_traced
    try:
        yield
    finally:
        sys.unraisablehook, sys.excepthook = before


@contextlib.contextmanager
def _raised_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that what is open is closed; elsewhere than in the main thread, do nothing."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
