"""The report of a run: what it tells is what the run found, and nothing that a user named does anything."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resilience.cli import main
from resilience.cli.app import Language
from resilience.datasets.asset_classes import ASSET_CLASSES
from resilience.errors import CannotCreateError
from resilience.network import Network
from resilience.pipeline import assess
from resilience.reading import read_run
from resilience.report import places, write_report
from resilience.report.failing import Dependents
from resilience.report.images import png_address
from resilience.report.maps import _pool
from resilience.report.notes import group_notes
from resilience.report.page import write_page
from resilience.report.rounding import tell, tell_interval
from resilience.report.words import LANGUAGES, Words, load_words
from tests.conftest import CRS, Site, tables_of
from tests.naive.cascade import CascadeTwin
from tests.report_runs import HOSTILE, QUOTES, Page, built_in, hostile
from tests.test_cascade import random_network
from tests.test_cli_json import told_of

SOURCES = Path(write_report.__code__.co_filename).parent


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_in(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture(scope="session")
def page(run: Path) -> Page:
    return Page(write_page(read_run(run), Words("en")))


@pytest.fixture(scope="session")
def hostile_run(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile(site, tmp_path_factory.mktemp("hostile") / "run")


def table(run: Path, name: str) -> list[dict[str, str]]:
    with (run / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """Open an image that stands in an address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.MemoryFile(base64.b64decode(address.partition(",")[2])) as file, file.open() as image:
            yield image


def classes_of(address: str) -> NDArray[np.uint8]:
    with opened(address) as image:
        return image.read(1)


def test_figures_are_those_of_the_summary(run: Path, page: Page) -> None:
    told = {row["service"]: row for row in table(run, "summary.csv") if row["quantity"] == "over_time"}
    assert len(told) == 8
    rows = {row[0]: row for row in page.rows if len(row) == 6 and row[0] in told}
    for service, row in told.items():
        value, error = float(row["value"]), float(row["standard_error"])
        assert rows[service][2].strip() == f"{tell(value, error)} ± {tell_interval(value, error)}"
        assert rows[service][5] == f"{100 * float(row['beyond_rarest_event']) / value:.0f} %"
    assert "of the person-hours, beyond the rarest map" in page.text


def test_reasons_and_critical_assets_are_those_of_the_tables(run: Path, page: Page) -> None:
    first = {}
    for row in table(run, "why.csv"):
        if row["event"] == "per year" and row["unit"].endswith(" h/year"):
            best = first.setdefault(row["service"], row)
            first[row["service"]] = max(best, row, key=lambda one: float(one["share"]))
    for row in first.values():
        sector, peril = row["root"].split("/")
        assert f"{sector} ({peril}) {100 * float(row['share']):.0f} %" in page.text
    told = xr.open_zarr(run / "results.zarr", consolidated=False)
    works = dict(zip(told["asset"].values.tolist(), 512 - told["failed_count"].values.max(axis=0), strict=True))
    # The page tells the first twelve of each service that have a rank, and those that were run in pairs.
    firsts: set[str] = set()
    ranks: set[str] = set()
    for row in table(run, "importance.csv"):
        if row["rank"]:
            ranks.add(row["asset"])
            firsts |= {row["asset"]} if row["rank"] == "1" else set()
    paired = told["paired_birnbaum"].notnull().any("service")
    shown = {row[0] for row in page.rows if row and row[0] in works}
    assert firsts <= shown <= ranks | set(told["asset"].values[paired.values].tolist())
    assert all(works[name] >= 10 for name in ranks)
    assert min(works.values()) == 0
    assert "out in every sample of some event, or in all but a few" in page.text


