"""What the kinds of assets in the synthetic city are like: curves, heights, barriers, cost.

Curve names are those of the shipped library. Heights, barriers and costs are defaults: expert judgement in the order of
magnitude of published unit costs (Nirandjan et al. 2024, doi:10.5194/nhess-24-4341-2024, in euro), made to be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AssetClass:
    """Properties that all assets of a kind share.

    Parameters
    ----------
    sector : str
    cost : float, money
        Replacement cost of a node, or of one metre of a link.
    repair_class : str
    flood_damage, flood_fragility, heat_damage, heat_fragility : str
        Curve names; empty for none.
    component_height : float, m
        Of the vulnerable part above ground; negative in a basement.
    barrier_height : float, m
        NaN without a flood barrier.
    seal_failure : float
        Probability that the barrier leaks; NaN without one.
    dry_threshold : float, m
    """

    sector: str
    cost: float
    repair_class: str
    flood_damage: str = ""
    flood_fragility: str = ""
    heat_damage: str = ""
    heat_fragility: str = ""
    component_height: float = 0.0
    barrier_height: float = np.nan
    seal_failure: float = np.nan
    dry_threshold: float = 0.0


def _basement(sector: str, cost: float, repair_class: str, damage: str, fragility: str, **more: Any) -> AssetClass:
    return AssetClass(
        sector, cost, repair_class, damage, fragility, barrier_height=0.5, seal_failure=0.1, dry_threshold=0.1, **more
    )  # fmt: skip


def _building(sector: str, cost: float, fragility: str, *, damage: str = "jrc_asia_commercial") -> AssetClass:
    return AssetClass(sector, cost, "building", damage, fragility, dry_threshold=0.1)


def _road(cost: float) -> AssetClass:
    return AssetClass("transport", cost, "road", "jrc_asia_roads", "function_road", dry_threshold=0.05)


ASSET_CLASSES: dict[str, AssetClass] = {
    "grid_supply_point": AssetClass(
        "power", 22.3e6, "substation", "nirandjan_F2_2", "function_substation", heat_fragility="heat_substation"
    ),
    "substation": AssetClass(
        "power", 11.1e6, "substation", "nirandjan_F2_1", "function_substation", heat_fragility="heat_substation"
    ),
    "transformer": AssetClass(
        "power", 30e3, "cabinet", "hazus_substation", "function_cabinet", heat_fragility="heat_transformer"
    ),
    "transmission_line": AssetClass("power", 800.0, "line"),
    "feeder": AssetClass("power", 60.0, "line", "nirandjan_F6_1"),
    "backbone_gateway": AssetClass(
        "telecom", 4.43e6, "telecom", "nirandjan_F12_1", "function_telecom_office", heat_fragility="heat_data_centre"
    ),
    "exchange": AssetClass(
        "telecom", 4.43e6, "telecom", "nirandjan_F12_1", "function_telecom_office", heat_fragility="heat_data_centre"
    ),
    "tower": AssetClass(
        "telecom", 59e3, "cabinet", "nirandjan_F10_1", "function_cell_site", heat_fragility="heat_telecom_cabinet"
    ),
    "fibre": AssetClass("telecom", 30.0, "line"),
    "backhaul": AssetClass("telecom", 20.0, "line"),
    # Only the power room lies in the basement: the servers above it go dark but stay dry.
    "data_centre": _basement(
        "data",
        80e6,
        "data_centre",
        "nirandjan_F2_1",
        "function_data_centre",
        component_height=-3.0,
        heat_fragility="heat_data_centre",
    ),
    "standby_data_centre": AssetClass(
        "data", 80e6, "data_centre", "jrc_asia_commercial", "function_data_centre", heat_fragility="heat_data_centre"
    ),
    "failover_control": _basement(
        "data", 2e6, "data_centre", "nirandjan_F2_1", "function_data_centre", component_height=-3.0
    ),
    "water_treatment_plant": AssetClass("water", 26.6e6, "plant", "nirandjan_F14_1", "function_water_treatment"),
    "pump_station": AssetClass("water", 1.5e6, "pump", "nirandjan_F17_1", "function_pump_station"),
    "tank": AssetClass("water", 2e6, "plant"),
    "water_main": AssetClass("water", 500.0, "pipe"),
    "hospital": _building("medical", 22.7e6, "function_hospital", damage="nirandjan_F21_12"),
    "emergency_room": _building("medical", 3e6, "function_hospital", damage="nirandjan_F21_12"),
    "clinic": _building("medical", 0.8e6, "function_hospital"),
    "care_home": _building("care", 3e6, "function_care_facility"),
    "childcare": _building("care", 0.9e6, "function_care_facility"),
    "shelter": _building("care", 1.5e6, "function_care_facility"),
    "fire_station": _building("safety", 4e6, "function_fire_station", damage="hazus_fire_station_structure"),
    "police_station": _building("safety", 4e6, "function_police_station", damage="hazus_police_station_structure"),
    "dispatch_centre": _building("safety", 6e6, "function_telecom_office"),
    "traffic_control_centre": _building("transport", 6e6, "function_telecom_office"),
    "bus_depot": _building("transport", 9e6, "function_cabinet", damage="jrc_asia_transport"),
    "gateway": _building("transport", 5e6, "", damage="jrc_asia_transport"),
    "metro_control_centre": _building("transport", 8e6, "function_telecom_office"),
    "train_depot": _building("metro", 60e6, "function_rail", damage="jrc_asia_transport"),
    "metro_station": _basement("metro", 25e6, "rail", "nirandjan_F8_8", "function_rail", component_height=-10.0),
    "metro_track": AssetClass("metro", 24.9e3, "rail"),
    "road_node": AssetClass("transport", 0.0, "road"),
    "local_street": _road(400.0),
    "collector": _road(1000.0),
    "arterial": _road(2000.0),
    # The map shows the water under the deck: it counts from ten metres above the bed.
    "bridge": AssetClass(
        "transport", 30e3, "bridge", "jrc_asia_roads", "function_road", component_height=10.0, dry_threshold=0.05
    ),
}


def class_column(name: str, kinds: NDArray[np.object_]) -> NDArray[Any]:
    """Return one property of :class:`AssetClass` for each of `kinds`, (n,) float64 or object.

    Examples
    --------
    >>> class_column("component_height", np.array(["data_centre", "clinic"], dtype=object)).tolist()
    [-3.0, 0.0]
    """
    values = [getattr(ASSET_CLASSES[kind], name) for kind in kinds.tolist()]
    return np.asarray(values, dtype=object if isinstance(values[0], str) else np.float64)
