"""What a sector's network can carry: served shares, DC power flow with trips, topological overload.

Three levels of fidelity beyond reachability. Each is prepared once on a sector's tables, with everything checked, and
then asked once per state: ``prepare_*(graph, assets, supply).serve(up)``. A run asks 512 samples at once, through
:class:`LevelRows`.
"""

from resilience.flow.levels import LevelRule, order_by_id, prepare_levels
from resilience.flow.overload import OverloadSector, prepare_overload
from resilience.flow.power import FlowSector, FlowState, prepare_dc_flow
from resilience.flow.rows import LevelRows, LevelSector
from resilience.flow.sector import Served
from resilience.flow.share import ShareSector, prepare_share

__all__ = [
    "FlowSector",
    "FlowState",
    "LevelRows",
    "LevelRule",
    "LevelSector",
    "OverloadSector",
    "Served",
    "ShareSector",
    "order_by_id",
    "prepare_dc_flow",
    "prepare_levels",
    "prepare_overload",
    "prepare_share",
]
