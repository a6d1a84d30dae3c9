"""Workers of another environment get no block."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import resilience
from resilience.engine.connection import connect
from resilience.engine.versions import compare_versions, version_report
from resilience.errors import ClusterError
from resilience.kernels.compiler import INTERPRETED
from resilience.resume import describe_code
from tests.cluster.runs import assert_same_bits, solved
from tests.cluster.servers import ROOT, Server, await_that

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(INTERPRETED, reason="blocks take minutes without compiled kernels"),
]


def test_versions_are_compared_by_package_and_told_together() -> None:
    wanted = {"numba": "1", "numpy": "2"}
    found = {"a": {"numba": "1", "numpy": "3"}, "b": {"numba": "0", "numpy": "3"}, "c": dict(wanted)}
    assert [str(one) for one in compare_versions(wanted, found)] == [
        "numba: 1 of 3 workers have another (first: b has 0); wanted: 1 on every worker, as here",
        "numpy: 2 of 3 workers have another (first: a has 3, b has 3); wanted: 2 on every worker, as here",
    ]
    assert compare_versions(wanted, {"a": wanted}) == []


def test_the_report_follows_the_sources(tmp_path: Path) -> None:
    code = (
        "from resilience.engine.versions import version_report; from resilience.resume import describe_code;"
        "print(version_report()()['sources of resilience'], describe_code()['sources'])"
    )
    copy = tmp_path / "src" / "resilience"
    shutil.copytree(ROOT / "resilience", copy, symlinks=False, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(copy.parent)}

    def report() -> list[str]:
        told = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return str(told.stdout).split()

    here = [version_report()()["sources of resilience"], describe_code()["sources"]]
    assert report() == here, "a checkout and an installed copy are the same"
    with (copy / "kernels" / "rows.py").open("a") as file:
        file.write("\n")
    assert all(changed != before for changed, before in zip(report(), here, strict=True))


def test_workers_with_another_version_are_refused(by_hand: Server, monkeypatch) -> None:
    monkeypatch.setattr(resilience, "__version__", "99.0")
    with pytest.raises(ClusterError, match=r"urban-resilience: 3 of 3 workers have another .*tcp://.* has 0\.1\.0"):
        connect(by_hand.address).__enter__()


def test_a_worker_of_another_environment_gets_no_block(city, expected, by_hand: Server, tmp_path: Path) -> None:
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("__version__ = '0.1'\n")
    with connect(by_hand.address) as cluster:
        (other,) = by_hand.add(1, PYTHONPATH=str(tmp_path))
        try:
            await_that(lambda: len(cluster._client.nthreads()) == 4, other)
            assert_same_bits(solved(city, cluster), expected)
            cluster._look(now=True)
            assert cluster.workers == 3
            with pytest.raises(ClusterError, match=r"numba: 1 of 4 workers have another \(first: tcp://.* has 0\.1\)"):
                connect(by_hand.address).__enter__()
        finally:
            other.kill()
        await_that(lambda: len(cluster._client.nthreads()) == 3)
