"""What is exported: a finished run, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resilience.choices import choose_some
from resilience.labels import texts
from resilience.reading import FinishedRun


@dataclass(frozen=True)
class About:
    """What a catalogue of data must be told beside a result.

    Parameters
    ----------
    publisher : str, optional
        Name of who publishes the data.
    contact : str, optional
        Mail or web address of the publisher.
    license : str, optional
        Of the data, such as ``"CC-BY-4.0"``.
    url : str, optional
        Where the data are to be had.
    processes : mapping of str to str
        What makes each family of floods, such as ``{"river": "fluvial_flood"}``.
    """

    publisher: str | None = None
    contact: str | None = None
    license: str | None = None
    url: str | None = None
    processes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A finished run, and what of it is exported.

    Parameters
    ----------
    run : FinishedRun
    asked : sequence of str
        Names of events; none for what each format has by default.
    about : About
    """

    run: FinishedRun
    asked: Sequence[str] = ()
    about: About = field(default_factory=About)

    def events(self) -> list[str]:
        """Return the names of the events asked for; all where none is.

        Raises
        ------
        ConfigurationError
            One is not in the run.
        """
        return choose_some(self.asked, texts(self.run.dataset, "event").tolist(), what="event")

    def attributes(self) -> dict[str, str]:
        """Return what an exported file says of where it comes from."""
        result, manifest = self.run.result, self.run.manifest
        synthetic = "; the city is synthetic" if result.is_synthetic else ""
        version = manifest.code.get("urban-resilience", "of an unknown version")
        return {
            "title": result.title,
            "source": f"urban-resilience {version}{synthetic}",
            "history": f"{manifest.ended} run {manifest.run_id}",
            "scenario_sha256": manifest.scenario_sha256,
        }