def test_there_is_no_section_without_content(page: Page, hostile_run: Path) -> None:
    everywhere = {"answer", "where", "limits", "method"}
    assert page.ids >= everywhere | {"why", "when", "often", "matters"}
    assert "helps" not in page.ids
    bare = Page(write_page(read_run(hostile_run), Words("en")))
    assert everywhere <= bare.ids
    assert bare.ids.isdisjoint({"when", "often", "matters", "helps"})
    assert "no rates" in bare.text
    assert "Years are made" in page.text
    assert "Years are made" not in bare.text
    links = {str(attributes["href"])[1:] for tag, attributes in bare.elements if tag == "a"}
    assert links <= bare.ids


def test_options_are_told_as_in_their_table(tmp_path: Path) -> None:
    raise_it = {"raise": {"kind": "substation"}, "by_m": 1.0}
    options = [
        {"name": "high", "cost": 500_000, "life_years": 40, "changes": [raise_it]},
        {"name": "higher", "cost": 900_000, "life_years": 40, "changes": [raise_it, raise_it]},
    ]
    run = built_in(tmp_path / "run", options=options, values={"power": 1.0})
    page = Page(write_page(read_run(run), Words("en")))
    told = {row["option"]: row for row in table(run, "options.csv")}
    for name, row in told.items():
        worth = [cells for cells in page.rows if cells and cells[0] == f"{row['rank']}. {name}"]
        value, error = float(row["saved_power"]), float(row["saved_error_power"])
        assert tell(value, error) in worth[0][1]
        annuity = (1 - 1.045**-40) / 0.045
        net, error = float(row["net_annual_benefit"]), float(row["annual_benefit_standard_error"])
        assert worth[1][3] == f"{tell(net, error)}± {tell_interval(net, error)}"
        assert worth[1][5] == tell(float(row["net_present_value"]), annuity * error)
    assert ("None brings more than it costs." in page.text) == (
        max(float(row["net_annual_benefit"]) for row in told.values()) <= 0
    )


@pytest.mark.parametrize(
    ("depth", "rated", "heading", "loss"),
    [
        (0.5, True, "Saved per year, people", "money per year, 100 % of it beyond the rarest map."),
        (0.5, False, "Saved if the event occurs, people", "direct loss avoided if the event occurs"),
        (0.0, True, "Saved per year, people", "Direct loss (repair cost): none."),
    ],
)
@pytest.mark.parametrize("costs", [True, False])
def test_what_options_save_is_told_as_per_year_or_event(
    site: Site, tmp_path: Path, *, depth: float, rated: bool, heading: str, loss: str, costs: bool
) -> None:
    asset = {"id": "p0", **({"flood_damage_curve": "loss_of_15_m", "replacement_cost": 90.0} if costs else {})}
    events = {"return_periods": [50]} if rated else {"events": ["storm"]}
    high = {"name": "high", "cost": 9.0, "life_years": 5, "changes": [{"raise": {"id": "p0"}, "by_m": 0.2}]}
    run = tmp_path / "run"
    assess(
        site.scenario([asset], [{"values": [[depth]], **events}], needs=[("zone", "power", ["p0"], 1)],
                      options=[high]),
        out=run,
    )  # fmt: skip
    page = Page(write_page(read_run(run), Words("en")))
    assert heading in page.text
    assert (loss in page.text) == costs
    (told,) = (row for row in table(run, "options.csv"))
    (saved, *_) = ([text.strip() for text in row[1:]] for row in page.rows if row and "high" in row[0])
    value, error = float(told["saved_power"]), float(told["saved_error_power"])
    assert saved == ([f"{tell(value, error)}± {tell_interval(value, error)}"] if depth else ["0"])


def test_a_figure_far_below_its_uncertainty_keeps_its_sign() -> None:
    assert [tell(value, 40.0) for value in (-4.0, 0.5, -0.04)] == ["-4", "0.5", "-0.04"]
    assert tell_interval(-4.0, 40.0) == "80"


def test_a_made_up_city_says_so_and_a_real_one_does_not(page: Page, hostile_run: Path) -> None:
    assert "SYNTHETIC" in page.text.partition("What is lost")[0]
    assert "SYNTHETIC" not in Page(write_page(read_run(hostile_run), Words("en"))).text


