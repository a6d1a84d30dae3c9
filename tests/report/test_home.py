"""A report needs no home."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from resilience.report.home import told_home


def test_who_has_no_home_is_told_the_root_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with told_home():
        assert Path.home() == Path("/")
    assert "HOME" not in os.environ
    with pytest.raises(RuntimeError):
        Path.home()


def test_a_home_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    with told_home():
        assert Path.home() == Path("/somewhere")
    assert os.environ["HOME"] == "/somewhere"


def test_the_report_is_imported_without_one() -> None:
    code = (
        "import os, pwd\n"
        "os.environ.pop('HOME', None)\n"
        "def nobody(_): raise KeyError\n"
        "pwd.getpwuid = nobody\n"
        "import resilience.report\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
