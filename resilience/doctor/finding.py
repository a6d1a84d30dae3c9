"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "wrong"]

OK: State = "ok"
WARNING: State = "warning"
WRONG: State = "wrong"
STATES = (OK, WARNING, WRONG)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    subject : str
    state : {"ok", "warning", "wrong"}
        Wrong: a run fails or its result cannot be trusted. Warning: it is slow, or something will go wrong one day.
    found : str
    fix : str, optional
        What to do; none where all is well.
    """

    subject: str
    state: State
    found: str
    fix: str = ""

    def lines(self) -> list[str]:
        r"""Return lines for people.

        Examples
        --------
        >>> print("\n".join(Finding("disk", WARNING, "12 MB free in /runs", "make room").lines()))
        warning  disk: 12 MB free in /runs
                 fix: make room
        """
        lines = [f"{self.state:<9}{self.subject}: {self.found}"]
        return [*lines, f"{'':<9}fix: {self.fix}"] if self.fix else lines