def test_nothing_can_be_loaded_and_it_is_small(run: Path) -> None:
    text = write_page(read_run(run), Words("en"))
    assert len(text.encode()) < 6_000_000
    whole = Page(text)
    (policy,) = [a["content"] for tag, a in whole.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    # These two scripts may run, and no other that stands in the page.
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert f"script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}';" in policy
    assert not any({"src", "srcset", "action"} & set(attributes) for _, attributes in whole.elements)
    assert {str(a["href"])[:1] for _, a in whole.elements if "href" in a} == {"#"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_text_and_nothing_else(hostile_run: Path, language: str) -> None:
    text = write_page(read_run(hostile_run), Words(language))
    whole = Page(text)
    assert [attributes.get("type") for tag, attributes in whole.elements if tag == "script"] == [
        "application/json", None, None,
    ]  # fmt: skip
    assert not any(tag == "img" or any(name.startswith("on") for name in a) for tag, a in whole.elements)
    assert HOSTILE in whole.text
    assert QUOTES in whole.text
    data = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[0])
    assert data["events"] == [HOSTILE]
    assert HOSTILE in data["figures"]["map"].replace('\\"', '"')


def test_every_word_is_there_in_all_languages_and_is_used() -> None:
    words = load_words()
    gaps = re.compile(r"\{(\w+)\}")
    for key, told in words.items():
        assert set(told) == set(LANGUAGES), key
        assert all(told.values()), key
        assert len({tuple(sorted(gaps.findall(text))) for text in told.values()}) == 1, key
    code = "".join((SOURCES / name).read_text(encoding="utf-8") for name in
                   (*(path.name for path in SOURCES.glob("*.py")), "page.html.j2", "page.js"))  # fmt: skip
    begun = set(re.findall(r"""name\(["'](\w+)["'],""", code)) | {"section"}
    used = set(re.findall(r"""["'](\w+)["']""", code)) | set(re.findall(r"words\.(\w+)", code))
    unused = {key for key in words if key not in used and not key.startswith(tuple(f"{name}_" for name in begun))}
    assert unused == set()
    asked = set(re.findall(r"""\bw(?:ords)?\(["'](\w+)["'][,)]""", code))
    assert asked <= set(words)


def test_the_built_in_vocabulary_has_names_and_another_stays_as_it_is() -> None:
    korean = Words("ko")
    for kind, one in ASSET_CLASSES.items():
        assert korean.name("kind", kind) != kind
        assert korean.name("service", one.sector) != one.sector
    assert korean.name("kind", "tram_stop") == "tram_stop"


def test_notes_that_begin_alike_stand_together(run: Path, page: Page) -> None:
    notes = (run / "notes.txt").read_text(encoding="utf-8").splitlines()
    heads = [note.partition(", curves: ")[0] for note in notes if ", curves: " in note]
    assert len(heads) > 1
    assert page.text.count(heads[0]) == 1
    grouped = group_notes(notes)
    assert sum(max(1, len(lines)) for _, lines in grouped) < len(notes)
    words = [word for note, lines in grouped for word in re.findall(r"\w+", " ".join((note, *lines)))]
    assert set(words) == set(re.findall(r"\w+", " ".join(notes)))
    assert group_notes(["so: x", "odd (a: b", "so: y, z", "odd (a: b", "so", "so: y, z"]) == [
        ("so", ("x", "y, z")), ("odd (a: b", ()),
    ]  # fmt: skip


def test_languages_of_the_command_are_those_of_the_words() -> None:
    assert {str(one) for one in Language} == set(LANGUAGES)


def test_korean_is_korean(run: Path) -> None:
    text = write_page(read_run(run), Words("ko"))
    assert '<html lang="ko">' in text
    told = Page(text)
    assert "얼마나 잃는가" in told.text
    assert {"전력", "통신"} <= {row[0] for row in told.rows if row}
    assert not re.search(r"\{\w+\}", told.text)
    assert "변전소" in told.text
    # Before the notes, which are English, no English word of the table is left.
    first = told.text.rpartition(Words("ko")("section_limits"))[0]
    assert [kind for kind in ASSET_CLASSES if "_" in kind and kind in first] == []
    words = {key: text for key, text in load_words().items() if text["en"] != text["ko"]}
    assert [key for key, text in words.items() if f" {text['en']} " in first and "{" not in text["en"]] == []


@given(st.floats(1e-6, 1e12), st.floats(1e-3, 2.0))
def test_a_figure_has_no_digit_that_its_interval_hides(value: float, relative: float) -> None:
    error = relative * value
    told, half = (float(text.replace(",", "")) for text in (tell(value, error), tell_interval(value, error)))
    assert half >= 1.96 * error * (1 - 1e-9)
    assert half <= 1.96 * error * 2 + 10 ** np.floor(np.log10(value) - 2)
    assert abs(told - value) <= half
    assert len(tell(value, error).replace(",", "").replace(".", "").strip("0")) <= 3


@pytest.mark.parametrize("seed", range(6))
def test_what_fails_after_an_asset_is_what_the_definition_says(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    supplied = {"power", "water"} & set(network.supply["sector"])
    twin, dependents = CascadeTwin(network, supplied), Dependents(network, frozenset(supplied))
    ids = list(network.assets["id"])
    intact = twin.greatest(set(ids), set())
    for asset in range(0, len(ids), 3):
        expected = intact - twin.greatest(set(ids) - {ids[asset]}, set()) - {ids[asset]}
        found = dependents.follow(asset)
        assert sum(n for step in found.steps for *_, n in step.kinds) == len(expected)
        assert {name for step in found.steps for name in step.names} <= expected


def test_people_of_zones_lose_what_fewer_providers_than_required_give() -> None:
    assets = [{"id": name} for name in ("a", "b", "c")]
    zones = [{"id": "one", "persons": 10.0}, {"id": "two", "persons": 5.0}]
    needs = [("one", "power", ["a", "b"], 1), ("two", "power", ["a", "b"], 2), ("b", "telecom", ["c"], 1)]
    network = Network.from_tables(**tables_of(assets, zones, needs, {}), crs=CRS)
    follow = Dependents(network, frozenset()).follow
    assert follow(0).people == {"power": 5.0}
    assert [(step.names, follow(2).people) for step in follow(2).steps] == [(("b",), {"power": 5.0})]


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1.0, 2.5, 7.0, 30.0]), st.booleans())
def test_a_pixel_shows_the_highest_cell_in_it(rows: int, columns: int, cell: float, upward: bool) -> None:
    values = np.random.default_rng(rows * 41 + columns).random((rows, columns)).astype(np.float32)
    step = cell if upward else -cell
    transform = Affine(cell, 0, 0, 0, step, 0 if upward else rows * cell)
    image = np.full((9, 7), np.nan, np.float32)
    pixel = Affine(columns * cell / 7, 0, 0, 0, -rows * cell / 9, rows * cell)
    _pool(values, transform, pixel, image)
    # No value is lost where pixels are larger than cells, none is made up anywhere.
    assert set(image[np.isfinite(image)].tolist()) <= set(values.ravel().tolist())
    assert np.isfinite(image).all()
    if rows >= 9 and columns >= 7:
        assert image.max() == values.max()


