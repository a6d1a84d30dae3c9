"""Threads, processes or a cluster, as asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resilience.cli import main
from resilience.engine import open_pool
from resilience.errors import ConfigurationError


def test_one_kind_of_pool_at_a_time() -> None:
    for wrong in (
        {"threads": 1, "workers": 1},
        {"workers": 0},
        {"threads": -1},
        {"threads": 1, "dashboard": ":1"},
        {"workers": 1, "dashboard": "here"},
        {"workers": 1, "dashboard": "a:b:1"},
    ):
        with pytest.raises(ConfigurationError), open_pool(**wrong):
            pass


@pytest.mark.parametrize("options", [
    ["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], ["--threads", "1", "--workers", "1"], ["--workers", "0"],
    ["--dashboard", ":1"], ["--scheduler", "x", "--dashboard", ":1"], ["--workers", "1", "--dashboard", "x:99999"],
])  # fmt: skip
def test_options_that_contradict_are_wrong_usage(options: list[str], capsys) -> None:
    assert main(["demo", *options]) == 2
    assert "--" in capsys.readouterr().err


def test_an_option_goes_before_the_environment(monkeypatch, capsys) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "of-the-environment")
    assert main(["demo", "--size", "600"]) == 69
    assert "cluster of-the-environment: " in capsys.readouterr().err
    assert main(["demo", "--size", "600", "--scheduler", "of-the-option"]) == 69
    assert "cluster of-the-option: " in capsys.readouterr().err
    assert main(["demo", "--size", "600", "--threads", "1"]) == 0


def test_threads_do_not_import_distributed() -> None:
    code = "import sys, resilience.pipeline; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
