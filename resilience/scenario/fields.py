"""The kinds of value a scenario is made of, each with one message that says what is wanted."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AllowInfNan,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from resilience.scenario.folders import Folders

_NAME = re.compile(r"[^\W\d][\w-]*\Z")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Section(BaseModel):
    """A part of a scenario: unknown keys are refused, nothing changes after it was read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), serialize_by_alias=True, defer_build=True
    )


class Finding:
    """What is wrong where, before it has a file and a line.

    Parameters
    ----------
    *loc : str or int
        Keys and indices that lead to it, from the section that was checked.
    wanted, got : str
    """

    def __init__(self, *loc: str | int, wanted: str, got: str) -> None:
        self.loc = loc
        self.wanted = wanted
        self.got = got


def raise_findings(section: str, findings: Iterable[Finding]) -> None:
    """Raise all findings as one validation error, each at its own place, if there are any."""
    details = [
        InitErrorDetails(type=wrong(finding.wanted, finding.got), loc=finding.loc, input=None) for finding in findings
    ]
    if details:
        raise ValidationError.from_exception_data(section, details)


def wrong(wanted: str, got: str) -> PydanticCustomError:
    """Return the error that says both what was wanted and what was found."""
    return PydanticCustomError("scenario", "{wanted} (got {got})", {"wanted": wanted, "got": got})


def shown(value: object, *, limit: int = 60) -> str:
    """Return a value as a message quotes it.

    Examples
    --------
    >>> shown("flod"), shown({"a": 1}), shown([1, 2]), shown(None)
    ("'flod'", 'a mapping', 'a list', 'nothing')
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 4]}...{text[-1]}"


def whole(value: Any) -> int:
    """Return a whole number, however it is written; ``1e4`` is one, ``true`` is not."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise wrong("a whole number", shown(value))


def _name(value: Any) -> str:
    if isinstance(value, str) and _NAME.match(value):
        return value
    raise wrong("a name: a letter, then letters, digits, '_' or '-'", shown(value))


def _scalar(value: Any) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool) and value == value:
        return value
    raise wrong("a word or a number", shown(value))


def _crs(value: Any) -> str:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if not isinstance(value, str) or not value.strip():
        raise wrong("a coordinate reference system, e.g. EPSG:26986", shown(value))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            CRS.from_user_input(value)
    except (CRSError, ValueError):
        raise wrong("a coordinate reference system, e.g. EPSG:26986", shown(value)) from None
    return value


def _metric_crs(value: Any) -> str:
    from pyproj import CRS

    text = _crs(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crs = CRS.from_user_input(text)
    metric = crs.is_projected and all(axis.unit_conversion_factor == 1 for axis in crs.axis_info[:2])
    if not metric:
        unit = crs.axis_info[0].unit_name if crs.axis_info else "no unit"
        raise wrong("a projected system in metres (a UTM zone or the national grid)", f"{text} in {unit}")
    return text


def _path(value: Any, info: ValidationInfo) -> Path:
    context = info.context or {}
    environment: Mapping[str, str] = context.get("environment", os.environ)
    text = str(value) if isinstance(value, Path) else value
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise wrong("the path of a file, relative to the scenario", shown(value))
    unset = sorted({name for name in _VARIABLE.findall(text) if not environment.get(name)})
    if unset:
        raise wrong(f"environment variable {', '.join(unset)} to be set", f"{text!r} while it is unset")
    text = _VARIABLE.sub(lambda match: environment[match.group(1)], text)
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        raise wrong(f"a path that {encoding} can spell (PYTHONUTF8=1 makes it UTF-8)", shown(text)) from None
    # Not normalised: where a folder is a link, "folder/.." is what the operating system says it is.
    path = Path(context.get("base") or Path.cwd()) / text
    if _URL.match(text) or str(path).startswith("/vsi"):
        raise wrong("a file on this machine (download it first)", shown(text))
    if text.startswith("~"):
        raise wrong("a path; write ${HOME}/ for the home directory", shown(text))
    folders: Folders | None = context.get("folders")
    if folders is not None and (real := folders.leaves(path)) is not None:
        raise wrong(*folders.told(path, real))
    return path


def _many(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


class _OneOrMany:
    """JSON schema of a list that may be written as its only entry, or as a mapping to its entries."""

    def __init__(self, *, mapping: bool = False) -> None:
        self.mapping = mapping

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = handler(schema)
        items = handler.resolve_ref_schema(listed).get("items", {})
        mapped = [{"type": "object", "additionalProperties": items}] if self.mapping else []
        return {"anyOf": [items, listed, *mapped]}


Whole = Annotated[int, BeforeValidator(whole)]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Minutes = Annotated[Number, Field(gt=0, le=30_000)]
Hours = Annotated[Number, Field(ge=0, le=10_000_000)]
Share = Annotated[Number, Field(ge=0, le=1)]
Switch = Annotated[bool, Strict()]
Text = Annotated[str, StringConstraints(min_length=1, strict=True)]
Name = Annotated[str, BeforeValidator(_name)]
Scalar = Annotated[str | int | float | bool, BeforeValidator(_scalar)]
CrsText = Annotated[str, BeforeValidator(_crs)]
MetricCrsText = Annotated[str, BeforeValidator(_metric_crs)]
InputPath = Annotated[Path, BeforeValidator(_path)]
OneOrMany: Final = (BeforeValidator(_many), _OneOrMany())
OneOrManyOrMapping: Final = (BeforeValidator(_many), _OneOrMany(mapping=True))
Texts = Annotated[tuple[Text, ...], *OneOrMany]
