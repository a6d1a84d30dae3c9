"""The words of a report, in every language it speaks: one table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from resilience.errors import ConfigurationError, Problem, suggestion

LANGUAGES = {"en": "English", "ko": "한국어"}


@lru_cache(maxsize=1)
def load_words() -> dict[str, dict[str, str]]:
    """Return the text of every key, by language."""
    text = files("resilience.report").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class Words:
    """The words of one language.

    Parameters
    ----------
    language : {"en", "ko"}

    Raises
    ------
    ConfigurationError
        Another language.

    Examples
    --------
    >>> Words("en")("within", minutes=10), Words("ko").name("service", "power"), Words("en").name("service", "ferry")
    ('within 10 min', '전력', 'ferry')
    """

    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            hint = suggestion(self.language, LANGUAGES)
            raise ConfigurationError(
                Problem("language", wanted=f"{' or '.join(LANGUAGES)}{hint}", got=repr(self.language))
            )

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key, filled in."""
        return load_words()[key][self.language].format(**values)

    def plain(self, key: str) -> str:
        """Return the text of a key with its gaps."""
        return load_words()[key][self.language]

    def name(self, kind: str, name: str) -> str:
        """Return what the language calls a service, sector or peril; a name that a scenario made up stays as it is."""
        told = load_words().get(f"{kind}_{name}")
        return name if told is None else told[self.language]

    def root(self, root: str) -> str:
        """Return a root cause, a sector and a peril, for people."""
        sector, slash, peril = root.rpartition("/")
        if not slash:
            return root
        return self("root", sector=self.name("service", sector), peril=self.name("peril", peril))

    def cause(self, cause: str) -> str:
        """Return why an asset is down, for people."""
        if cause.startswith("need:"):
            return self("cause_need", service=self.name("service", cause.removeprefix("need:")))
        return self.name("cause", cause)


@dataclass(frozen=True)
class Units:
    """What a report counts in, in its language.

    Parameters
    ----------
    people : str
    hours : str
        People times hours.
    headline : str
        That of the figure that a report begins with.
    """

    people: str
    hours: str
    headline: str


def find_units(words: Words, unit: str, *, over_time: bool) -> Units:
    """Return what a report counts in.

    Parameters
    ----------
    words : Words
    unit : str
        What the run counts people in.
    over_time : bool
        Whether the run tells hours.

    Examples
    --------
    >>> find_units(Words("en"), "persons", over_time=True).headline
    'person-hours'
    >>> find_units(Words("en"), "households", over_time=True).headline
    'households hours'
    """
    people, hours = words.name("unit", unit), words.name("hours", unit)
    hours = words("hours_other", unit=people) if hours == unit else hours
    return Units(people, hours, hours if over_time else people)
