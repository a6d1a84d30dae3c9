"""What a result gives a notebook: the city beside the figures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from resilience import assess
from resilience.pipeline import demo_scenario
from resilience.result import Result


@pytest.fixture(scope="module")
def result() -> Result:
    """Return the result of a small built-in city at the peak."""
    return assess(demo_scenario(size=600, samples=512))


def test_a_result_has_the_city_that_was_assessed(result: Result) -> None:
    network = result.network
    assert network is not None
    assert network.assets["id"].tolist() == result.dataset["asset"].values.tolist()
    assert network.zones["id"].tolist() == result.dataset["zone"].values.tolist()


def test_the_city_is_read_once_and_only_when_it_is_asked_for(result: Result) -> None:
    calls = []

    def read() -> object:
        calls.append(1)
        return result.network

    lazy = replace(result, network_source=read)
    assert calls == []
    assert lazy.network is lazy.network is result.network
    assert calls == [1]
    assert replace(result, network_source=None).network is None


def test_looking_at_a_result_needs_no_compiler() -> None:
    code = "import sys, resilience.result; print([m for m in ('numba', 'matplotlib', 'bokeh') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
