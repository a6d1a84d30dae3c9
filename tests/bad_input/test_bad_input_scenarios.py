"""Scenario files, arguments and places of output that are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Change = Callable[[Any], Any]
ROOT = Path(__file__).parents[2]


def text(change: Callable[[str], str]) -> Change:
    def apply(town: Any) -> None:
        town.text = change(json.dumps(town.scenario, indent=1))

    return apply


def setting(*assignments: str) -> Change:
    return lambda town: town.more.extend(part for assignment in assignments for part in ("--set", assignment))


def section(name: str, **values: Any) -> Change:
    return lambda town: town.scenario.setdefault(name, {}).update(values)


def bomb(_: str) -> str:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(["schema_version: 1", "a0: &a0 [x]", *levels]) + "\n"


def events(**changes: Any) -> Change:
    def change(town: Any) -> None:
        town.hazard.pop("return_periods")
        files = [f"depth_rp{period}.tif" for period in town.PERIODS]
        town.hazard.update(files=files, events=["june", "july", "august"], **changes)

    return change


CASES: list[tuple[str, Change, int, tuple[str, ...]]] = [
    ("unknown key", section("risk", confidense=0.9), 78, ("confidense", "unknown key", "did you mean 'confidence'")),
    ("unknown key at the top", lambda town: town.scenario.update(seeed=1), 78, ("seeed", "did you mean 'seed'")),
    ("duplicate key", text(lambda whole: whole.replace('"seed": 3,', '"seed": 3, "seed": 4,')), 78,
     ("'seed' again", "town.yaml:4", "every key once")),
    ("bomb of aliases", text(bomb), 78, ("at most 20,000 values",)),
    ("deep nesting", text(lambda _: "[" * 500), 78, ("levels",)),
    ("text without end", text(lambda whole: whole[:-3]), 78, ("well-formed YAML", "town.yaml")),
    ("tag", text(lambda _: "a: !!python/object/apply:os.system [ls]\n"), 78, ("without tags", "python/object")),
    ("no mapping", text(lambda _: "- a\n- b\n"), 78, ("keys: schema_version",)),
    ("empty", text(lambda _: ""), 78, ("town.yaml",)),
    ("too large", text(lambda whole: whole + " " * 300_000), 78, ("262,144 bytes",)),
    ("another encoding", lambda town: setattr(town, "text", "name: \u00e9".encode("latin-1")), 78, ("UTF-8", "1:7")),
    ("null bytes", text(lambda whole: whole.replace('"town"', '"to\x00wn"')), 78, ("town.yaml",)),
    ("samples not a multiple of 512", section("monte_carlo", samples=1000), 78, ("1000", "512 or 1024")),
    ("no samples", section("monte_carlo", samples=0), 78, ("samples", "greater than or equal to 512")),
    ("more samples than fit", section("monte_carlo", samples=2**40), 78, ("samples", "less than or equal")),
    ("block larger than the samples", section("monte_carlo", samples=512, block=1024), 78, ("at most samples = 512",)),
    ("confidence 1", section("risk", confidence=1), 78, ("confidence", "less than 1")),
    ("negative seed", lambda town: town.scenario.update(seed=-1), 78, ("seed", "-1")),
    ("seed with a fraction", lambda town: town.scenario.update(seed=1.5), 78, ("whole number",)),
    ("return periods beyond the catalogue", section("risk", catalogue_years=100), 78,
     ("risk.return_periods", "at most catalogue_years = 100")),
    ("return period of one year on the curve", section("risk", return_periods=[1, 10]), 78, ("years above 1",)),
    ("one resample", section("risk", bootstrap=1), 78, ("bootstrap", "greater than or equal to 2")),
    ("unknown rule of integration", section("risk", rule="simpson"), 78, ("'simpson'", "'trapezoid'")),
    ("variable that is not set", lambda town: town.hazard.update(files="${NO_SUCH_FOLDER}/d_{rp}.tif"), 78,
     ("NO_SUCH_FOLDER", "unset")),
    ("address on the web", lambda town: town.hazard.update(files="https://example.org/d_{rp}.tif"), 78,
     ("a file on this machine", "download")),
    ("virtual file", lambda town: town.hazard.update(files="/vsicurl/d_{rp}.tif"), 78, ("a file on this machine",)),
    ("rate without end", events(annual_rates=[1e12, 1.0, 1.0]), 78, ("annual_rates", "20,000,000")),
    ("rate 0", events(annual_rates=[0, 0.1, 0.1]), 78, ("annual_rates", "greater than 0")),
    ("rates of other events", events(annual_rates=[0.1, 0.2]), 78, ("annual_rates: 2", "3, one per entry")),
    ("event twice", lambda town: (events()(town), town.hazard.update(events=["june", "june", "july"])), 78, ("twice",)),
    ("families of one name", lambda town: town.scenario["hazards"].append(dict(town.hazard)), 78,
     ("an id of its own", "'river'")),
    ("set without a value", setting("seed"), 78, ("--set seed", "KEY=VALUE")),
    ("set of an unknown key", setting("risk.tial=none"), 78, ("risk.tial", "did you mean 'tail'")),
    ("set beyond a list", setting("hazards.7.unit=m"), 78, ("hazards.7.unit", "a number below 1")),
    ("every mistake at once", lambda town: (
        section("monte_carlo", samples=1000)(town), section("risk", confidense=1)(town),
        town.hazard.update(unit="K"), town.scenario["rules"][0].update(service="powr")), 78,
     ("samples", "confidense", "hazards.0.unit", "'powr'")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "code", "words"), CASES, ids=[case[0] for case in CASES])
def test_a_wrong_scenario_is_refused(town: Any, name: str, change: Change, code: int, words: tuple[str, ...]) -> None:
    change(town)
    told = town.refused(code, *words).err
    print(f"{name}: {told.replace(str(town.root) + '/', '')}")


def scenario_loop(town: Any) -> str:
    (town.root / "a.yaml").symlink_to("b.yaml")
    (town.root / "b.yaml").symlink_to("a.yaml")
    return "a.yaml"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda town: "nowhere.yaml", ("nowhere.yaml", "no such file")),
        (lambda town: ".", ("cannot be opened", "directory")),
        (scenario_loop, ("a.yaml", "symbolic links")),
        (lambda town: "x" * 300 + ".yaml", ("cannot be opened", "too long")),
    ],
    ids=["missing", "folder", "loop", "long name"],
)
def test_a_scenario_that_cannot_be_read_is_66(town: Any, make: Change, words: tuple[str, ...]) -> None:
    name = make(town)
    outcome = town.call("run", name, "-o", str(town.out))
    assert outcome.code == 66, outcome.err
    assert all(word in outcome.err for word in words), outcome.err
    assert (outcome.out, outcome.created) == ("", [])


@pytest.mark.parametrize("name", ["depth_rp100.tif", "sites.geojson", "needs.csv"])
def test_links_that_go_round_in_files_are_told(town: Any, name: str) -> None:
    (town.root / name).unlink()
    (town.root / name).symlink_to("round")
    (town.root / "round").symlink_to(name)
    town.refused(66, name)


@pytest.mark.parametrize("name", ["depth_rp100.tif", "sites.geojson", "needs.csv", "town.yaml"])
@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_files_that_may_not_be_read_are_66(town: Any, name: str) -> None:
    town.save()
    (town.root / name).chmod(0)
    outcome = town.call("run", "town.yaml", "-o", str(town.out))
    assert outcome.code == 66, outcome.err
    assert name in outcome.err


@pytest.mark.parametrize("arguments", [["run", "town.yaml"], ["run"], ["check", "a", "b"], ["rnu", "town.yaml"],
                                       ["run", "town.yaml", "-o", "run", "--workers", "many"]])  # fmt: skip
def test_wrong_usage_is_2(town: Any, arguments: list[str]) -> None:
    town.save()
    outcome = town.call(*arguments)
    assert (outcome.code, outcome.created, outcome.out) == (2, [], "")
    assert "Usage" in outcome.err


def occupied(town: Any) -> Path:
    folder: Path = town.root / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    return folder


def other_program(town: Any) -> Path:
    folder: Path = town.root / "extension"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"manifest_version": 3}', encoding="utf-8")
    return folder


def own_results(town: Any) -> Path:
    folder: Path = occupied(town)
    (folder / "results.zarr").mkdir()
    (folder / "results.zarr" / "zarr.json").write_text("{}", encoding="utf-8")
    return folder


def loop(town: Any) -> Path:
    path: Path = town.root / "round"
    path.symlink_to("round")
    return path


PLACES: list[tuple[str, Callable[[Any], Path], tuple[str, ...]]] = [
    ("a file", lambda town: town.root / "needs.csv", ("needs.csv", "a file")),
    ("below a file", lambda town: town.root / "needs.csv" / "run", ("below the file",)),
    ("a folder of other things", occupied, ("mine", "other things")),
    ("a manifest of another program", other_program, ("extension", "other things")),
    ("results of another program", own_results, ("mine", "other things")),
    ("the folder of the scenario", lambda town: town.root, ("other things",)),
    ("a link to itself", loop, ("round",)),
    ("a link to nowhere", lambda town: [(town.root / "gone").symlink_to("nowhere"), town.root / "gone"][1], ("gone",)),
    ("a name too long", lambda town: town.root / ("x" * 300), ("too long",)),
    ("a device", lambda town: Path("/dev/null"), ("/dev/null",)),
    ("a system that takes no folders", lambda town: Path("/proc/run"), ("/proc/run",)),
]


@pytest.mark.parametrize(("name", "make", "words"), PLACES, ids=[case[0] for case in PLACES])
def test_a_place_that_cannot_take_a_run_is_73(
    town: Any, name: str, make: Callable[[Any], Path], words: tuple[str, ...]
) -> None:
    town.save()
    out = make(town)
    outcome = town.call("run", "town.yaml", "-o", str(out))
    assert outcome.code == 73, outcome.err
    assert all(word in outcome.err for word in words), outcome.err
    assert (outcome.out, outcome.created) == ("", [])
    assert "Traceback" not in outcome.err
    assert "; wanted: " in outcome.err


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_is_73(town: Any) -> None:
    folder = town.root / "closed"
    folder.mkdir(mode=0o500)
    outcome = town.call("run", str(town.save()), "-o", str(folder / "run"))
    assert (outcome.code, outcome.out) == (73, "")
    assert list(folder.iterdir()) == []


def limited(town: Any, n_bytes: int, *more: str) -> subprocess.CompletedProcess[str]:
    """Run in a process whose files may not grow beyond `n_bytes`, as on a full disk."""
    town.save()
    program = (
        "import resource, signal, sys\n"
        "from resilience.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({n_bytes}, {n_bytes}))\n"
        f"sys.exit(main(['run', 'town.yaml', '-o', 'run', *{more!r}]))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=town.root, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_full_disk_is_74_and_leaves_nothing_that_looks_whole(town: Any) -> None:
    """The second run replaces the first and fails: the directory must not keep the manifest of the first."""
    first = town.run()
    assert (first.code, (town.out / "manifest.json").exists()) == (0, True), first.err
    done = limited(town, 700, "--restart")
    assert done.returncode == 74, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (town.out / "manifest.json").exists()


def test_a_full_disk_leaves_a_finished_run_whole_that_is_called_again(town: Any) -> None:
    assert town.run().code == 0
    done = limited(town, 700)
    assert done.returncode == 74, done.stderr
    assert "Traceback" not in done.stderr
    assert town.call("run", "--verify", str(town.out)).code == 0


def test_a_wrong_input_leaves_an_earlier_run_as_it_is(town: Any) -> None:
    assert town.run().code == 0
    town.spoil_map(lambda values: values * 20)
    town.refused(65, "inputs that have changed", verbs=("run",))
    outcome = town.run("--restart")
    assert (outcome.code, outcome.created, outcome.out) == (65, [], "")
    assert "feet called metres" in outcome.err
    assert (town.out / "manifest.json").exists()
    town.refused(65, "feet called metres", verbs=("check",))