def test_a_map_in_other_coordinates_lies_where_the_city_does(site: Site, tmp_path: Path) -> None:
    run = read_run(hostile(site, tmp_path / "run", crs="EPSG:5186"))
    city = places.map_city(run)
    classes = classes_of(city.hazards.addresses[0])
    east, north = city.points[city.point_assets == 0][0]
    row = int((1 - north / city.size[1]) * classes.shape[0])
    # 0.5 m at the first asset: the class from 0.3 m on.
    assert classes[row, int(east / city.size[0] * classes.shape[1])] == 2
    assert run.network.crs.to_epsg() == 5186


def test_an_image_reads_back_as_its_classes() -> None:
    classes = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    palette = ["#00000000", "#ff0000ff", "#0000ff80"]
    address = png_address(classes, palette)
    assert (classes_of(address) == classes).all()
    with opened(address) as image:
        assert image.colormap(1)[2] == (0, 0, 255, 128)


def test_a_large_city_is_drawn_in_part(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = read_run(run)
    down = (told.dataset["down_count"].values.sum(axis=2) / told.n_sample).max(axis=0)
    monkeypatch.setattr(places, "MOST_ASSETS", 50)
    monkeypatch.setattr(places, "MOST_ZONES", 5)
    city = places.map_city(told)
    drawn = np.concatenate([city.line_assets, city.point_assets])
    assert (drawn.size, city.n_rest, city.zones.size) == (50, down.size - 50, 5)
    assert (len(city.rest), len(set(city.rest)) > 3) == (told.dataset.sizes["event"], True)
    assert down[drawn].min() >= np.delete(down, drawn).max()
    share = told.dataset["down_count"].values.sum(axis=2)[:, drawn] / told.n_sample
    assert (np.abs(city.chance / 200 - share) < 1 / 200).all()
    assert ((city.chance == 0) == (share == 0)).all()
    assert ((city.chance == 200) == (share == 1)).all()
    text = Page(write_page(told, Words("en"))).text
    assert f"The {down.size - 50:,} assets that are down least often" in text
    assert "for the 5 zones that lose most" in text


def test_an_older_map_of_the_same_size_is_not_taken_for_that_of_the_run(site: Site, tmp_path: Path) -> None:
    scenario = site.scenario(
        [{"id": "p0"}], [{"values": [[1.0]], "return_periods": [10]}], needs=[("zone", "power", ["p0"], 1)]
    )
    (hazard,) = scenario.hazards
    part = hazard.sources()[0].path
    mosaic = part.with_suffix(".vrt")
    rasterio.shutil.copy(part, mosaic, driver="VRT")
    run = tmp_path / "run"
    assess(scenario.model_copy(update={"hazards": (hazard.model_copy(update={"path": mosaic}),)}), out=run)
    assert "not shown" not in Page(write_page(read_run(run), Words())).text
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    os.utime(part, (0, 0))
    told = read_run(run)
    assert told.manifest.hazards[0].files == (str(mosaic), str(part))
    assert told.changed_maps("family0") == {str(part): "other content"}
    assert "hazard maps are not shown" in Page(write_page(read_run(run), Words())).text


def test_maps_that_have_changed_are_not_shown(site: Site, tmp_path: Path) -> None:
    run = hostile(site, tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text())
    (path,) = manifest["hazards"][0]["files"]
    assert "not shown" not in Page(write_page(read_run(run), Words())).text
    Path(path).write_bytes(Path(path).read_bytes() + b"\0")
    assert "hazard maps are not shown" in Page(write_page(read_run(run), Words())).text
    Path(path).unlink()
    assert "hazard maps are not shown" in Page(write_page(read_run(run), Words())).text


def test_a_change_is_told_with_its_verdict(run: Path, tmp_path: Path) -> None:
    same = Page(write_report(run, against=run, out=tmp_path / "same.html").read_text(encoding="utf-8"))
    assert same.text.count("unchanged") == 8
    assert "nothing moved" in same.text
    assert "In person-hours per year." in same.text
    other = built_in(tmp_path / "other", seed=2, time={"restart_hours": 60})
    told = Page(write_report(run, against=other, out=tmp_path / "other.html").read_text(encoding="utf-8"))
    moved = told.text.count("less is lost") + told.text.count("more is lost")
    assert "less is lost" in told.text
    assert f"{moved} of 8 figures moved" in told.text
    assert "different random numbers" in told.text


def test_a_change_against_a_run_without_hours_is_of_people_at_the_peak(site: Site, tmp_path: Path) -> None:
    for name, more in (("hours", {"time": {"hours": [0, 6, 12]}}), ("peak", {})):
        hazard = {"values": [[0.5]], "events": ["storm"], "duration_hours": 6}
        assess(site.scenario([{"id": "p0"}], [hazard], needs=[("zone", "power", ["p0"], 1)], **more),
               out=tmp_path / name)  # fmt: skip
    told = Page(write_report(tmp_path / "hours", against=tmp_path / "peak").read_text(encoding="utf-8"))
    assert "In people. " in told.text
    (row,) = (row for row in told.rows if row[:2] == ["power", "storm"])
    assert row[2] == row[3] == tell(float(table(tmp_path / "peak", "summary.csv")[0]["persons without power"]))


def test_the_command_writes_it_and_the_run_stays_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESILIENCE_NO_REPORT")
    run = tmp_path / "run"
    assert main(["demo", "--size", "600", "--out", str(run), "--lang", "ko", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"]["report"] == str(run / "report.html")
    assert 'lang="ko"' in (run / "report.html").read_text(encoding="utf-8")[:200]
    assert "report.html" not in json.loads((run / "manifest.json").read_text())["outputs"]
    assert main(["report", str(run), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert set(answer) <= told_of("report")
    assert answer == {
        "report": str(run / "report.html"), "bytes": (run / "report.html").stat().st_size, "lang": "en",
    }  # fmt: skip
    assert main(["demo", "--size", "600", "--out", str(run), "--no-report"]) == 0
    assert not (run / "report.html").exists(), "it would be taken for that of the new result"


def test_without_a_finished_run_nothing_is_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == 66
    assert "resilience status" in capsys.readouterr().err
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    (broken / "manifest.json").unlink()
    assert main(["report", str(broken)]) == 66
    shutil.copy(run / "manifest.json", broken)
    zones = (broken / "network" / "zones.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (broken / "network" / "zones.csv").write_text("".join(zones[:-1]), encoding="utf-8")
    assert main(["report", str(broken)]) == 65
    assert not (broken / "report.html").exists()
    assert main(["report", str(run), "--lang", "fr"]) == 2
    assert main(["report", str(run), "-o", str(tmp_path / "no" / "folder" / "a.html")]) == 74


@pytest.mark.parametrize(
    "name", ["manifest.json", "scenario.yaml", "network/new.html", "results.zarr", "ledger/x", ".lock"]
)
def test_a_report_takes_no_place_in_a_run(run: Path, tmp_path: Path, name: str) -> None:
    place = run / name
    before = place.read_bytes() if place.is_file() else place.exists()
    with pytest.raises(CannotCreateError, match="apart from the files of the run"):
        write_report(run, out=place)
    assert (place.read_bytes() if place.is_file() else place.exists()) == before


def test_a_report_replaces_reports_alone(run: Path, tmp_path: Path) -> None:
    notes, link = tmp_path / "notes.txt", tmp_path / "link.html"
    notes.write_text("precious")
    link.symlink_to(notes)
    for place in (notes, link, tmp_path, Path(), Path(os.devnull)):
        with pytest.raises(CannotCreateError, match="a report to replace"):
            write_report(run, out=place)
    assert notes.read_text() == "precious"
    page = tmp_path / "page.html"
    first, again = (write_report(run, out=page, lang=language).read_bytes() for language in ("ko", "en"))
    assert first != again


def test_it_needs_no_compiler(run: Path, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom resilience.cli import main\ncode = main(sys.argv[1:])\n"
        "print(code, 'numba' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "report", str(run), "-o", str(tmp_path / "a.html")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0 False False"
