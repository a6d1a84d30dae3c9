"""A small good town in files, to be spoilt in one place, and what the command line says to it."""

from __future__ import annotations

import copy
import json
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from resilience.cli import main
from resilience.hazard.checks import HazardWarning

CRS = "EPSG:5187"
CELLS = 40
CELL = 10.0
WEST, NORTH = 200_000.0, 300_400.0
PERIODS = (10, 100, 500)

SCENARIO: dict[str, Any] = {
    "schema_version": 1,
    "name": "town",
    "seed": 3,
    "crs": CRS,
    "hazards": [
        {
            "family": "river",
            "peril": "flood",
            "files": "depth_rp{rp}.tif",
            "return_periods": list(PERIODS),
            "unit": "m",
            "nodata": "dry",
        }
    ],
    "network": {
        "assets": [
            {
                "path": "sites.geojson",
                "columns": {
                    name: name for name in ("id", "sector", "kind", "replacement_cost", "flood_fragility_curve")
                },
            },
            {
                "path": "roads.geojson",
                "columns": {"id": "id", "from_asset": "from", "to_asset": "to"},
                "sector": "transport",
                "kind": "road",
                "curves": {"flood_fragility": "function_road"},
            },
        ],
        "zones": {"path": "zones.geojson", "columns": {"id": "id", "persons": "persons"}},
        "needs": "needs.csv",
        "dependencies": "dependencies.csv",
    },
    "rules": [
        {"service": "power", "from": {"kind": "substation"}, "to": "zones", "nearest": 2, "required": 2},
        {"service": "power", "from": {"kind": "substation"}, "to": {"kind": "hospital"}, "nearest": 2},
        {"access": True, "from": {"kind": "road_node"}, "to": "facilities"},
        {"access": True, "from": {"kind": "road_node"}, "to": "zones"},
    ],
    "services": {
        "power": {"by": "assignment"},
        "medical": {"by": "road", "providers": [{"kind": "hospital"}]},
        "telecom": {"by": "internal"},
    },
    "monte_carlo": {"samples": 512},
    "risk": {"catalogue_years": 500, "bootstrap": 10},
}
# id, sector, kind, column and row of the cell it stands in, cost, curve
SITES = [
    ("S1", "power", "substation", 5, 5, 1e6, "function_substation"),
    ("S2", "power", "substation", 34, 34, 1e6, "function_substation"),
    ("T1", "telecom", "tower", 20, 8, 1e5, "function_substation"),
    ("H1", "medical", "hospital", 10, 20, 5e6, ""),
    ("H2", "medical", "hospital", 30, 22, 5e6, ""),
    ("R1", "transport", "road_node", 8, 8, 0.0, ""),
    ("R2", "transport", "road_node", 32, 8, 0.0, ""),
    ("R3", "transport", "road_node", 32, 32, 0.0, ""),
    ("R4", "transport", "road_node", 8, 32, 0.0, ""),
]
ROADS = [("L1", "R1", "R2"), ("L2", "R2", "R3"), ("L3", "R3", "R4"), ("L4", "R4", "R1")]
ZONES = [("Z1", 200.0, 2, 2, 19, 38), ("Z2", 150.0, 20, 2, 38, 38)]


def place(column: float, row: float) -> list[float]:
    """Return the middle of a cell."""
    return [WEST + (column + 0.5) * CELL, NORTH - (row + 0.5) * CELL]


