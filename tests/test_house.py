"""What the pages say of the program is what the program does; what is pinned is what is asked for."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

import resilience
from resilience import errors
from resilience.cli.app import _EXIT_CODES
from resilience.datasets import synthetic_city
from resilience.report import write_report
from resilience.scenario import Scenario

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
         *sorted((ROOT / "docs" / "reference").glob("*.md"))]  # fmt: skip
SUPPORTED = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]


def pinned(python: str) -> dict[str, str]:
    """Return the pinned version of each distribution for a Python, each pinned once."""
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    found: dict[str, str] = {}
    for pin in PINS:
        if pin.marker is None or pin.marker.evaluate({key: str(value) for key, value in environment.items()}):
            assert canonicalize_name(pin.name) not in found
            (only,) = pin.specifier
            assert only.operator == "=="
            found[canonicalize_name(pin.name)] = only.version
    return found


@pytest.mark.parametrize("python", SUPPORTED)
def test_everything_asked_for_is_pinned_within_its_bounds(python: str) -> None:
    asked = [Requirement(text) for text in PROJECT["dependencies"]]
    asked += [Requirement(text) for extra in PROJECT["optional-dependencies"].values() for text in extra]
    versions = pinned(python)
    missing = [str(one) for one in asked if canonicalize_name(one.name) not in versions]
    outside = [
        str(one)
        for one in asked
        if str(one) not in missing and versions[canonicalize_name(one.name)] not in one.specifier
    ]
    assert (missing, outside) == ([], [])


def test_pins_name_versions_and_nothing_else() -> None:
    assert [str(pin) for pin in PINS if pin.url or pin.extras] == []
    assert not re.search(r"://|--|\bsha256\b|@", (ROOT / "constraints.txt").read_text(encoding="utf-8"))


def test_the_version_is_said_once() -> None:
    assert resilience.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("maker", "file", "write"),
    [("make_glossary", "PAGE", "glossary"), ("make_scenario_keys", "PAGE", "page"),
     ("make_manifest_schema", "PAGE", "schema"), ("make_architecture", "PAGE", "page"),
     ("make_architecture", "PICTURE", "picture")],
)  # fmt: skip
def test_pages_written_by_the_code_are_those_of_the_code(maker: str, file: str, write: str) -> None:
    spec = importlib.util.spec_from_file_location(maker, ROOT / "docs" / f"{maker}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = getattr(module, file).read_text(encoding="utf-8")
    assert written == getattr(module, write)(), f"run: python docs/{maker}.py"


def test_every_page_has_its_place_among_the_others() -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in PAGES if path.is_relative_to(ROOT / "docs")}
    listed = {
        (page.parent / f"{name}.md").resolve()
        for page, text in pages.items()
        for names in re.findall(r"```\{toctree\}\n(.*?)```", text, flags=re.DOTALL)
        for name in names.split()
        if not name.startswith(":")
    }
    assert {page.name for page in pages if page not in listed} == {"index.md"}


def test_every_room_is_in_the_picture_of_the_house() -> None:
    picture = (ROOT / "docs" / "pictures" / "house.svg").read_text(encoding="utf-8")
    folder = ROOT / "resilience"
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert {room for room in modules - {"__init__"} if f">{room}</text>" not in picture} == set()


def test_the_citation_names_this_version_and_nobody() -> None:
    citation = YAML(typ="safe").load(ROOT / "CITATION.cff")
    assert (citation["title"], citation["version"]) == (PROJECT["name"], PROJECT["version"])
    assert (citation["license"], citation["abstract"]) == (PROJECT["license"], PROJECT["description"])
    assert citation["authors"] == [{"name": "urban-resilience contributors"}]


def test_every_key_of_a_scenario_has_a_meaning() -> None:
    schema = Scenario.json_schema()
    silent = [
        f"{name}.{key}"
        for name, section in {"Scenario": schema, **schema["$defs"]}.items()
        for key, one in section["properties"].items()
        if not one.get("description")
    ]
    assert silent == []


def test_exit_codes_are_told() -> None:
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    told = README[README.index("Exit codes:") :].partition("\n\n")[0]
    assert " ".join(told.split()) == " ".join(_EXIT_CODES.split())
    manual = (ROOT / "docs" / "scenario.md").read_text(encoding="utf-8")
    for code in codes:
        assert re.search(rf"\b{code}\b", told), code
        assert re.search(rf"\| {code}\b", manual), code


def test_the_scenario_of_the_readme_is_right() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    scenario = Scenario.from_dict(YAML(typ="safe").load(text), base=ROOT)
    assert scenario.hazards[0].sources()[0].path == ROOT / "maps" / "depth_rp10.tif"


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_known_answers_of_the_readme_are_those_of_the_page() -> None:
    rows = README[README.index("| case |") :].partition("\n\n")[0].splitlines()[2:]
    figures = [re.findall(r"\d+\.\d+", " ".join(row.split("|")[2:])) for row in rows]
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    assert [len(row) for row in figures] == [2] * len(rows)
    assert [pair for pair in figures if not re.search(rf"\| {re.escape(pair[0])} \| {re.escape(pair[1])}", page)] == []


def test_files_named_in_the_readme_are_those_of_a_run(tmp_path: Path) -> None:
    told = README[README.index("| file |") :].partition("\n\n")[0]
    named = {name.rstrip("/") for name in re.findall(r"`([\w.-]+/?)`", told) if "." in name or name.endswith("/")}
    services = synthetic_city(size=600).scenario_dict()["services"]
    services["medical"]["limit_minutes"] = 10
    scenario = Scenario.from_dict(
        {"schema_version": 1, "name": "a", "network": {"synthetic": {"size": 600}}, "monte_carlo": {"samples": 512},
         "time": {}, "services": services, "heat": {}, "cascade": {"levels": {"water": "share"}},
         "indicators": {"vulnerable": {"without": ["medical"], "share": 0.3}},
         "branches": [{"name": "dear", "cost_factor": 2.0}],
         "options": [{"name": "high", "cost": 1.0, "life_years": 9.0,
                      "changes": [{"raise": {"kind": "substation"}, "by_m": 1.0}]}]}
    )  # fmt: skip
    resilience.assess(scenario, out=tmp_path / "run")
    write_report(tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir() if not path.name.startswith(".")} == named
    assert unexplained_columns(tmp_path / "run") == []


def unexplained_columns(run: Path) -> list[tuple[str, str]]:
    """Return the columns of a run that the row of their file in docs/run-files.md, or its preface, does not name."""
    page = (ROOT / "docs" / "run-files.md").read_text(encoding="utf-8")
    preface = page.partition("## From events to years")[0]
    rows = dict(re.findall(r"^\| `([a-z_]+\.csv)` \|(.*)$", page, flags=re.MULTILINE))
    beginnings = ("down_by_", "root_", "lost_", "intact_", "hours_", "saved_", "cost_per_saved_", "not_served_")
    missing = []
    for path in sorted(run.glob("*.csv")):
        columns = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
        words = set(re.findall(r"\w+", preface + rows.get(path.name, "")))
        for column in columns:
            name = re.sub(r"_(standard_error|p05|p50|p95)$", "", column)
            begun = path.name in ("assets.csv", "zones.csv", "options.csv") and name.startswith(beginnings)
            if words.isdisjoint({column, name}) and not begun:
                missing.append((path.name, column))
    return missing
