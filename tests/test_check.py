"""Help, a wrong scenario and a check do not wait for Numba; what it leaves out it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from resilience.check import TRIED, check
from resilience.cli import main
from resilience.cli.app import app
from resilience.errors import ResilienceError
from resilience.kernels.rows import SAMPLES
from resilience.scenario import Scenario
from tests.conftest import write_maps

SCENARIO = "schema_version: 1\nname: demo\nnetwork: {synthetic: {size: 500}}\n"
FILES = """schema_version: 1
name: files
crs: EPSG:5179
hazards:
  - {family: river, peril: flood, files: "rp{rp}.tif", return_periods: [10, 100], unit: m, nodata: dry,
     duration_hours: 24}
network:
  assets: {path: assets.csv, columns: {id: id, sector: sector, kind: kind, geometry: geometry}, crs: EPSG:5179,
           curves: {flood_fragility: function_substation}}
  zones: {path: zones.csv, columns: {id: id, persons: persons, geometry: geometry}, crs: EPSG:5179}
rules: [{service: power, from: {kind: substation}, to: zones}]
services: {power: {by: assignment}}
time: {}
joint: []
"""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    folder.mkdir()
    for period, depth in ((10, 0.0), (100, 1.0)):
        write_maps(folder / f"rp{period}.tif", [[depth, depth]])
    place = "POINT (950005 1949995)"
    (folder / "assets.csv").write_text(f"id,sector,kind,geometry\ns1,power,substation,{place}\n", encoding="utf-8")
    (folder / "zones.csv").write_text(f"id,persons,geometry\nz1,100,{place}\n", encoding="utf-8")
    path = folder / "town.yaml"
    path.write_text(FILES, encoding="utf-8")
    return path


def loaded(*calls: Sequence[str]) -> tuple[list[int], bool]:
    """Return the exit code of each call of the command, one after the other, and whether any imported Numba."""
    program = (
        "import json, sys\nfrom resilience.cli import main\ncodes = [main(call) for call in json.loads(sys.argv[1])]\n"
        "print(json.dumps([codes, 'numba' in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(calls)], capture_output=True, text=True, check=True, timeout=120
    )
    codes, numba = json.loads(done.stderr.splitlines()[-1])
    return codes, numba


def test_help_does_not_import_numba() -> None:
    verbs = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert {"check", "compare", "demo", "export", "report", "run"} < set(verbs)
    assert loaded(*([verb, "--help"] for verb in verbs)) == ([0] * len(verbs), False)


def test_a_check_does_not_import_numba(tmp_path: Path, town: Path) -> None:
    city = tmp_path / "city.yaml"
    city.write_text(SCENARIO, encoding="utf-8")
    assert loaded(["check", str(city)], ["check", str(town)]) == ([0, 0], False)
    assert loaded(["check", str(town), "--full"]) == ([0], True)


def test_a_wrong_scenario_and_missing_inputs_are_told_without_numba(tmp_path: Path, town: Path) -> None:
    unit, gone, wrong, crews, repair = (tmp_path / name for name in ("unit", "gone", "wrong", "crews", "repair"))
    for folder in (unit, gone, wrong, crews, repair):
        shutil.copytree(town.parent, folder)
    (unit / "town.yaml").write_text(FILES.replace("unit: m", "unit: ell"), encoding="utf-8")
    (gone / "zones.csv").unlink()
    (wrong / "zones.csv").write_text("id,persons,geometry\nz1,-5,POINT (950005 1949995)\n", encoding="utf-8")
    for folder, section in ((crews, "{crews: {powr: 1}}"), (repair, "{crews: {power: 1}, file: own.csv}")):
        (folder / "town.yaml").write_text(FILES.replace("time: {}", f"time: {{repair: {section}}}"), encoding="utf-8")
    folders = (tmp_path / "nowhere", unit, gone, wrong, crews, repair)
    calls = [["check", str(folder / "town.yaml")] for folder in folders]
    assert loaded(*calls) == ([66, 78, 66, 65, 78, 66], False)


def test_a_check_says_what_it_did_not_do(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(town)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("so far; with --full maps are read where assets stand")
    assert main(["check", str(town), "--full"]) == 0
    assert capsys.readouterr().out.endswith("nothing wrong was found\n")
    assert main(["check", str(town), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["answer"]
    assert (told["quick"], told["finer_grid_changes"]) == (True, None)
    assert TRIED == SAMPLES


def test_what_maps_do_at_assets_is_for_the_full_check(town: Path) -> None:
    write_maps(town.parent / "rp100.tif", [[-9999.0, 1.0]], nodata=-9999.0)
    town.write_text(FILES.replace("nodata: dry", "nodata: error"), encoding="utf-8")
    scenario = Scenario.from_yaml(town)
    assert check(scenario, quick=True).quick
    with pytest.raises(ResilienceError, match="cells without data"):
        check(scenario)
    assert main(["check", str(town)]) == 0
    assert main(["check", str(town), "--full"]) == 65
