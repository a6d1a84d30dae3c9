"""The network section: which files hold the assets, the zones of people, and who needs what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from resilience.errors import suggestion
from resilience.scenario.fields import (
    CrsText,
    Finding,
    InputPath,
    NotNegative,
    Number,
    OneOrMany,
    Positive,
    Scalar,
    Section,
    Share,
    Switch,
    Text,
    Whole,
    raise_findings,
    shown,
)

BUILT_IN_FAMILIES = ("flood", "heatwave")
"""Event families that the built-in city brings where a scenario declares none."""

CURVE_ROLES: tuple[str, ...] = ("flood_damage", "flood_fragility", "heat_damage", "heat_fragility")
ASSET_COLUMNS: tuple[str, ...] = (
    "id", "sector", "kind", "geometry", "x", "y", "lon", "lat", "from_asset", "to_asset", "oneway",
    *(f"{role}_curve" for role in CURVE_ROLES),
    "component_height", "barrier_height", "seal_failure", "dry_threshold", "replacement_cost", "repair_class",
    "failure_group", "unavailability", "district", "access_asset", "length", "speed", "reactance", "rating",
)  # fmt: skip
ZONE_COLUMNS: tuple[str, ...] = (
    "id",
    "geometry",
    "x",
    "y",
    "lon",
    "lat",
    "persons",
    "district",
    "group",
    "period",
    "access_asset",
)
NEED_COLUMNS: tuple[str, ...] = (
    "id", "dependent", "service", "required", "buffer_hours", "start_probability", "recharge_hours", "buffer_height",
    "refuel_from",
)  # fmt: skip
DEPENDENCY_COLUMNS: tuple[str, ...] = ("need", "provider", "limit_minutes")
SUPPLY_COLUMNS: tuple[str, ...] = ("asset", "sector", "is_source", "capacity", "demand")

Filter = dict[str, Annotated[tuple[Scalar, ...], Field(min_length=1), *OneOrMany]]


class CurveNames(Section):
    """Names of the curves of a layer; a role without a name means that the peril does nothing of the kind."""

    flood_damage: Text | None = Field(default=None, description="share of the replacement cost lost at a depth")
    flood_fragility: Text | None = Field(default=None, description="probability of failure at a depth")
    heat_damage: Text | None = Field(default=None, description="share of the replacement cost lost at a temperature")
    heat_fragility: Text | None = Field(default=None, description="probability of failure at a temperature")


class Layer(Section):
    """A file of features, and how its columns are read."""

    path: InputPath = Field(description="GeoJSON, GeoPackage, Shapefile, CSV or GraphML")
    layer: Text | None = Field(default=None, description="layer of a file that holds several")
    format: Literal["vector", "table", "graphml"] | None = Field(
        default=None, description="what the file is; by default its suffix tells"
    )
    columns: dict[str, Text] = Field(
        default_factory=dict, description="our column: column of the file; `id: auto` numbers the rows"
    )
    where: Filter = Field(
        default_factory=dict, description="column of the file: value or values of the features that are read"
    )
    id_prefix: str = Field(default="", description="put before every id, so that ids are unique over all layers")
    crs: CrsText | None = Field(
        default=None, description="coordinate reference system; needed where the file does not tell"
    )

    encoding: Text | None = Field(default=None, description="of the text in a Shapefile or CSV, e.g. cp949")

    def constants(self) -> dict[str, Any]:
        """Return our columns that have one value for the whole layer."""
        return {}

    def known_columns(self) -> tuple[str, ...]:
        """Return the names that `columns` may map."""
        return ()

    @model_validator(mode="after")
    def _check(self) -> Layer:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        known = self.known_columns()
        constants = self.constants()
        for ours in self.columns:
            # Other columns may be kept to select by, so only what looks like a slip of ours is refused.
            if ours not in known and (hint := suggestion(ours, known)):
                wanted = f"one of {', '.join(known)}, or another name for a column to select by{hint}"
                yield Finding("columns", ours, wanted=wanted, got=f"unknown column {ours!r}")
            elif ours in constants:
                yield Finding("columns", ours, wanted=f"{ours} as a column or as a constant", got="both")


class AssetLayer(Layer):
    """Assets of one file: nodes, links, or both; constants stand for columns the file does not have."""

    sector: Text | None = Field(default=None, description="network of all assets of the layer, e.g. power")
    kind: Text | None = Field(default=None, description="what all assets of the layer are, e.g. substation")
    node_kind: Text | None = Field(default=None, description="kind of the nodes, where one file holds nodes and links")
    end_prefix: str | None = Field(default=None, description="put before from_asset and to_asset; by default id_prefix")
    topology: Literal["endpoints"] | None = Field(
        default=None, description="endpoints: lines become links, nodes are made where their ends meet"
    )
    tolerance_m: NotNegative | None = Field(
        default=None, description="with topology: ends nearer than this are one node"
    )
    curves: CurveNames = Field(default_factory=CurveNames, description="curves of all assets of the layer")
    component_height: Number | None = Field(default=None, description="m above ground of the lowest vital component")
    barrier_height: NotNegative | None = Field(default=None, description="m above ground of a flood barrier")
    seal_failure: Share | None = Field(default=None, description="probability that the barrier leaks")
    dry_threshold: NotNegative | None = Field(default=None, description="m of water below which a line counts as dry")
    replacement_cost: NotNegative | None = Field(default=None, description="money per asset")
    repair_class: Text | None = Field(default=None, description="class that sets the repair time")
    failure_group: Text | None = Field(default=None, description="assets of one group fail together")
    unavailability: Share | None = Field(
        default=None, description="probability that an asset is out in an event, whatever the hazard"
    )
    district: Text | None = Field(default=None, description="district of all assets of the layer")
    oneway: Switch | None = Field(default=None, description="whether links lead only from from_asset to to_asset")
    speed_kmh: Positive | None = Field(default=None, description="free speed on links, km/h")

    def constants(self) -> dict[str, Any]:
        """Return our columns that have one value for the whole layer, in SI units.

        Examples
        --------
        >>> AssetLayer(path="/a.csv", sector="medical", curves={"flood_fragility": "door"}).constants()
        {'sector': 'medical', 'flood_fragility_curve': 'door'}
        """
        own = {name: getattr(self, name) for name in ASSET_COLUMNS if name in type(self).model_fields}
        own |= {f"{role}_curve": getattr(self.curves, role) for role in CURVE_ROLES}
        own["speed"] = None if self.speed_kmh is None else self.speed_kmh / 3.6
        return {name: value for name, value in own.items() if value is not None}

    def known_columns(self) -> tuple[str, ...]:
        """Return the names that `columns` may map."""
        return ASSET_COLUMNS

    def _findings(self) -> Iterator[Finding]:
        yield from super()._findings()
        graph = self.format == "graphml" or (self.format is None and self.path.suffix.lower() == ".graphml")
        if self.node_kind is not None and not graph and self.topology is None:
            wanted = "node_kind only for a GraphML file or with topology"
            yield Finding("node_kind", wanted=wanted, got=shown(self.node_kind))
        if self.tolerance_m is not None and self.topology is None:
            yield Finding("tolerance_m", wanted="topology: endpoints", got="tolerance_m alone")
        if graph:
            # A graph tells itself what its links join and which way they lead.
            for name in ("where", "layer", "encoding", "topology", "end_prefix", "oneway"):
                if getattr(self, name) not in (None, {}):
                    yield Finding(name, wanted=f"no {name} for a GraphML file", got=shown(getattr(self, name)))
        if self.seal_failure is not None and self.barrier_height is None and "barrier_height" not in self.columns:
            yield Finding("seal_failure", wanted="barrier_height of the barrier that leaks", got="no barrier_height")
        if self.sector is None and "sector" not in self.columns:
            wanted = "sector: one word for the layer, or columns: {sector: column of the file}"
            yield Finding("sector", wanted=wanted, got="neither")


class ZoneLayer(Layer):
    """Zones of people of one file."""

    persons: NotNegative | None = Field(default=None, description="people per zone, where the file has no such column")
    district: Text | None = Field(default=None, description="district of all zones of the layer")
    group: Text | None = Field(default=None, description="group of people, e.g. elderly")
    period: Text | None = Field(default=None, description="period of the day, e.g. night")

    def constants(self) -> dict[str, Any]:
        """Return our columns that have one value for the whole layer."""
        own = {name: getattr(self, name) for name in ("persons", "district", "group", "period")}
        return {name: value for name, value in own.items() if value is not None}

    def known_columns(self) -> tuple[str, ...]:
        """Return the names that `columns` may map."""
        return ZONE_COLUMNS

    def _findings(self) -> Iterator[Finding]:
        yield from super()._findings()
        if self.persons is None and "persons" not in self.columns:
            wanted = "persons: one number for the layer, or columns: {persons: column of the file}"
            yield Finding("persons", wanted=wanted, got="neither")


class _PathOrMapping:
    """JSON schema of a mapping that may be written as its path alone."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "format": "path"}, handler(schema)]}


