"""What matters most: the assets without which most would be saved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.labels import texts
from resilience.reading import FinishedRun
from resilience.report.rounding import tell
from resilience.risk.ranking import is_told_apart, is_untold, join_pairs, take_measure
from resilience.risk.standard_errors import NORMAL
from resilience.why import order_by_kind

MOST = 12

SMALLEST = 1e-4
"""A share below is told to be so."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Critical:
    """One asset that matters to a service.

    Parameters
    ----------
    asset : int
        Position of the asset in the result.
    name, sector, kind : str
    worth : float
        Share of the annual people without the service that is saved if it never fails.
    error : float
        Its standard error; NaN where the samples do not tell it.
    unseen : float
        How much larger the share can be for what could have failed and did in no sample.
    """

    asset: int
    name: str
    sector: str
    kind: str
    worth: float
    error: float
    unseen: float

    @property
    def share(self) -> str:
        """The share in per cent."""
        return self._in_per_cent(self.worth)

    @property
    def interval(self) -> str:
        """Ends of its 95 % interval in per cent; empty where the samples do not tell it, or tell it exactly."""
        if self._spread <= 0 or self.ends[1] < SMALLEST:
            return ""
        return " … ".join(map(self._in_per_cent, self.ends))

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of the interval, from 0 to 1; the share itself where the samples do not tell it."""
        half = NORMAL * np.nan_to_num(self.error)
        return max(0.0, self.worth - half), min(1.0, self.worth + half + self.unseen)

    def _in_per_cent(self, share: float) -> str:
        return f"<{100 * SMALLEST:g}" if 0 < share < SMALLEST else tell(100 * share, 100 * self._spread)

    @property
    def _spread(self) -> float:
        """What a standard error would be whose interval is as wide."""
        return self.error + self.unseen / (2 * NORMAL)


def critical_assets(run: FinishedRun) -> dict[str, list[Critical]]:
    """Return, per service, the assets that matter most, largest first; services that nothing matters to are left out.

    Those whose worth is told apart from none. What was run in pairs is told from those runs, which know more of it.
    """
    ds = run.dataset
    assets = texts(ds, "asset")
    names = {name: i for i, name in enumerate(assets)}
    importance = join_pairs(run.result.importance, run.result.pairs)
    if importance is None:
        return {}
    position = np.array([names[name] for name in texts(importance, "asset")], dtype=np.intp)
    sectors, kinds = texts(ds, "sector"), texts(ds, "kind")
    (worth, error), apart = take_measure(importance), is_told_apart(importance)
    unseen = importance["unseen"].transpose("asset", "service").values
    ranked = {}
    for s, service in enumerate(texts(importance, "service").tolist()):
        told = np.flatnonzero(apart[:, s])
        best = told[np.lexsort((position[told], -worth[told, s]))][:MOST]
        if best.size:
            ranked[service] = [
                Critical(asset, assets[asset], sectors[asset], kinds[asset], *map(float, known))
                for asset, *known in zip(
                    position[best].tolist(), worth[best, s], error[best, s], unseen[best, s], strict=True
                )
            ]  # fmt: skip
    return ranked


def untold_assets(run: FinishedRun) -> dict[str, list[str]]:
    """Return, per service, the assets whose importance to it is told by nothing, rare kinds first.

    Services without such assets are left out.

    They are out in every sample of some event, or in all but a few: the samples do not tell what would be if such an
    asset worked, and nobody asked for it to be run in pairs.
    """
    importance = join_pairs(run.result.importance, run.result.pairs)
    if importance is None:
        return {}
    names, untold = texts(importance, "asset"), is_untold(importance)
    ordered = texts(run.dataset, "asset")[order_by_kind(run.dataset)]
    found = {}
    for s, service in enumerate(texts(importance, "service").tolist()):
        own = set(names[untold[:, s]])
        if own:
            found[service] = [str(name) for name in ordered if name in own]
    return found


def foremost(ranked: dict[str, list[Critical]], most: int) -> list[int]:
    """Return the assets that matter most to any service, by the largest share, each once."""
    best: dict[int, float] = {}
    for rows in ranked.values():
        for row in rows:
            best[row.asset] = max(best.get(row.asset, 0.0), row.worth)
    return sorted(best, key=lambda asset: (-best[asset], asset))[:most]
