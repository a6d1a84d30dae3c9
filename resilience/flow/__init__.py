"""What a sector's network can carry: served shares, DC power flow with trips, topological overload.

Three levels of fidelity beyond reachability. Each is prepared once on a sector's tables, with everything checked, and
then asked once per state: ``prepare_*(graph, assets, supply).serve(up)``.
"""

from resilience.flow.overload import OverloadSector, prepare_overload
from resilience.flow.power import FlowSector, FlowState, prepare_dc_flow
from resilience.flow.sector import Served
from resilience.flow.share import ShareSector, prepare_share

__all__ = [
    "FlowSector",
    "FlowState",
    "OverloadSector",
    "Served",
    "ShareSector",
    "prepare_dc_flow",
    "prepare_overload",
    "prepare_share",
]
