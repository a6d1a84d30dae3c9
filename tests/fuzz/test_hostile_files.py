"""Files that point elsewhere: told in a message, and nobody is asked for anything."""

from __future__ import annotations

import json
import select
import socket
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from resilience.errors import DataError
from resilience.readers import elsewhere
from resilience.readers.elsewhere import raster_sources
from resilience.scenario import Scenario
from resilience.writing import input_paths

pytestmark = pytest.mark.faults

Change = Callable[[Any, str], Any]

WMS = (
    '<GDAL_WMS><Service name="WMS"><ServerUrl>{url}?</ServerUrl><Layers>x</Layers></Service><DataWindow>'
    "<UpperLeftX>200000</UpperLeftX><UpperLeftY>300400</UpperLeftY><LowerRightX>200400</LowerRightX>"
    "<LowerRightY>300000</LowerRightY><SizeX>40</SizeX><SizeY>40</SizeY></DataWindow>"
    "<Projection>EPSG:5187</Projection><BandsCount>1</BandsCount><DataType>Float32</DataType></GDAL_WMS>"
)
VRT = (
    '<VRTDataset rasterXSize="40" rasterYSize="40"{more}><SRS>EPSG:5187</SRS>'
    "<GeoTransform>200000, 10, 0, 300400, 0, -10</GeoTransform>"
    '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
    '<SourceFilename relativeToVRT="{relative}">{source}</SourceFilename><SourceBand>1</SourceBand>'
    "</SimpleSource></VRTRasterBand></VRTDataset>"
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Return an address where nobody answers, and whether anybody called there."""
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "2")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield (
            f"http://127.0.0.1:{listener.getsockname()[1]}/x",
            lambda: bool(select.select([listener], [], [], 0)[0]),
        )


def maps(text: str, suffix: str = "") -> Change:
    def change(town: Any, url: str) -> None:
        for period in town.PERIODS:
            town.write(f"depth_rp{period}.tif{suffix}", text.replace("{url}", url))

    return change


def mosaic(source: str, *, relative: int = 0, more: str = "") -> Change:
    return maps(VRT.format(source=source, relative=relative, more=more))


def sites(text: str) -> Change:
    return lambda town, url: town.write("sites.geojson", text.replace("{url}", url))


def mosaic_of_service(town: Any, url: str) -> None:
    town.write("inner.xml", WMS.replace("{url}", url))
    mosaic("inner.xml", relative=1)(town, url)


def mosaic_of_mosaic(town: Any, url: str) -> None:
    town.write("inner.vrt", VRT.format(source=f"/vsicurl/{url}", relative=0, more=""))
    mosaic("inner.vrt", relative=1)(town, url)


def mosaic_out_of_folder(town: Any, _: str) -> None:
    (town.root / "depth_rp10.tif").rename(town.root.parent / "outside.tif")
    mosaic("../outside.tif", relative=1)(town, "")


def zipped_description(town: Any, url: str) -> None:
    with zipfile.ZipFile(town.root / "sites.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sites.vrt", OGR_VRT.replace("{url}", url))
    town.scenario["network"]["assets"][0]["path"] = "sites.zip"


OGR_VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="sites"><SrcDataSource>/vsicurl/{url}</SrcDataSource></OGRVRTLayer>'
    "</OGRVRTDataSource>"
)
STREAM = json.dumps({"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read {url} ! write out"})
ELSEWHERE: list[tuple[str, Change, str]] = [
    ("map service", maps(WMS), "a description of a map"),
    ("map service as a mask", maps(WMS, ".msk"), "depth_rp10.tif.msk"),
    ("map service as overviews", maps(WMS, ".ovr"), "depth_rp10.tif.ovr"),
    ("map service after a byte-order mark", maps("\ufeff \n" + WMS), "a description of a map"),
    ("tiles of a catalogue", maps('{"type": "Feature", "assets": {"x": {"href": "{url}"}}}'), "a description"),
    ("mosaic of an address", mosaic("/vsicurl/{url}"), "no file"),
    ("mosaic of a query", mosaic("WMS:{url}"), "no file"),
    ("mosaic of a service", mosaic_of_service, "a description of a map"),
    ("mosaic of a mosaic of an address", mosaic_of_mosaic, "no file"),
    ("mosaic with text before it", maps("# here\n" + VRT.format(source="/vsicurl/{url}", relative=0, more="")), "VRT"),
    ("mosaic of another kind", mosaic("x", more=' subClass="VRTProcessedDataset"'), "VRTProcessedDataset"),
    ("mosaic with entities", maps('<!DOCTYPE a [<!ENTITY b "c">]>' + VRT), "document type"),
    ("mosaic of files above it", mosaic_out_of_folder, "files that are elsewhere"),
    ("layers of an address", sites(OGR_VRT), "a description of layers"),
    ("feature service", sites("<OGRWFSDataSource><URL>{url}</URL></OGRWFSDataSource>"), "a description of layers"),
    ("steps of work", sites(STREAM), "a description of layers"),
    ("layers of an address, packed", zipped_description, "sites.zip sites.vrt"),
]


@pytest.mark.parametrize(("name", "change", "words"), ELSEWHERE, ids=[case[0] for case in ELSEWHERE])
def test_no_file_makes_a_request(town: Any, server: Any, name: str, change: Change, words: str) -> None:
    url, called = server
    change(town, url)
    words = "another" if words == "VRT" else words
    town.refused(65, words, verbs=("check",))
    assert not called()


def test_the_listener_hears_a_request(town: Any, server: Any) -> None:
    url, called = server
    with socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0]))):
        assert called()


def test_a_mosaic_of_files_is_read_like_the_files(town: Any) -> None:
    for period in town.PERIODS:
        (town.root / "tiles").mkdir(exist_ok=True)
        (town.root / f"depth_rp{period}.tif").rename(town.root / "tiles" / f"{period}.tif")
        town.write(f"inner{period}.vrt", VRT.format(source=f"tiles/{period}.tif", relative=1, more=""))
        town.write(f"depth_rp{period}.tif", VRT.format(source=f"inner{period}.vrt", relative=1, more=""))
    outcome = town.check()
    assert outcome.code == 0, outcome.err
    told = raster_sources(town.root / "depth_rp10.tif")
    assert [path.name for path in told] == ["inner10.vrt", "10.tif"]


def test_what_belongs_to_an_input_is_an_input(town: Any) -> None:
    """A run that goes on must see that a file changed which the scenario does not name itself."""
    town.write("depth_rp10.tif", VRT.format(source="depth_rp100.tif", relative=1, more=""))
    for suffix in (".shp", ".dbf", ".prj"):
        town.write(f"sites{suffix}", "")
    town.write("sites2.dbf", "")
    town.hazard.update(files=["depth_rp10.tif"], return_periods=[10])
    town.scenario["network"]["assets"][0]["path"] = "sites.shp"
    file = {"path": "c.csv", "layout": "snail", "metadata": "about.csv"}
    town.scenario["curves"] = {"files": [file]}
    names = {path.name for path in input_paths(Scenario.from_dict(town.scenario, base=town.root))}
    assert {"depth_rp10.tif", "depth_rp100.tif", "sites.shp", "sites.dbf", "sites.prj", "c.csv", "about.csv"} <= names
    assert "sites2.dbf" not in names


def test_mosaics_that_go_round_in_circles_end(town: Any) -> None:
    town.write("a.vrt", VRT.format(source="b.vrt", relative=1, more=""))
    town.write("b.vrt", VRT.format(source="a.vrt", relative=1, more=""))
    assert [path.name for path in raster_sources(town.root / "a.vrt")] == ["b.vrt", "a.vrt"]


def test_a_mosaic_has_a_largest_size(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "MOST_SOURCES", 0)
    town.write("a.vrt", VRT.format(source="depth_rp10.tif", relative=1, more=""))
    with pytest.raises(DataError, match="at most 0 files"):
        raster_sources(town.root / "a.vrt")
