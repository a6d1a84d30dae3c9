"""Level `dc_flow`: DC power flow on what is functional, with limits and trips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from resilience.errors import ConfigurationError, DataError, Problem, Problems
from resilience.flow.sector import Served, answer, check_two_way, flags, loads_of, note, scaled
from resilience.kernels.elimination import eliminate_nodes
from resilience.kernels.level_states import flow_states
from resilience.kernels.power_flow import TRIP_ALL, TRIP_WORST, Elimination, settle_flow
from resilience.network.compile import SectorGraph

Trip = Literal["all", "worst"]
TRIPS: Final[dict[str, int]] = {"all": TRIP_ALL, "worst": TRIP_WORST}
BASE_POWER: Final = 100.0
"""MVA; base of reactances per unit where nothing else is said, as in the published test cases."""
BASE_POWERS: Final = (1e-3, 1e9)
"""MVA; a judgement."""
REACTANCES: Final = (1e-6, 1e4)
"""Per unit; a judgement, well beyond both ends of published cases. What is outside is another unit or a slip, and flows
over such links side by side are no longer told apart by 64 bits."""
# 400 MB of places that fill in. No street or power grid comes near; a complete graph of 850 nodes does.
_MOST_FILL = 100_000_000


class FlowState(NamedTuple):
    """Where a cascade of trips came to rest.

    Parameters
    ----------
    flow : (n_link,) float64, MW
        Positive from tail to head; 0 on links out of service.
    angle : (n_node,) float64, rad
        Relative to the first source of each island.
    fraction : (n_node,) float64
        Share of the demand that is served.
    served : (n_node,) float64, MW
    tripped : (n_link,) bool
    rounds : int
    """

    flow: NDArray[np.float64]
    angle: NDArray[np.float64]
    fraction: NDArray[np.float64]
    served: NDArray[np.float64]
    tripped: NDArray[np.bool_]
    rounds: int


@dataclass(frozen=True)
class FlowSector:
    """A power grid with limits; from :func:`prepare_dc_flow`.

    Parameters
    ----------
    graph : SectorGraph
    susceptance : (n_link,) float64, MW/rad
    rating : (n_link,) float64, MW
        Infinite where there is no limit.
    capacity, demand : (n_node,) float64, MW
    plan : Elimination
    trip : int
    """

    level: ClassVar[str] = "dc_flow"
    graph: SectorGraph
    susceptance: NDArray[np.float64]
    rating: NDArray[np.float64]
    capacity: NDArray[np.float64]
    demand: NDArray[np.float64]
    plan: Elimination
    trip: int

    def with_factors(
        self, *, capacity: ArrayLike = 1.0, demand: ArrayLike = 1.0, rating: ArrayLike = 1.0
    ) -> FlowSector:
        """Return the grid with scaled columns, for heat or growth; one factor for all or one per node or link.

        Raises
        ------
        ConfigurationError
            A factor that is negative or not finite, or that does not fit; a rating scaled to zero.
        """
        limits = scaled(np.ones(self.rating.size), rating, "rating")
        if not np.all(limits > 0.0):
            raise ConfigurationError(Problem("factor of rating", "numbers > 0 (take a link down instead)", "zero"))
        return replace(
            self,
            rating=self.rating * limits,
            capacity=scaled(self.capacity, capacity, "capacity"),
            demand=scaled(self.demand, demand, "demand"),
        )

    def solve(self, up: NDArray[np.bool_]) -> FlowState:
        """Return flows, angles and trips while the assets are in state `up`, (n_asset,) bool over the asset table."""
        graph = self.graph
        n_node, n_link = graph.node.size, graph.link.size
        angle, flow, fraction = np.empty(n_node), np.empty(n_link), np.empty(n_node)
        tripped = np.empty(n_link, np.uint8)
        rounds = settle_flow(
            flags(up, graph.node), flags(up, graph.link), graph.tail, graph.head, self.susceptance, self.rating,
            self.capacity, self.demand, self.plan, self.trip, angle, flow, fraction, tripped,
        )  # fmt: skip
        return FlowState(flow, angle, fraction, fraction * self.demand, tripped.astype(bool), rounds)

    def serve(self, up: NDArray[np.bool_]) -> Served:
        """Return what is served while the assets are in state `up`, (n_asset,) bool over the whole asset table."""
        state = self.solve(up)
        in_service = np.asarray(up)[self.graph.link] & ~state.tripped
        return answer(self.graph, state.fraction, in_service, self.graph.link[state.tripped])

    def serve_states(
        self, conducts: NDArray[np.uint64], sample: NDArray[np.int64], fraction: NDArray[np.float64]
    ) -> NDArray[np.uint8] | None:
        """Write the fractions of the states of some samples, and return what trips in them.

        See :class:`resilience.flow.LevelRows`.
        """
        graph = self.graph
        tripped = np.empty((sample.size, graph.node.size + graph.link.size), np.uint8)
        flow_states(
            conducts, sample, graph.tail, graph.head, self.susceptance, self.rating, self.capacity, self.demand,
            self.plan, self.trip, fraction, tripped,
        )  # fmt: skip
        return tripped


def prepare_dc_flow(
    graph: SectorGraph,
    assets: pd.DataFrame,
    supply: pd.DataFrame,
    *,
    trip: Trip = "all",
    base_power: float = BASE_POWER,
) -> FlowSector:
    """Return a power grid at level `dc_flow`, its columns checked.

    Parameters
    ----------
    graph : SectorGraph
    assets : pandas.DataFrame
        The city's asset table with `reactance` (per unit) and `rating` (MW; empty for no limit) of the grid's links;
        `graph` holds rows of it.
    supply : pandas.DataFrame
        The city's supply table: `capacity` of sources and `demand`, both in MW.
    trip : {"all", "worst"}
        Whether every overloaded link trips at once or only the one of the highest loading.
    base_power : float
        MVA of one per unit. Flows do not depend on it, angles do.

    Raises
    ------
    ConfigurationError
        An unknown `trip`; a base power outside :data:`BASE_POWERS`; a grid too meshed to be solved.
    DataError
        With everything that does not fit: reactances missing or outside :data:`REACTANCES`, ratings not above zero, and
        what :func:`resilience.flow.prepare_share` finds.

    Notes
    -----
    B theta = P; f = (theta_i - theta_j) / x. Each island is balanced by one factor: on its sources' outputs if they can
    give more than is drawn, else on its loads. All links with abs(f) > rating trip, islands are found and balanced anew
    from the given capacity and demand, until nothing trips.

    Examples
    --------
    >>> ids, none = ["a", "b", "c", "ab", "ac", "bc"], [""] * 3
    >>> assets = pd.DataFrame({"id": ids, "from_asset": [*none, "a", "a", "b"], "to_asset": [*none, "b", "c", "c"],
    ...     "reactance": [np.nan] * 3 + [0.1] * 3, "rating": [np.nan] * 3 + [120.0] * 3})
    >>> supply = pd.DataFrame({"asset": ids[:3], "sector": "power", "is_source": [True, True, False],
    ...     "capacity": [100.0, 50.0, np.nan], "demand": [np.nan, np.nan, 150.0]})
    >>> graph = SectorGraph("power", np.arange(3, dtype=np.int32), np.arange(3, 6, dtype=np.int32),
    ...     np.array([0, 0, 1]), np.array([1, 2, 2]), np.zeros(3, bool), np.array([0, 1], np.int32))
    >>> grid = prepare_dc_flow(graph, assets, supply)
    >>> grid.solve(np.ones(6, bool)).flow.round(4).tolist()
    [16.6667, 83.3333, 66.6667]
    >>> grid.solve(np.array([True, True, True, True, False, True])).served.tolist()
    [0.0, 0.0, 0.0]
    """
    wrong = Problems()
    if trip not in TRIPS:
        wrong.add("trip", wanted=" or ".join(TRIPS), got=repr(trip))
    least, most = BASE_POWERS
    if not least <= base_power <= most:
        wrong.add("base_power", wanted=f"{least:g} to {most:g} MVA", got=f"{base_power:g}")
    wrong.raise_if_any(ConfigurationError)
    problems = Problems()
    ids = assets["id"].astype(str).to_numpy(dtype=object)
    check_two_way(problems, graph, ids, "dc_flow")
    reactance = assets["reactance"].to_numpy(dtype=np.float64)[graph.link]
    rating = assets["rating"].to_numpy(dtype=np.float64)[graph.link]
    low, high = REACTANCES
    note(
        problems, f"assets.reactance in {graph.sector}",
        f"{low:g} to {high:g} per unit on every link (merge the ends of a bus coupler)", "links without one",
        ~((reactance >= low) & (reactance <= high)), ids[graph.link],
    )  # fmt: skip
    note(
        problems, f"assets.rating in {graph.sector}", "MW > 0 (or empty for no limit)", "ratings that are not",
        rating <= 0.0, ids[graph.link],
    )  # fmt: skip
    loads = loads_of(problems, graph, ids, supply)
    problems.raise_if_any(DataError)
    return FlowSector(
        graph=graph,
        susceptance=base_power / reactance,
        rating=np.where(np.isnan(rating), np.inf, rating),
        capacity=loads.capacity,
        demand=loads.demand,
        plan=_planned(graph),
        trip=TRIPS[trip],
    )


def _planned(graph: SectorGraph) -> Elimination:
    n = graph.node.size
    position, column, row, fill, _, slot, *_ = eliminate_nodes(n, graph.tail, graph.head, n, _MOST_FILL)
    if column.size != n + 1:
        raise ConfigurationError(
            Problem(
                f"level of {graph.sector}",
                wanted="a grid that is not meshed through and through (level 'share' takes any)",
                got=f"{n:,} nodes and {graph.link.size:,} links, more than {_MOST_FILL:,} places to fill in",
            )
        )
    return Elimination(position, column, row, fill, slot)
