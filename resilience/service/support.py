"""Which assets each service rests on, by the structure of the city alone: nobody has it through any other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from resilience.network.compile import CompiledNetwork, SectorGraph
from resilience.service.layout import AssignedPart, ServiceLayout

Indices = NDArray[np.int32]
Arcs = tuple[NDArray[np.integer], NDArray[np.integer]]


def find_support(
    compiled: CompiledNetwork,
    layout: ServiceLayout,
    *,
    supplied: Collection[SectorGraph],
    together: Sequence[Indices] = (),
) -> NDArray[np.bool_]:
    """Return which assets each service rests on, ``(n_asset, n_service) bool``.

    Parameters
    ----------
    compiled : CompiledNetwork
    layout : ServiceLayout
    supplied : collection of SectorGraph
        Sectors whose assets need a way from a source.
    together : sequence of (n,) int32
        Assets of sectors that are solved state by state: each of them bears on all others.

    Notes
    -----
    Never false for an asset whose state, at the peak of an event, can be anything to who has the service: providers of
    what zones need, what these need in turn, what supply comes through, whole sectors that are solved state by state,
    and the facilities and the whole network of services by road. Buffers, spares and distances do not count, so that
    it may be true where nothing comes of it. One breadth-first search per service.
    """
    n_asset = compiled.n_asset
    # One more point for each service, each network that is travelled and each sector that is solved state by state.
    first_network = n_asset + len(layout.names)
    networks = {name: first_network + i for i, name in enumerate(layout.graphs)}
    first_sector = first_network + len(networks)
    owner = np.repeat(np.arange(n_asset), np.diff(compiled.need_indptr))
    need = np.repeat(np.arange(compiled.required.size), np.diff(compiled.provider_indptr))
    of_asset = need < owner.size
    arcs: list[Arcs] = [(owner[need[of_asset]], compiled.provider[of_asset])]
    for part in layout.parts:
        root = n_asset + part.service
        if isinstance(part, AssignedPart):
            provider = compiled.provider[np.isin(need, compiled.zone_need[part.row])]
        else:
            provider = np.append(part.facility, networks[part.network])
        arcs.append((np.full(provider.size, root), provider))
    for name, point in networks.items():
        member = np.concatenate([layout.graphs[name].node, layout.graphs[name].link])
        arcs.append((np.full(member.size, point), member))
    for graph in supplied:
        tail, head, back = graph.node[graph.tail], graph.node[graph.head], ~graph.oneway
        arcs += [(graph.link, tail), (head, graph.link), (graph.link[back], head[back]), (tail[back], graph.link[back])]
    for point, member in enumerate(together, start=first_sector):
        arcs += [(member, np.full(member.size, point)), (np.full(member.size, point), member)]
    start, end = (np.concatenate(ends) for ends in zip(*arcs, strict=True))
    shape = (first_sector + len(together),) * 2
    graph = csr_array((np.ones(start.size, np.int8), (start, end)), shape=shape)
    found = np.zeros((shape[0], len(layout.names)), bool)
    for service in range(found.shape[1]):
        found[breadth_first_order(graph, n_asset + service, return_predecessors=False), service] = True
    return found[:n_asset]
