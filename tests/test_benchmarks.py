"""Every benchmark once, very small: it runs, and answers are equal with every peer that is installed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks.measuring import measure, processor, slowest_over_fastest
from benchmarks.models import dependency_system, road
from benchmarks.patterns import PATTERNS
from benchmarks.registry import SIZES, Contest, Goal, Peer, Row, all_cases
from benchmarks.table import MARKER, as_markdown, number, one_line, replace_table

CASES = all_cases()
OWN = ("numpy", "numba")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_case_runs(name: str) -> None:
    rows = list(measure(CASES[name].build(SIZES["tiny"]), SIZES["tiny"], only=lambda peer: peer.module in OWN))
    assert rows or CASES[name].modules
    for row in rows:
        assert row.work
        assert row.ratio is None or row.ratio == row.ratio


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "module"), [(c.name, module) for c in CASES.values() for module in c.modules])
def test_peer_gives_the_same_answer(name: str, module: str) -> None:
    pytest.importorskip(module)
    rows = list(measure(CASES[name].build(SIZES["tiny"]), SIZES["tiny"], only=lambda peer: peer.module == module))
    assert any(row.ratio is not None for row in rows)


def test_wrong_answers_are_refused() -> None:
    peer = Peer("wrong", lambda: lambda: np.ones(2), 1, Goal(">=", 1.0), agree=np.testing.assert_array_equal)
    with pytest.raises(AssertionError):
        list(measure([Contest("zeros", lambda: np.zeros(2), 1, "array", (peer,))], SIZES["tiny"]))


def test_absent_peers_leave_a_row_without_a_ratio() -> None:
    peer = Peer("nobody", lambda: lambda: None, 1, Goal(">=", 1.0), "no_such_package")
    (row,) = measure([Contest("nothing", lambda: None, 1, "run", (peer,))], SIZES["tiny"])
    assert row.ratio is None
    assert "not installed" in row.note


def test_goals_are_halved_without_wide_vectors() -> None:
    assert not Goal(">=", 10.0).met(6.0, half=False)
    assert Goal(">=", 10.0).met(6.0, half=True)
    assert Goal("<=", 2.0).met(2.0, half=False)
    assert not Goal("<=", 2.0).met(2.1, half=False)


def test_table_tells_what_is_met() -> None:
    rows = [Row("a", "b", 12345.0, Goal(">=", 2.0)), Row("c", "d", 1.0, Goal(">=", 2.0)), Row("e", "f", note="later")]
    text = as_markdown(rows, processor="some", wide=True, size=SIZES["full"])
    assert "| a | b | 12,300x | >= 2x | yes |" in text
    assert "| c | d | 1x | >= 2x | NO |" in text
    assert one_line(rows[2], half=False) == "e | f | later"
    assert number(0.5) == "0.5"


def test_table_is_replaced_and_the_text_above_it_stays(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Title\n\n{MARKER}\n\nold table")
    replace_table(page, "new table")
    replace_table(page, "new table")
    assert page.read_text() == f"# Title\n\n{MARKER}\n\nnew table"


def test_road_graphs_have_the_degree_and_patterns_the_share_they_are_named_for() -> None:
    for degree in (2.5, 3.0):
        graph = road(20_000, degree=degree)
        assert abs(2 * graph.tail.size / graph.n - degree) < 0.1
        hit = PATTERNS["footprint"](graph, 10.0)[: graph.n] > 0
        assert abs(hit.mean() - 0.1) < 0.01
        assert (PATTERNS["uniform"](graph, 2.0) == 0.02).all()


def test_dependency_systems_have_loops_and_five_dependencies_per_asset() -> None:
    system = dependency_system(2000)
    assert 4 <= system.provider.size / system.n <= 6
    owner = np.repeat(system.owner, np.diff(system.indptr))
    assert (system.provider > owner).any()
    assert (system.required <= np.diff(system.indptr)).all()


def test_slowest_over_fastest_is_at_least_one() -> None:
    ratio, fastest, times = slowest_over_fastest([lambda: sum(range(10)), lambda: sum(range(100_000))], 3)
    assert ratio >= 1
    assert fastest == min(times)


def test_program_writes_rows_and_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "quick", SIZES["tiny"])
    written = tmp_path / "rows.json"
    assert program.main(["--quick", "--only", "exceedance", "--json", str(written)]) == 0
    content = json.loads(written.read_text())
    assert content["processor"] == processor()[0]
    assert [row["case"] for row in content["rows"]] == ["exceedance"]


def test_cases_that_run_alone_give_their_rows_back(tmp_path: Path) -> None:
    written = tmp_path / "rows.json"
    assert program.main(["--quick", "--only", "exceedance", "--only", "fragility", "--json", str(written)]) == 0
    rows = json.loads(written.read_text())["rows"]
    assert {row["case"] for row in rows} == {"exceedance", "fragility"}
    assert all(row["goal"] is None or row["goal"]["sense"] in (">=", "<=") for row in rows)


def test_unknown_case_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["--only", "nonsense"])
    assert "nonsense" in capsys.readouterr().err
