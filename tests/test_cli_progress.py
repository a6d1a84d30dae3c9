"""Progress: lines in a log, a bar on a terminal."""

from __future__ import annotations

import io

import pytest

from resilience.cli.progress import LineProgress, show_progress


def test_lines_come_at_every_tenth_and_at_the_end() -> None:
    lines: list[str] = []
    progress = LineProgress(lines.append, clock=lambda: 0.0)
    for done in range(1001):
        progress(done, 1000)
    assert len(lines) == 11
    assert lines[0] == "0 of 1,000 blocks (0 %) after 0 s"
    assert lines[-1] == "1,000 of 1,000 blocks (100 %) after 0 s"


def test_a_slow_run_still_says_something_every_minute() -> None:
    lines: list[str] = []
    seconds = iter(range(0, 10_000, 20))
    progress = LineProgress(lines.append, clock=lambda: float(next(seconds)))
    for done in range(10):
        progress(done, 1000)
    assert [line.split(" of ")[0] for line in lines] == ["0", "3", "6", "9"]
    assert lines[-1].endswith("after 200 s")


def test_a_resumed_run_starts_where_it_is_and_ends_once() -> None:
    lines: list[str] = []
    progress = LineProgress(lines.append, clock=lambda: 0.0)
    for done in (39, 40, 40):
        progress(done, 40)
    assert lines == ["39 of 40 blocks (98 %) after 0 s", "40 of 40 blocks (100 %) after 0 s"]


def test_nothing_to_do_is_all_done() -> None:
    lines: list[str] = []
    LineProgress(lines.append, clock=lambda: 0.0)(0, 0)
    assert lines == ["0 of 0 blocks (100 %) after 0 s"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with show_progress() as progress:
        progress(3, 7)
    assert "blocks" in terminal.getvalue()
    assert "3/7" in terminal.getvalue()


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with show_progress() as progress:
        progress(3, 6)
    assert terminal.getvalue() == "3 of 6 blocks (50 %) after 0 s\n"
