"""A scenario reads its own folder and what whoever runs it allows, wherever its paths would lead."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resilience.errors import ConfigurationError
from resilience.scenario import Scenario

pytestmark = pytest.mark.faults

Change = Callable[[Any], Any]


def needs(path: str) -> Change:
    def change(town: Any) -> None:
        town.scenario["network"]["needs"] = path

    return change


def move_away(town: Any, name: str) -> Path:
    """Move a file beside the town's folder and return where it is."""
    elsewhere = town.root.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    return Path(shutil.move(town.root / name, elsewhere / name))


def link_of_file(town: Any) -> None:
    (town.root / "needs.csv").symlink_to(move_away(town, "needs.csv"))


def link_of_folder(town: Any) -> None:
    (town.root / "tables").symlink_to(move_away(town, "needs.csv").parent)
    needs("tables/needs.csv")(town)


def link_in_stack(town: Any) -> None:
    (town.root / "depth_rp100.tif").symlink_to(move_away(town, "depth_rp100.tif"))


def event_that_climbs(town: Any) -> None:
    move_away(town, "depth_rp100.tif")
    town.hazard.pop("return_periods")
    town.hazard.update(files="depth_{event}.tif", events=["/../../elsewhere/depth_rp100"])


def curve(town: Any) -> None:
    town.scenario["curves"] = {"files": [{"path": "../curves.csv"}]}


def repair(town: Any) -> None:
    town.hazard["duration_hours"] = 24
    town.scenario["time"] = {"hours": [0, 4], "repair": {"crews": {"power": 2}, "file": "/etc/passwd"}}


CASES: list[tuple[str, Change, str]] = [
    ("climbing", needs("../../../../../../../../etc/passwd"), "/etc/passwd"),
    ("climbing from a folder that is not there", needs("no/../../x.csv"), "x.csv"),
    ("absolute", needs("/etc/passwd"), "/etc/passwd"),
    ("three slashes", needs("///etc/passwd"), "/etc/passwd"),
    ("process file system", needs("/proc/self/environ"), "environ"),
    ("home", needs("${HOME}/.ssh/id_rsa"), "id_rsa"),
    ("link to a file", link_of_file, "elsewhere/needs.csv"),
    ("link to a folder", link_of_folder, "elsewhere/needs.csv"),
    ("link among the maps of a pattern", link_in_stack, "elsewhere/depth_rp100.tif"),
    ("an event that climbs", event_that_climbs, "elsewhere/depth_rp100.tif"),
    ("curves", curve, "curves.csv"),
    ("repair times", repair, "/etc/passwd"),
    ("a sibling whose name begins alike", needs("../town-secret/needs.csv"), "town-secret"),
]


@pytest.mark.parametrize(("name", "change", "word"), CASES, ids=[case[0] for case in CASES])
def test_a_path_that_leaves_the_folder_is_refused_with_the_fix(
    town: Any, name: str, change: Change, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    change(town)
    outcome = town.refused(78, word, "--allow-outside", "town.yaml:", verbs=("check",))
    assert "root:" not in outcome.err


@pytest.mark.parametrize("how", ["option", "variable", "path variable"])
def test_who_runs_it_may_allow_a_folder(town: Any, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = move_away(town, "needs.csv").parent
    needs(str(folder / "needs.csv"))(town)
    if how == "option":
        town.more = ["--allow-outside", str(folder)]
    elif how == "variable":
        monkeypatch.setenv("RESILIENCE_ALLOW_OUTSIDE", f"/nowhere:{folder}")
    else:
        monkeypatch.setenv("TABLES", str(folder))
        needs("${TABLES}/needs.csv")(town)
    outcome = town.check()
    assert outcome.code == 0, outcome.err


def test_a_path_given_with_the_call_is_the_word_of_who_calls(town: Any) -> None:
    path = move_away(town, "needs.csv")
    outcome = town.check("--set", f"network.needs={path}")
    assert outcome.code == 0, outcome.err


def test_a_variable_allows_its_folder_and_nothing_above_it(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLES", "/srv/tables")
    needs("${TABLES}/../secret.csv")(town)
    town.refused(78, "/srv/secret.csv", "--allow-outside /srv", verbs=("check",))


@pytest.mark.parametrize(
    "files", ["///vsicurl/http://127.0.0.1:9/x.tif", "/vsizip/x.zip", "/{event}zip/x.zip", "http://127.0.0.1:9/x.tif"]
)
def test_what_is_no_file_of_this_machine_is_refused_whatever_is_allowed(tmp_path: Path, files: str) -> None:
    hazard = {"family": "f", "peril": "flood", "files": files, "events": ["vsi"], "nodata": "dry"}
    scenario = {"schema_version": 1, "name": "a", "network": {"synthetic": {"size": 600}}, "hazards": [hazard]}
    with pytest.raises(ConfigurationError, match=r"files? on this machine"):
        Scenario.from_dict(scenario, base=tmp_path)
