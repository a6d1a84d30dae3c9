"""What is exported: a finished run, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from resilience.choices import choose_some
from resilience.events import rated_events
from resilience.manifest import Manifest
from resilience.network import Network
from resilience.reading import check_unchanged, open_run, read_manifest
from resilience.result import Result
from resilience.why import texts


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
    run : pathlib.Path
        The run directory.
    asked : sequence of str
        Names of events; none for what each format has by default.
    about : About
    """

    run: Path
    asked: Sequence[str] = ()
    about: About = field(default_factory=About)

    @cached_property
    def result(self) -> Result:
        """The run as it was returned."""
        check_unchanged(self.run, self.manifest)
        return open_run(self.run)

    @cached_property
    def manifest(self) -> Manifest:
        """What the run says of itself."""
        return read_manifest(self.run)

    @property
    def network(self) -> Network:
        """The city."""
        network = self.result.network
        assert network is not None  # a run that was opened knows it
        return network

    @property
    def has_rates(self) -> bool:
        """Whether there are figures per year."""
        return bool(rated_events(self.result.dataset).any())

    def events(self) -> list[str]:
        """Return the names of the events asked for; all where none is.

        Raises
        ------
        ConfigurationError
            One is not in the run.
        """
        return choose_some(self.asked, texts(self.result.dataset, "event").tolist(), what="event")

    def attributes(self) -> dict[str, str]:
        """Return what an exported file says of where it comes from."""
        synthetic = "; the city is synthetic" if self.result.is_synthetic else ""
        version = self.manifest.code.get("urban-resilience", "of an unknown version")
        return {
            "title": self.result.title,
            "source": f"urban-resilience {version}{synthetic}",
            "history": f"{self.manifest.ended} run {self.manifest.run_id}",
            "scenario_sha256": self.manifest.scenario_sha256,
        }
