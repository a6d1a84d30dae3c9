"""Files that name other files or servers: GDAL would follow them, so they are looked into before it opens them.

What a scenario names is on this machine; a file must not turn it into a request to a server, or into the opening of
what nobody named. Mosaics of files (VRT) are read, and what they are made of is told.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any
from xml.parsers import expat

from resilience.errors import DataError, Problem
from resilience.files import is_there

MOST_SOURCES = 100_000
MOST_UNPACKED = 4 * 2**30

_HEAD = 8192
# GDAL knows such descriptions by these words near their beginning, whatever the file is called.
_SERVICE = re.compile(
    rb"<(?:\w+:)?(?:GDAL_WM|WMS_|WMT_|MRF_META|WCS_|GDALTileIndex|OGRWFS|OGRCSW|OGROAPIF|OGRVRT|\w*Capabilities\b|TileMap)"
    rb"|gdal_streamed_alg|gdal_virtual_file"
)
_MOSAIC = b"<VRTDataset"
_FILE_NAMES = ("SourceFilename", "SourceDataset")
# What else may stand in a mosaic can name files of its own, under names of its own.
_KINDS = (None, "VRTWarpedDataset", "VRTSourcedRasterBand", "VRTWarpedRasterBand", "VRTDerivedRasterBand")
_TRANSFORMERS = ("ApproxTransformer", "GenImgProjTransformer", "ReprojectTransformer", "ReprojectionTransformer")


def raster_sources(path: str | Path) -> tuple[Path, ...]:
    """Return the files that a raster is made of besides itself; none for a raster of one file.

    Parameters
    ----------
    path : path
        A file that is there.

    Raises
    ------
    DataError
        It is the description of a service, or made of what is not a file below its own folder.
    """
    found: dict[Path, None] = {}
    pending = [Path(path)]
    root = os.path.realpath(Path(os.path.realpath(path)).parent)
    while pending:
        file = pending.pop()
        sources = [part for one in _with_sidecars(file) for part in _sources_of(one)]
        lost = [one for one in sources if os.path.commonpath((root, os.path.realpath(one))) != root]
        if lost:
            wanted = f"a mosaic of files below its own folder, {root} (write it into a folder above its files)"
            raise DataError(
                Problem(
                    str(path),
                    wanted,
                    "files that are elsewhere",
                    len(lost),
                    len(sources),
                    [str(one) for one in lost[:3]],
                )
            )
        new = [source for source in dict.fromkeys(sources) if source not in found]
        found.update(dict.fromkeys(new))
        pending += new
        if len(found) > MOST_SOURCES:
            raise DataError(Problem(str(path), f"a mosaic of at most {MOST_SOURCES:,} files", "more"))
    return tuple(found)


def demand_layer_of_its_own(path: Path) -> None:
    """Raise if a vector file only describes where features are, or unpacks to more than can be meant.

    Raises
    ------
    DataError
        It does.
    """
    if not path.is_file():
        return
    wanted = "the features themselves (GeoPackage, GeoJSON, Shapefile, FlatGeobuf, CSV), downloaded first"
    heads = {"": _head(path)}
    if zipfile.is_zipfile(path):
        try:
            heads |= _heads_in_archive(path)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
            raise DataError(Problem(str(path), "an archive that can be read", str(error))) from error
    for name, head in heads.items():
        if _SERVICE.search(head) or _MOSAIC in head:
            raise DataError(Problem(f"{path}{name}", wanted, "a description of layers that are elsewhere"))


def _heads_in_archive(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        if unpacked > MOST_UNPACKED:
            got = f"an archive of {unpacked:,} bytes when unpacked"
            raise DataError(Problem(str(path), f"at most {MOST_UNPACKED:,} bytes in an archive", got))
        heads = {}
        for member in members:
            if member.filename.lower().endswith((".vrt", ".json", ".xml")):
                with archive.open(member) as file:
                    heads[f" {member.filename}"] = file.read(_HEAD)
    return heads


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _with_sidecars(file: Path) -> list[Path]:
    """Return a raster and the files beside it that GDAL opens as further rasters."""
    beside = [file.with_name(file.name + suffix) for suffix in (".msk", ".ovr")]
    return [file, *(one for one in beside if one.is_file())]


def _sources_of(file: Path) -> list[Path]:
    if not file.is_file():
        return []
    head = _head(file)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _MOSAIC not in head:
        if text[:1] in (b"<", b"{", b"[") or _SERVICE.search(head):
            raise DataError(
                Problem(str(file), "the cells themselves, e.g. a GeoTIFF, downloaded first", "a description of a map")
            )
        return []
    mosaic = _Mosaic()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = mosaic.start, mosaic.end
    parser.CharacterDataHandler = mosaic.characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = mosaic.refuse
    wanted = "a mosaic as gdalbuildvrt or gdalwarp writes it, of files on this machine"
    try:
        with file.open("rb") as stream:
            parser.ParseFile(stream)
    except (expat.ExpatError, ValueError) as error:
        raise DataError(Problem(str(file), wanted, f"another: {error}")) from error
    sources = []
    for name, relative in mosaic.names:
        # GDAL counts from where a link leads.
        source = Path(os.path.realpath(file)).parent / name if relative else Path(name)
        if not is_there(source):
            raise DataError(Problem(str(file), wanted, f"a source that is no file: {name[:200]}"))
        sources.append(source)
    return sources


class _Mosaic:
    """Receives the elements of a VRT and keeps the names of files."""

    def __init__(self) -> None:
        self.names: list[tuple[str, bool]] = []
        self.path: list[str] = []
        self.text: list[str] = []
        self.relative = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self.path and tag != "VRTDataset":
            raise ValueError(f"the root is <{tag}>")
        kind = attributes.get("subClass")
        if kind not in _KINDS:
            raise ValueError(f"{kind}")
        if tag.endswith("Transformer") and tag not in _TRANSFORMERS and self.path[-1:] != ["Transformer"]:
            raise ValueError(f"<{tag}>")
        if self.path[-1:] == ["Transformer"] and tag not in _TRANSFORMERS:
            raise ValueError(f"<{tag}>")
        self.path.append(tag)
        self.text = []
        self.relative = attributes.get("relativeToVRT", attributes.get("relativetoVRT", "0")) == "1"

    def end(self, tag: str) -> None:
        self.path.pop()
        if tag in _FILE_NAMES:
            self.names.append(("".join(self.text).strip(), self.relative))

    def characters(self, text: str) -> None:
        self.text.append(text)

    def refuse(self, *_: Any) -> None:
        raise ValueError("a document type or entity declaration")
