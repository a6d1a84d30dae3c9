"""What stands in ``manifest.json``: what was run, on what, by what, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputFile(_Section):
    """A file, or a folder such as a Zarr store, that the scenario names."""

    path: str
    bytes: int
    sha256: str = Field(
        description="of the file (with files beside it that say something of it, such as .aux.xml, of their hashes "
        "together), or of names, lengths and contents of all files below a folder"
    )


class HazardMap(_Section):
    """How the maps of an event family were understood."""

    family: str
    peril: str
    crs: str
    unit: str = Field(description="after conversion")
    nodata: str = Field(description="what cells without a value mean")
    outside: str = Field(description="what a place outside the map means")
    files: tuple[str, ...] = Field(description="every one, also of hours and of mosaics; none of a built-in city")
    events: int
    rows: int
    columns: int


class LayerFile(_Section):
    """A file of assets or zones."""

    path: str
    what: Literal["assets", "zones"]
    crs: str = Field(description="as the scenario or the file declares it")


class City(_Section):
    """What the maps met."""

    crs: str = Field(description="in which assets and zones are compared with each other")
    layers: tuple[LayerFile, ...]
    assets: int
    zones: int
    counted_in: str = Field(description="persons, or the unit that stands for them")


class Figures(_Section):
    """How much was computed."""

    samples: int
    block: int = Field(description="samples per block and chunk")
    events: int
    results: str = Field(description="the Zarr store")


class Machine(_Section):
    """Where it ran."""

    platform: str
    processor: str
    cores: int | None
    python: str
    kernel_cache: str = Field(description="folder of compiled kernels, or none")


class _Risk(BaseModel):
    catalogue_years: int
    bootstrap: int
    confidence: float


class _Asked(BaseModel):
    """What of a scenario is needed to read its result."""

    network: dict[str, Any]
    risk: _Risk


class Manifest(_Section):
    """The manifest of a finished run; a run without one is not finished."""

    schema_version: Literal[2] = 2
    run_id: str = Field(description="of the run directory since it was begun; the same after a resume")
    name: str
    scenario_sha256: str
    seed: int
    begun: str = Field(description="UTC, when the run directory was begun")
    started: str = Field(description="UTC, when the call that finished it started")
    ended: str = Field(description="UTC")
    exit_code: Literal[0] = 0
    figures: Figures
    inputs: tuple[InputFile, ...]
    hazards: tuple[HazardMap, ...]
    network: City
    code: dict[str, str] = Field(description="version and hash of this package, versions of what computes with it")
    versions: dict[str, str] = Field(description="of packages and native libraries")
    machine: Machine
    outputs: dict[str, str] = Field(description="SHA-256 of every file of the result, of folders as of inputs")
    scenario: dict[str, Any] = Field(description="resolved: absolute paths, defaults filled in")

    @field_validator("begun")
    @classmethod
    def _check_time(cls, told: str) -> str:
        datetime.fromisoformat(told)
        return told

    @field_validator("scenario")
    @classmethod
    def _check_scenario(cls, told: dict[str, Any]) -> dict[str, Any]:
        _Asked.model_validate(told)
        return told
