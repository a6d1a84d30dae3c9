"""The scenario to begin with runs as it is, and every part of it that can be switched on is right."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from resilience import assess
from resilience.cli import main
from resilience.datasets import load_curves
from resilience.scenario import Scenario
from resilience.scenario.begin import template

LINES = template().splitlines()


def parts() -> list[dict[str, Any]]:
    """Return the parts that can be switched on, each as data, by taking `# ` away as the file says."""
    blocks: list[list[str]] = [[]]
    for line in LINES[1:]:
        if line.startswith("# "):
            blocks[-1].append(line.removeprefix("# "))
        elif blocks[-1]:
            blocks.append([])
    return [YAML(typ="safe").load("\n".join(block)) for block in blocks if block]


def active() -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load(template())
    return data


def test_every_line_is_yaml_an_explanation_or_a_part() -> None:
    assert LINES[0] == "# yaml-language-server: $schema=./schema.json"
    strange = [line for line in LINES[1:] if line.startswith("#") and not re.match(r"## |##$|# \s*[a-z-]", line)]
    assert strange == []
    assert max(map(len, LINES)) <= 120


def test_the_sections_that_a_newcomer_looks_for_are_there() -> None:
    told = {key for part in parts() for key in part} | set(active())
    assert told >= {"hazards", "network", "services", "rules", "monte_carlo", "time", "risk", "heat", "importance"}
    assert len(parts()) >= 5


@pytest.mark.parametrize("number", range(len(parts())))
def test_each_part_parses_when_it_is_switched_on(number: int) -> None:
    part = parts()[number]
    # A city of one's own has no hazards of its own.
    hazards = parts()[0] if "network" in part else {}
    Scenario.from_dict({**active(), **hazards, **part})


def test_all_parts_together_are_a_scenario() -> None:
    together = active()
    for part in parts():
        assert part.keys() - together.keys() or "network" in part
        together |= part
    scenario = Scenario.from_dict(together)
    assert scenario.hazards[0].sources()[1].path.name == "depth_rp100.tif"
    named = {name for layer in scenario.network.assets for name in layer.constants().values()}
    shipped = set(load_curves().names())
    assert {name for name in named if str(name).startswith(("function_", "heat_"))} <= shipped
    schema = Draft202012Validator(Scenario.json_schema())
    assert list(schema.iter_errors(together)) == []


def test_parts_that_need_no_files_run_on_the_built_in_city() -> None:
    together = {**active(), "network": {"synthetic": {"size": 500}}, "monte_carlo": {"samples": 512}}
    for part in parts():
        if not {"hazards", "network"} & part.keys():
            together |= part
    result = assess(Scenario.from_dict(together))
    assert "annual_person_hours" in result.dataset
    assert result.pairs is not None
    assert "heat_deaths" in result.dataset


def test_it_runs_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "town"
    assert main(["init", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"written: {folder}/scenario.yaml, {folder}/schema.json",
        f"next: resilience check {folder}/scenario.yaml",
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["scenario.yaml", "schema.json"]
    assert json.loads((folder / "schema.json").read_text(encoding="utf-8")) == Scenario.json_schema()
    smaller = ["--set", "network.synthetic.size=500"]
    assert main(["run", str(folder / "scenario.yaml"), "-o", str(tmp_path / "run"), "--json", *smaller]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert (answer["name"], answer["samples"]) == ("town", 1024)
    assert main(["check", str(folder / "scenario.yaml")]) == 0


@pytest.mark.parametrize(
    ("folder", "name"), [("city", "city"), ("null", "first-look"), ("2026", "first-look"), ("a b", "first-look")]
)
def test_the_scenario_is_named_as_its_folder_where_it_can_be(
    tmp_path: Path, folder: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / folder)]) == 0
    told = capsys.readouterr()
    assert ("a scenario cannot be called" in told.err) == (folder != name)
    assert (f"{folder!r}: this one is {name!r}" in told.err) == (folder != name)
    following = shlex.split(told.out.splitlines()[-1].removeprefix("next: "))
    assert following == ["resilience", "check", str(tmp_path / folder / "scenario.yaml")]
    assert Scenario.from_yaml(tmp_path / folder / "scenario.yaml").name == name


@pytest.mark.parametrize("name", ["scenario.yaml", "schema.json"])
def test_nothing_that_is_there_is_replaced(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text("mine")
    assert main(["init", str(tmp_path)]) == 73
    assert (
        capsys.readouterr().err
        == f"error: {tmp_path / name}: a file that is there; wanted: a folder without such a file\n"
    )
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").symlink_to(tmp_path / "elsewhere")
    assert main(["init", str(tmp_path)]) == 73
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file" / "a"), "--json"]) == 73
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["kind"] == "CannotCreateError"
    assert main(["init", str(tmp_path / "file")]) == 73


def test_other_files_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "maps").mkdir()
    assert main(["init", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == {
        "files": [str(tmp_path / "scenario.yaml"), str(tmp_path / "schema.json")],
        "name": tmp_path.name,
    }
    assert (tmp_path / "maps").is_dir()