def depths(period: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a river along the left border, deeper with the return period; the rest is dry."""
    distance = np.arange(CELLS, dtype=np.float32)[None, :] / 10 + np.arange(CELLS, dtype=np.float32)[:, None] / 100
    return np.maximum(np.log10(period) - distance, 0.0).astype(np.float32)


def feature(properties: dict[str, Any], kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def collection(features: list[dict[str, Any]], crs: str | None = CRS) -> dict[str, Any]:
    content: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs is not None:
        name = f"urn:ogc:def:crs:{crs.replace(':', '::')}"
        content["crs"] = {"type": "name", "properties": {"name": name}}
    return content


def square(west: float, north: float, east: float, south: float) -> list[list[list[float]]]:
    a, b, c, d = place(west, north), place(east, north), place(east, south), place(west, south)
    return [[a, d, c, b, a]]


@dataclass
class Outcome:
    """What a call gave."""

    code: int
    out: str
    err: str
    created: list[str]
    logs: str = ""


@dataclass
class Town:
    """The files of a town in a folder of their own, and calls of the command line on them."""

    root: Path
    capture: Callable[[], tuple[str, str]]
    good: Path = Path()
    scenario: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(SCENARIO))
    text: str | None = None
    file: str = "town.yaml"
    more: list[str] = field(default_factory=list)

    place = staticmethod(place)
    depths = staticmethod(depths)
    feature = staticmethod(feature)
    square = staticmethod(square)
    PERIODS = PERIODS
    CELLS = CELLS

    def restore(self) -> None:
        """Make it the good town again."""
        shutil.rmtree(self.root)
        shutil.copytree(self.good, self.root)
        (self.root / ".temporary").mkdir()
        os.chdir(self.root)
        self.scenario, self.text, self.more = copy.deepcopy(SCENARIO), None, []

    @property
    def hazard(self) -> dict[str, Any]:
        section: dict[str, Any] = self.scenario["hazards"][0]
        return section

    @property
    def out(self) -> Path:
        return self.root / "run"

    def write_map(self, name: str, values: Any, **profile: Any) -> Path:
        values = np.asarray(values)
        values = values if values.ndim == 3 else values[None]
        options = {
            "driver": "GTiff", "dtype": values.dtype, "count": len(values), "height": values.shape[1],
            "width": values.shape[2], "crs": CRS, "transform": Affine(CELL, 0, WEST, 0, -CELL, NORTH),
        }  # fmt: skip
        path = self.root / name
        with rasterio.open(path, "w", **{**options, **profile}) as dataset:
            dataset.write(values)
        return path

    def spoil_map(self, change: Callable[[Any], Any], *, period: int = 100, **profile: Any) -> None:
        """Rewrite a map after `change`, which returns the new values or edits them."""
        values = depths(period)
        changed = change(values)
        self.write_map(f"depth_rp{period}.tif", values if changed is None else changed, **profile)

    def layer(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / name).read_text(encoding="utf-8"))
        return content

    def write_layer(self, name: str, content: dict[str, Any] | list[dict[str, Any]], crs: str | None = CRS) -> None:
        whole = collection(content, crs) if isinstance(content, list) else content
        (self.root / name).write_text(json.dumps(whole), encoding="utf-8")

    def spoil_layer(self, name: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
        content = self.layer(name)
        change(content["features"])
        self.write_layer(name, content)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def save(self) -> Path:
        """Write the scenario; JSON is YAML."""
        text = self.text if self.text is not None else json.dumps(self.scenario, indent=1, ensure_ascii=False)
        return self.write(self.file, text)

    def call(self, *arguments: str) -> Outcome:
        before = self.tree()
        self.capture()
        with warnings.catch_warnings():
            # As on the command line; any other warning stays an error and shows as a defect.
            warnings.simplefilter("default", HazardWarning)
            code = main(list(arguments))
        out, err = self.capture()
        after = self.tree()
        logs = "".join(path.read_text(encoding="utf-8") for path in (self.root / ".temporary").glob("*.log"))
        gone = [f"lost or changed: {name}" for name in before if after.get(name) != before[name]]
        created = sorted(set(after) - set(before))
        return Outcome(code, out, err, created + gone, logs)

    def run(self, *more: str) -> Outcome:
        return self.call("run", str(self.save()), "-o", str(self.out), *self.more, *more)

    def check(self, *more: str) -> Outcome:
        return self.call("check", str(self.save()), "--full", *self.more, *more)

    def tree(self) -> dict[str, Any]:
        """Return every file and folder below the town with its size and time of change."""
        found: dict[str, Any] = {}
        for folder, folders, files in os.walk(self.root):
            if ".temporary" in folders:
                folders.remove(".temporary")
            for name in (*folders, *files):
                path = Path(folder) / name
                status = path.lstat()
                entry = (status.st_mode, status.st_size, status.st_mtime_ns) if name in files else status.st_mode
                found[str(path.relative_to(self.root))] = entry
        return found

    def refused(self, code: int, *words: str, verbs: tuple[str, ...] = ("run", "check")) -> Outcome:
        """Assert that the town is refused with this exit code and these words, and that nothing was written."""
        outcome = None
        for verb in verbs:
            outcome = self.run() if verb == "run" else self.check()
            assert outcome.code == code, f"{verb}: {outcome.code}\n{outcome.out}{outcome.err}{outcome.logs}"
            assert outcome.created == [], f"{verb} wrote something"
            assert outcome.out == "", f"{verb} produced figures"
            for word in words:
                assert word.lower() in outcome.err.lower(), f"{verb}: no {word!r} in\n{outcome.err}"
            assert "Traceback" not in outcome.err
            lines = [line for line in outcome.err.splitlines() if not line.startswith("warning: ")]
            assert lines
            assert all(line.startswith(("error: ", "Usage", "Try")) for line in lines), outcome.err
            assert all("; wanted: " in line for line in lines), outcome.err
        assert outcome is not None
        return outcome


def write_town(folder: Path) -> None:
    """Write the good files."""
    town = Town(folder, lambda: ("", ""))
    for period in PERIODS:
        town.write_map(f"depth_rp{period}.tif", depths(period))
    where = {name: place(column, row) for name, _, _, column, row, _, _ in SITES}
    sites = []
    for name, sector, kind, _, _, cost, curve in SITES:
        properties = {
            "id": name, "sector": sector, "kind": kind, "replacement_cost": cost, "flood_fragility_curve": curve
        }  # fmt: skip
        sites.append(feature(properties, "Point", where[name]))
    town.write_layer("sites.geojson", sites)
    town.write_layer(
        "roads.geojson",
        [feature({"id": name, "from": a, "to": b}, "LineString", [where[a], where[b]]) for name, a, b in ROADS],
    )
    town.write_layer(
        "zones.geojson",
        [feature({"id": name, "persons": people}, "Polygon", square(*box)) for name, people, *box in ZONES],
    )
    town.write("needs.csv", "id,dependent,service,required\nn1,T1,power,1\nn2,S1,telecom,1\n")
    town.write("dependencies.csv", "need,provider\nn1,S1\nn1,S2\nn2,T1\n")


@pytest.fixture(scope="session")
def good_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    write_town(folder)
    return folder


@pytest.fixture
def town(good_files: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Town:
    """Return a good town whose call writes nothing where it is called from nor among its files."""
    root = tmp_path / "town"
    shutil.copytree(good_files, root)
    (root / ".temporary").mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setattr("tempfile.tempdir", str(root / ".temporary"))

    def capture() -> tuple[str, str]:
        told = capfd.readouterr()
        return told.out, told.err

    return Town(root, capture, good_files)
