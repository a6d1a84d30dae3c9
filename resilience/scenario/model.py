"""The scenario: one file that says what is assessed, with which inputs, and how."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, PrivateAttr, TypeAdapter, ValidationError, model_validator

from resilience.errors import ConfigurationError, Problem
from resilience.scenario.branches import BranchSection
from resilience.scenario.checks import Sections, check_sections
from resilience.scenario.dump import dump_yaml
from resilience.scenario.fields import (
    Finding,
    MetricCrsText,
    Name,
    OneOrMany,
    Section,
    Share,
    Whole,
    raise_findings,
    whole,
)
from resilience.scenario.folders import Folders, granted, named_in
from resilience.scenario.hazards import HazardSection
from resilience.scenario.heat import HeatSection
from resilience.scenario.messages import Places, problems_of
from resilience.scenario.method import (
    CascadeSection,
    CurvesSection,
    ImportanceSection,
    MonteCarloSection,
    OutputsSection,
    RiskSection,
    TimeSection,
)
from resilience.scenario.networks import NetworkSection
from resilience.scenario.options import Amount, OptionSection
from resilience.scenario.redundancy import Redundancy
from resilience.scenario.rules import IndicatorSection, Rule, ServiceSection
from resilience.scenario.sequences import JointSection, SequenceSection
from resilience.scenario.source import Node, read_source, set_value

_SPANNED = tuple(field.name for field in fields(Sections))
SCHEMA_LINE = "# yaml-language-server: $schema=./schema.json"


class Scenario(Section):
    """What is assessed, with which inputs, and how.

    Read one with :meth:`from_yaml` or :meth:`from_dict`, which tell everything that is wrong at once. Paths are
    absolute in a scenario that was read; defaults are filled in.

    Examples
    --------
    >>> scenario = Scenario.from_dict({
    ...     "schema_version": 1,
    ...     "name": "demo",
    ...     "network": {"synthetic": {"size": 2000}},
    ...     "monte_carlo": {"samples": 1024},
    ... })
    >>> scenario.monte_carlo.samples, scenario.risk.rule
    (1024, 'trapezoid')
    """

    schema_version: Annotated[Literal[1], BeforeValidator(whole)] = Field(description="1")
    name: Name = Field(description="name of the scenario")
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = Field(default=0, description="seed of all draws of chance")
    crs: MetricCrsText | None = Field(default=None, description="metric coordinate reference system to work in")
    hazards: tuple[HazardSection, ...] = Field(
        default=(), description="event families; the built-in city has its own where there are none"
    )
    network: NetworkSection = Field(description="assets, zones and who needs what")
    rules: tuple[Rule, ...] = Field(default=(), description="rules that derive needs, access and supply")
    redundancy: Annotated[tuple[Redundancy, ...], *OneOrMany] = Field(
        default=(), description="spare units and standby sites: assets and needs that are derived after the rules"
    )
    services: dict[Name, ServiceSection] = Field(
        default_factory=dict,
        description="services, in the order in which they are named as causes; the built-in city has its own",
    )
    indicators: dict[Name, IndicatorSection] = Field(
        default_factory=dict, description="per district, whether too many are without services in time"
    )
    curves: CurvesSection = Field(default_factory=CurvesSection, description="damage and fragility curves")
    cascade: CascadeSection = Field(default_factory=CascadeSection, description="how failures spread")
    monte_carlo: MonteCarloSection = Field(default_factory=MonteCarloSection, description="samples")
    time: TimeSection | None = Field(
        default=None, description="services over time: buffers end, what failed comes back"
    )
    heat: HeatSection | None = Field(
        default=None,
        description="what heat does to people, rails, data centres, crews and power; `{}` for people alone",
    )
    sequences: tuple[SequenceSection, ...] = Field(
        default=(), description="hazards that come one after the other, as one event each; need a time section"
    )
    joint: tuple[JointSection, ...] = Field(
        default=(), description="pairs of families whose severities of a year belong together"
    )
    branches: tuple[BranchSection, ...] = Field(
        default=(),
        description="the run again under what is not known, with the same random numbers, beside the run itself",
    )
    options: tuple[OptionSection, ...] = Field(
        default=(), description="what could be done: the run again on the changed city, with the same random numbers"
    )
    values: dict[Name, Amount] | None = Field(
        default=None,
        description="money that a person-hour without each service is worth, to weigh what options save; no default: "
        "a judgement that is the user's own. Services that are not named count nothing",
    )
    discount_rate: Share | None = Field(
        default=None,
        description="per year, for what options save and cost later; 0.045 where absent (default by "
        "judgement: the social rate of the Republic of Korea, from memory)",
    )
    risk: RiskSection = Field(default_factory=RiskSection, description="from events to expected values")
    importance: ImportanceSection = Field(default_factory=ImportanceSection, description="whose failure matters")
    outputs: OutputsSection = Field(default_factory=OutputsSection, description="what is written")

    _places: Places = PrivateAttr(default_factory=Places)

    @model_validator(mode="after")
    def _check(self) -> Scenario:
        sections = Sections(**{name: getattr(self, name) for name in _SPANNED})
        raise_findings(type(self).__name__, check_sections(sections))
        return self

    def __repr__(self) -> str:
        families = ", ".join(section.family for section in self.hazards) or "those of the built-in city"
        return f"<Scenario {self.name!r}: hazards {families}; {self.monte_carlo.samples:,} samples, seed {self.seed}>"

    @classmethod
    def from_yaml(
        cls,
        path: str | Path,
        *,
        changes: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
        allow_outside: Iterable[str | Path] = (),
    ) -> Scenario:
        """Return the scenario of a YAML file.

        Parameters
        ----------
        path : str or pathlib.Path
            Paths in the file count from its folder.
        changes : iterable of str, optional
            Values that replace those of the file, as ``monte_carlo.samples=1024``.
        environment : mapping, optional
            What ``${NAME}`` in a path stands for; by default the process's own environment.
        allow_outside : iterable of path, optional
            Folders below which files may be, beside the folder of the scenario, those of ``${NAME}`` at the beginning
            of a path (``${HOME}`` and the like aside) and those of paths in `changes`.

        Raises
        ------
        MissingInputError
            The file is not there or cannot be opened.
        ConfigurationError
            With everything that is wrong, each with file, line and column.
        """
        root = read_source(path)
        changes = tuple(changes)
        for change in changes:
            root = set_value(root, change)
        base = Path(path).absolute().parent
        environment = os.environ if environment is None else environment
        outside = (*allow_outside, *named_in(changes, base), *granted(root.texts(), environment))
        return cls._from_node(root, base, environment, Folders(base, outside))

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, Any],
        *,
        base: str | Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Scenario:
        """Return the scenario of plain data.

        Parameters
        ----------
        data : mapping
            As a scenario file has it. It comes from a program, so its paths may lead anywhere on this machine.
        base : str or pathlib.Path, optional
            Folder from which paths count; by default the current one.
        environment : mapping, optional
            What ``${NAME}`` in a path stands for; by default the process's own environment.

        Raises
        ------
        ConfigurationError
            With everything that is wrong.
        """
        return cls._from_node(Node.of(data), Path(base or Path.cwd()).absolute(), environment)

    @classmethod
    def _from_node(
        cls, root: Node, base: Path, environment: Mapping[str, str] | None, folders: Folders | None = None
    ) -> Scenario:
        data = root.data()
        if not isinstance(data, dict):
            got = "an empty file" if data is None else "something else"
            where = str(root.place or "")
            raise ConfigurationError(
                Problem("scenario", wanted="keys: schema_version, name, ...", got=got, where=where)
            )
        context = {
            "base": base, "environment": os.environ if environment is None else environment, "folders": folders,
        }  # fmt: skip
        try:
            scenario = cls.model_validate(data, context=context)
            raise_findings(cls.__name__, scenario._filled_findings(folders))
            scenario._places = Places(root)
            return scenario
        except ValidationError as error:
            # What spans sections is told together with what is wrong inside one of them.
            errors = (error, *cls._check_sound_sections(data, context))
            raise ConfigurationError(problems_of(errors, root, cls)) from None

    def _filled_findings(self, folders: Folders | None) -> Iterator[Finding]:
        """Yield what is wrong with a path only when its pattern is filled in: an event may be called `../..`."""
        for i, section in enumerate(self.hazards):
            for part in section.parts().values():
                paths = [path for source in part.sources() for path in source.hour_paths or (source.path,)]
                if any(str(path).startswith("/vsi") for path in paths):
                    yield Finding("hazards", i, "files", wanted="files on this machine", got="others")
                for path in paths:
                    if folders is not None and (real := folders.leaves(path)) is not None:
                        wanted, got = folders.told(path, real)
                        yield Finding("hazards", i, "files", wanted=wanted, got=got)
                        break

    @classmethod
    def _check_sound_sections(cls, data: dict[str, Any], context: dict[str, Any]) -> list[ValidationError]:
        sound: dict[str, Any] = {}
        for name in _SPANNED:
            field = cls.model_fields[name]
            kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
            try:
                given = data[name] if name in data else field.get_default(call_default_factory=True)
                sound[name] = TypeAdapter(kind).validate_python(given, context=context)
            except ValidationError:
                sound[name] = None
        try:
            raise_findings(cls.__name__, check_sections(Sections(**sound)))
        except ValidationError as error:
            return [error]
        return []

    def place(self, key: str) -> str:
        """Return where a dotted key, such as ``hazards.0.path``, stands: file, line and column; empty for no file."""
        return self._places.find(key)

    def place_of_entry(self, key: str, number: int) -> str:
        """Return where an entry of the list, or of the mapping, at a dotted key stands; empty for no file."""
        return self._places.find_entry(key, number)

    def to_dict(self) -> dict[str, Any]:
        """Return the resolved scenario as plain data: absolute paths, defaults filled in, absent keys left out."""
        return cast(dict[str, Any], _pruned(self.model_dump(mode="json", by_alias=True)))

    def to_yaml(self) -> str:
        """Return the resolved scenario as YAML; reading it gives an equal scenario."""
        return f"{SCHEMA_LINE}\n{dump_yaml(self.to_dict())}"

    def digest(self) -> str:
        """Return the SHA-256 of the resolved scenario.

        Notes
        -----
        Two files that mean the same have the same digest. The order of `services` counts, since it is the precedence
        of causes, and that of `cascade.levels` where a level is solved in its turn. Paths are absolute, so a scenario
        that moved has another digest; what the files hold does not count.
        """
        data = self.to_dict()
        data["services"] = list(data["services"].items())
        if any(level.partial for level in self.cascade.levels.values()):
            data["cascade"]["levels"] = list(data["cascade"]["levels"].items())
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def changed_keys(self, other: Scenario) -> tuple[str, ...]:
        """Return the dotted keys whose values differ between two scenarios.

        Examples
        --------
        >>> data = {"schema_version": 1, "name": "a", "network": {"synthetic": {}}}
        >>> one = Scenario.from_dict(data)
        >>> one.changed_keys(Scenario.from_dict({**data, "name": "b", "risk": {"tail": "none"}}))
        ('name', 'risk.tail')
        """
        one, two = dict(_flat(self.to_dict())), dict(_flat(other.to_dict()))
        keys = {key: None for key in (*one, *two) if one.get(key) != two.get(key)}
        if not keys and list(self.services) != list(other.services):
            return ("services",)
        if not keys and self.digest() != other.digest():
            return ("cascade.levels",)
        return tuple(keys)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of scenario files, for completion and checks in an editor."""
        schema = cls.model_json_schema(by_alias=True, mode="validation")
        for part in (schema, *schema["$defs"].values()):
            part["description"] = " ".join(part["description"].split("\n\n")[0].split())
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _pruned(data: Any) -> Any:
    if isinstance(data, dict):
        kept = {key: _pruned(value) for key, value in data.items()}
        return {key: value for key, value in kept.items() if value is not None and value not in ([], "")}
    return [_pruned(value) for value in data] if isinstance(data, list) else data


def _flat(data: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    if not isinstance(data, dict | list):
        yield prefix, data
        return
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