def _as_table(value: Any) -> Any:
    return value if isinstance(value, Mapping | TableFile) else {"path": value}


class TableFile(Section):
    """A CSV table, and how its columns are read."""

    path: InputPath = Field(description="CSV file")
    columns: dict[str, Text] = Field(default_factory=dict, description="our column: column of the file")
    encoding: Text | None = Field(default=None, description="of the text, e.g. cp949")


Table = Annotated[TableFile, BeforeValidator(_as_table), _PathOrMapping()]


class SyntheticCity(Section):
    """The built-in city, made from a seed."""

    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = Field(default=0, description="seed of the city, not of the samples")
    size: Annotated[Whole, Field(ge=500, le=5_000_000)] = Field(default=5_000, description="number of assets")
    standby: Switch = Field(
        default=True,
        description="whether people have the standby data centre, by the fail-over control in the basement of the "
        "first; false leaves it to `redundancy`",
    )
    hourly_heat: Switch = Field(
        default=False,
        description="whether its heatwaves are told hour by hour (days 9 K wide, default by judgement) rather than by "
        "the highest temperature of their days",
    )


class NetworkSection(Section):
    """Assets, zones, and the tables of who needs what; or the built-in city."""

    persons_unit: Text = Field(default="persons", description="what `persons` counts; carried into every output")
    assets: Annotated[tuple[AssetLayer, ...], *OneOrMany] = Field(default=(), description="layers of assets")
    zones: Annotated[tuple[ZoneLayer, ...], *OneOrMany] = Field(default=(), description="layers of zones of people")
    needs: Table | None = Field(default=None, description="table of needs; rules add to it")
    dependencies: Table | None = Field(default=None, description="table of the providers of needs; rules add to it")
    supply: Table | None = Field(default=None, description="table of sources, capacities and demands; rules add to it")
    synthetic: SyntheticCity | None = Field(default=None, description="the built-in city instead of files")

    @model_validator(mode="after")
    def _check(self) -> NetworkSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        given = [key for key in ("assets", "zones", "needs", "dependencies", "supply") if getattr(self, key)]
        if self.synthetic is not None and given:
            yield Finding(given[0], wanted="either files or the synthetic city", got="both")
        if self.synthetic is None:
            if not self.assets:
                yield Finding("assets", wanted="at least one layer of assets (or synthetic: {})", got="none")
            if not self.zones:
                yield Finding("zones", wanted="at least one layer of zones of people", got="none")
        if (self.needs is None) != (self.dependencies is None):
            alone = "needs" if self.needs is not None else "dependencies"
            yield Finding(alone, wanted="needs and dependencies together", got=f"{alone} alone")
        known = {"needs": NEED_COLUMNS, "dependencies": DEPENDENCY_COLUMNS, "supply": SUPPLY_COLUMNS}
        for key, columns in known.items():
            table: TableFile | None = getattr(self, key)
            for ours in table.columns if table is not None else {}:
                if ours not in columns:
                    wanted = f"one of {', '.join(columns)}{suggestion(ours, columns)}"
                    yield Finding(key, "columns", ours, wanted=wanted, got=f"unknown column {ours!r}")
