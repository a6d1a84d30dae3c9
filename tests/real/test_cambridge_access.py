"""Cambridge over time, and with limits of time: whom help reaches, how late, for how long not; all found again.

Streets, depths and travel times are read anew from the published files and reckoned with networkx. Streets are open or
closed for sure, so that chance has four things to decide: whether each of two substations fails, and is damaged, and
whether the engine of the one hospital behind one of them starts. Every history of these is followed by hand.
"""

from __future__ import annotations

import contextlib
import io
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from scipy.stats import norm

from resilience.cli import main
from resilience.store import open_results

FOLDER = Path(__file__).parent
METRES = 26986
EVENTS = {"rp100": 100, "rp500": 500}
LIMIT = {"medical": 10.0, "fire": 5.0}
# The water stands for a day, and what it closed opens half a day later.
DRY, OPEN, END = 24, 36, 200
STATION_509, ALEWIFE = "substation:NSTAR Electric (Station 509)", "substation:Alewife Bulk"
MOUNT_AUBURN = "hospital:Mount Auburn Hospital"
STARTS = 0.85
# When substations are back: from an outage, as the first or only repair, as the second of the one crew.
OUTAGE, FIRST, SECOND = 30, 84, 144


def passage_ms(metres: float, depth: float, *, share: float, stop_m: float) -> int | None:
    """Whole milliseconds along a street with a free speed of 30 km/h; None where the vehicle stops."""
    if depth >= stop_m:
        return None
    millimetres = min(1000 * depth, 300)
    safe_kmh = 0.0009 * millimetres**2 - 0.5529 * millimetres + 86.9448
    return round(3_600_000 * (metres / 1000) / min(30 * share, safe_kmh))


@dataclass
class City:
    """The published city: streets with length and depth by event, and by which junction everything is entered."""

    streets: pd.DataFrame
    node_depth: dict[str, dict[str, float]]
    entrance: pd.Series
    substation: pd.Series
    known: dict = field(default_factory=dict)

    def of(self, prefix: str) -> list[str]:
        return [name for name in self.entrance.index if name.startswith(prefix)]

    def ways(self, service: str, event: str, closed: bool, wet: bool, down: frozenset[str]) -> dict[str, tuple]:
        """Minutes and facility of the quickest way between each zone and a facility that works."""
        key = service, event, closed, wet, down
        if key not in self.known:
            self.known[key] = self._ways(*key)
        return self.known[key]

    def _ways(self, service, event, closed, wet, down):
        vehicle = {"medical": {"share": 0.65, "stop_m": 0.3}, "fire": {"share": 1.0, "stop_m": 0.5}}[service]
        shut = {node for node, depth in self.node_depth[event].items() if closed and depth >= 0.5}
        graph = nx.DiGraph()
        graph.add_nodes_from(set(self.node_depth[event]) - shut)
        for start, end, metres, depth in self.streets[["start", "end", "length", event]].itertuples(index=False):
            time = passage_ms(metres, depth if wet else 0.0, **vehicle)
            if time is None or start in shut or end in shut or (closed and depth >= 0.5):
                continue
            # Patients go along a street, and a search from the hospital against it.
            way = (end, start) if service == "medical" else (start, end)
            if time < graph.get_edge_data(*way, {"time": np.inf})["time"]:
                graph.add_edge(*way, time=time)
        found: dict[str, tuple] = {}
        for facility in self.of("hospital:" if service == "medical" else "fire:"):
            if facility in down or self.entrance[facility] in shut:
                continue
            reached = nx.single_source_dijkstra_path_length(graph, self.entrance[facility], weight="time")
            for zone in self.of("25017"):
                time = reached.get(self.entrance[zone], np.inf) / 60_000
                if time < found.get(zone, (np.inf, ""))[0]:
                    found[zone] = time, facility
        return {zone: found.get(zone, (np.inf, "")) for zone in self.of("25017")}

    def minutes(self, *key) -> pd.Series:
        return pd.Series({zone: time for zone, (time, _) in self.ways(*key).items()})

    def behind(self, substation: str, prefix: str) -> set[str]:
        return {name for name in self.substation.index[self.substation == substation] if name.startswith(prefix)}


def wet_cells(path):
    """Cells under water as squares, and their depths."""
    with rasterio.open(path) as dataset:
        values, at = dataset.read(1, masked=True).filled(0), dataset.transform
    row, column = np.nonzero(values > 0)
    left, top = at.c + at.a * column, at.f + at.e * row
    return shapely.box(left, top + at.e, left + at.a, top), values[row, column].astype(float)


def deepest(shapes, cells, depths):
    """Depth of the deepest cell in which a part of each shape lies; touching its border does not count."""
    tree, found = shapely.STRtree(cells), np.zeros(len(shapes))
    shape, cell = tree.query(shapes, predicate="intersects")
    inside = shapely.length(shapely.intersection(np.asarray(shapes)[shape], cells[cell])) > 1e-7
    inside |= shapely.get_type_id(np.asarray(shapes)[shape]) == shapely.GeometryType.POINT
    np.maximum.at(found, shape[inside], depths[cell[inside]])
    return found


@pytest.fixture(scope="module")
def city(real_data):
    data = real_data / "cambridge_ma"
    graph = nx.read_graphml(data / "roads.graphml")
    names = list(graph)
    x, y = (np.array([float(graph.nodes[name][axis]) for name in names]) for axis in "xy")
    points = gpd.GeoSeries(gpd.points_from_xy(x, y, crs=4326), index=names).to_crs(METRES)
    streets = pd.DataFrame([(a, b, float(street["length"])) for a, b, street in graph.edges(data=True) if a != b],
                           columns=["start", "end", "length"])  # fmt: skip
    ends = [shapely.get_coordinates(points[streets[column]].array) for column in ("start", "end")]
    lines = shapely.linestrings(np.stack(ends, axis=1))
    node_depth = {}
    for event, years in EVENTS.items():
        cells, depths = wet_cells(data / f"flood_depth_rp{years}.tif")
        streets[event] = deepest(lines, cells, depths)
        node_depth[event] = dict(zip(names, deepest(points.array, cells, depths), strict=True))
    zones = gpd.read_file(data / "DEMOGRAPHICS_BlockGroups2020.geojson").to_crs(METRES)
    parts = [gpd.GeoSeries(zones.representative_point().array, index=zones["GEOID20"].astype(str), crs=METRES)]
    for prefix, name in (("hospital:", "HEALTH_Hospitals"), ("fire:", "PUBLICSAFETY_FireStations")):
        table = gpd.read_file(data / f"{name}.geojson").to_crs(METRES)
        parts.append(gpd.GeoSeries(table.geometry.array, index=prefix + table["SITE_NAME"], crs=METRES))
    utilities = gpd.read_file(data / "INFRA_UtilityFacilities.geojson").to_crs(METRES)
    utilities = utilities[utilities["TYPE"] == "Major Electric Transformer Station"]
    places = pd.concat(parts)
    entrance = pd.Series([points.distance(place).idxmin() for place in places], index=places.index)
    stations = gpd.GeoSeries(utilities.geometry.array, index="substation:" + utilities["SITE_NAME"], crs=METRES)
    substation = pd.Series([stations.distance(place).idxmin() for place in places], index=places.index)
    return City(streets, node_depth, entrance, substation)


@pytest.fixture(scope="module")
def run(real_data, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("cambridge") / "run", io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        assert main(["run", str(FOLDER / "cambridge_access.yaml"), "-o", str(out)]) == 0
    return SimpleNamespace(folder=out, told=told.getvalue(), results=open_results(out).load())


@dataclass(frozen=True)
class History:
    """When the two substations are back (0: they never failed), and whether the engine of Mount Auburn starts."""

    station_509: int
    alewife: int
    starts: bool = True

    def down(self, city: City, hour: float) -> frozenset[str]:
        """Facilities that are down at an hour: batteries of fire stations last 12 h, the engine a day."""
        found = set()
        for substation, back in ((STATION_509, self.station_509), (ALEWIFE, self.alewife)):
            if 12 <= hour < back:
                found |= city.behind(substation, "fire:")
            if (24 if self.starts else 0) <= hour < back:
                found |= city.behind(substation, "hospital:")
        return frozenset(found)

    def lost(self, city: City, service: str, event: str) -> pd.DataFrame:
        """Hours that each zone is without a service, by the interval in which nothing changes."""
        turns = sorted({0, 12, DRY, OPEN, self.station_509, self.alewife, END})
        found = {}
        for begin, end in itertools.pairwise(turns):
            if service == "power":
                late = pd.Series(False, index=city.of("25017"))
                late[[*(city.behind(STATION_509, "25017") if begin < self.station_509 else ()),
                      *(city.behind(ALEWIFE, "25017") if begin < self.alewife else ())]] = True  # fmt: skip
            else:
                minutes = city.minutes(service, event, begin < OPEN, begin < DRY, self.down(city, begin))
                late = (minutes > LIMIT[service]) & (intact(city, service) <= LIMIT[service])
            found[begin] = late * float(end - begin)
        return pd.DataFrame(found)


def intact(city, service):
    return city.minutes(service, "rp500", False, False, frozenset())


@pytest.fixture(scope="module")
def histories(run, city):
    """The history of every sample of RP 500, read from the hours without power and without a hospital in time."""
    found = run.results["person_hours_lost"].sel(event="rp500")
    counts = [len(city.behind(name, "25017")) for name in (STATION_509, ALEWIFE)]
    # No two pairs of hours lose the same: 17 hours here are not 13 hours there.
    backs = {counts[0] * a + counts[1] * b: (a, b)
             for a, b in itertools.product([0, OUTAGE, FIRST, SECOND], repeat=2)}  # fmt: skip
    assert len(backs) == 16
    samples = []
    for power, medical in zip(found.sel(service="power").values, found.sel(service="medical").values, strict=True):
        back = backs[round(power, 6)]
        fits = [starts for starts in (True, False)
                if hours(city, History(*back, starts), "medical") == pytest.approx(medical, abs=1e-6)]  # fmt: skip
        assert fits, (back, medical)
        samples.append(History(*back, fits[0]))
    return samples


def hours(city, history, service):
    key = history, service
    if key not in city.known:
        city.known[key] = history.lost(city, service, "rp500").to_numpy().sum()
    return city.known[key]


def test_no_street_is_left_to_chance(run, city):
    for event in EVENTS:
        depth = np.append(city.streets[event].to_numpy(), list(city.node_depth[event].values()))
        assert not ((depth > 0.4998) & (depth < 0.5)).any()
        told = run.results["failure_probability"].sel(event=event).to_series()
        sure = told[run.results["kind"].isin(["road", "road_node"]).values]
        assert set(sure) == {0.0, 1.0}
        nodes = {f"road:{name}": float(deep >= 0.5) for name, deep in city.node_depth[event].items()}
        assert sure[list(nodes)].to_dict() == nodes
    assert [int((city.streets[event] >= 0.5).sum()) for event in EVENTS] == [14, 120]
    assert [sum(deep >= 0.5 for deep in city.node_depth[event].values()) for event in EVENTS] == [1, 30]


@pytest.mark.parametrize(("service", "gap", "longest"), [("medical", 6, 11.4), ("fire", 1, 5.4)])
def test_minutes_in_the_intact_city(run, city, service, gap, longest):
    """To the millisecond; from one junction at the edge of the map no way leads to a hospital."""
    expected = intact(city, service)
    found = run.results["zone_access_minutes"].sel(access=service).to_series()[expected.index]
    np.testing.assert_array_equal(found.isna(), np.isinf(expected))
    finite = expected[np.isfinite(expected)]
    assert found[finite.index].to_numpy() == pytest.approx(finite.to_numpy(), abs=1e-9)
    assert len(expected) - len(finite) == (service == "medical")
    assert finite.max() == pytest.approx(longest, abs=0.05)
    served = run.results["intact_served"].sel(service=service).to_series()[expected.index]
    np.testing.assert_array_equal(served, expected <= LIMIT[service])
    assert (served == 0).sum() == gap


@pytest.mark.parametrize("service", LIMIT)
@pytest.mark.parametrize("event", EVENTS)
def test_who_is_late_at_the_peak_and_by_how_much(run, city, histories, service, event):
    """Zone by zone, with Mount Auburn Hospital down in as many samples as its engine fails."""
    without = sum(bool(one.alewife) and not one.starts for one in histories) / len(histories)
    assert run.results["down_count"].sel(event="rp500", asset=MOUNT_AUBURN).sum().item() == without * len(histories)
    states = {frozenset(): 1.0}
    if event == "rp500":
        states = {frozenset(): 1 - without, frozenset({MOUNT_AUBURN}): without}
    before = city.ways(service, event, False, False, frozenset())
    free = city.ways(service, event, True, True, frozenset())
    outcomes = pd.DataFrame(0.0, index=list(before), columns=run.results["outcome"].values.astype(str))
    added, with_way = pd.Series(0.0, index=outcomes.index), pd.Series(0.0, index=outcomes.index)
    for down, weight in states.items():
        for zone, (time, facility) in city.ways(service, event, True, True, down).items():
            usual, by = before[zone]
            if usual > LIMIT[service]:
                continue
            if time <= LIMIT[service]:
                outcome = "undisrupted" if facility == by else "other_facility"
            else:
                outcome = "lost_facility" if free[zone][0] <= LIMIT[service] else "lost_road"
            outcomes.loc[zone, outcome] += weight
            if np.isfinite(time):
                added[zone] += weight * (time - usual)
                with_way[zone] += weight
    found = run.results.sel(event=event, access=service)
    np.testing.assert_allclose(found["zone_access"].to_pandas().loc[outcomes.index], outcomes, atol=1e-12)
    late = (added / with_way.where(with_way > 0)).to_numpy()
    np.testing.assert_allclose(found["zone_added_minutes"].to_series()[added.index], late, atol=1e-9)
    np.testing.assert_allclose(found["access_people"], outcomes.sum(), atol=1e-9)
    served = outcomes.sum(axis=1) > 0
    assert found["access_isolated"].item() == pytest.approx((served - with_way)[served].sum(), abs=1e-9)
    assert found["access_added_minutes"].item() == pytest.approx(added.sum() / with_way.sum(), abs=1e-9)


def test_the_figures_of_the_page(run, city):
    """Who is late because of the road."""
    people = run.results["access_people"].sel(outcome="lost_road").to_pandas()
    assert people.loc["rp100"].to_dict() == {"medical": 1, "fire": 2}
    assert people.loc["rp500"].to_dict() == {"medical": 7, "fire": 7}
    peak = city.minutes("fire", "rp500", True, True, frozenset())
    slow = peak[(peak > 5) & np.isfinite(peak) & (intact(city, "fire") <= 5)]
    assert slow.round(2).to_dict() == {"250173549022": 5.25}
    assert intact(city, "fire")["250173549022"] == pytest.approx(3.15, abs=0.005)
    # There one-way streets lead in and not out; here cars stop from 0.3 m, where a fire engine goes on at 2 km/h.
    out, dry = (city.minutes("medical", "rp500", True, wet, frozenset()) for wet in (True, False))
    assert np.isinf([*out[["250173549022", "250173546023"]], dry["250173549022"]]).all()
    assert dry["250173546023"] == intact(city, "medical")["250173546023"]
    assert peak["250173546023"] == pytest.approx(3.56, abs=0.005)


def test_histories_are_as_probable_as_reckoned(run, histories):
    """Failure by the curve at the depth, half of it damage; the one crew repairs Alewife, by its name, first."""
    p = {}
    for name, depth in ((STATION_509, 3.0), (ALEWIFE, 1.36)):
        told = run.results["exposed_intensity"].sel(event="rp500", asset=name).item()
        assert told == pytest.approx(depth, abs=0.005)
        p[name] = norm.cdf(np.log(told / 1.2) / 0.3)
    expected: dict[History, float] = {}
    for (a, of_a), (b, of_b) in itertools.product(
        *([(0, 1 - q), (OUTAGE, q / 2), (FIRST, q / 2)] for q in (p[STATION_509], p[ALEWIFE]))
    ):
        back = (SECOND, FIRST) if (a, b) == (FIRST, FIRST) else (a, b)
        for starts, chance in ((True, STARTS), (False, 1 - STARTS)) if b else ((True, 1.0),):
            expected[History(*back, starts)] = of_a * of_b * chance
    assert sum(expected.values()) == pytest.approx(1)
    found = pd.Series(histories).value_counts()
    assert set(found.index) <= set(expected)
    n = len(histories)
    for history, share in expected.items():
        assert abs(found.get(history, 0) - n * share) <= 4 * np.sqrt(n * share * (1 - share)) + 1, history


@pytest.mark.parametrize("service", ["power", "medical", "fire"])
def test_hours_lost_of_every_sample_and_every_zone(run, city, histories, service):
    found = run.results.sel(event="rp500", service=service)
    courses = {history: history.lost(city, service, "rp500") for history in set(histories)}
    per_sample = {history: (course.sum().sum(), (course > 0).sum().max(), course.any(axis=1).sum())
                  for history, course in courses.items()}  # fmt: skip
    expected = np.array([per_sample[history] for history in histories])
    for column, name in enumerate(("person_hours_lost", "worst_people", "people_interrupted")):
        np.testing.assert_allclose(found[name], expected[:, column], atol=1e-6, err_msg=name)
    zones = sum(courses[history].sum(axis=1) for history in histories) / len(histories)
    told = found["zone_hours_lost"].to_series()[zones.index]
    np.testing.assert_allclose(told, zones, atol=1e-6)
    assert len(told[told > 0]) == {"power": 30, "medical": 12, "fire": 18}[service]


def test_hours_on_an_outage_of_fixed_length(run, histories):
    """All that hang on Station 509 and nothing else: 30 h of an outage, 84 h of a repair, 144 h after Alewife's."""
    back = pd.Series([history.station_509 for history in histories])
    expected = back.mean()
    zones = run.results["zone_hours_lost"].sel(event="rp500", service="power").to_series()
    assert (np.abs(zones - expected) < 1e-6).sum() == 17
    assert run.results["down_hours"].sel(event="rp500", asset=STATION_509).sum() == pytest.approx(expected, rel=1e-6)
    # 24 h of water, then 6 h of drying or 60 h of repair, each in half of the failures; Alewife fails in 0.659.
    waits = 60 * 0.9989 / 2 * 0.659 / 2
    assert expected == pytest.approx(0.9989 * (30 + 84) / 2 + waits, abs=4 * 42 / np.sqrt(len(back)))


@pytest.mark.parametrize("service", ["medical", "fire"])
def test_roots_of_the_hours_lost(run, city, histories, service):
    """Power's are those that working facilities would have spared, the roads' all others."""
    by_road = History(0, 0).lost(city, service, "rp500")
    assert set(by_road.columns[by_road.any()]) == {0, 12, 24}
    total = np.mean([hours(city, history, service) for history in histories])
    roots = run.results["root_person_hours"].sel(event="rp500", service=service).to_series()
    assert set(roots.index[roots > 0]) == {"power/flood", "transport/flood"}
    assert roots["transport/flood"] == pytest.approx(by_road.to_numpy().sum(), rel=1e-6)
    assert roots["power/flood"] == pytest.approx(total - by_road.to_numpy().sum(), rel=1e-6)


def test_zones_that_only_water_keeps_apart_are_back_with_it(run, city):
    """The one that a fire engine reaches slowly: 24 h. Those behind streets that stay closed: 36 h."""
    lost = History(0, 0).lost(city, "fire", "rp500").sum(axis=1)
    assert lost[lost > 0].value_counts().to_dict() == {OPEN: 6, DRY: 1}
    assert lost["250173549022"] == DRY
    rare = run.results["zone_hours_lost"].sel(event="rp100", service="fire").to_series()
    expected = History(0, 0).lost(city, "fire", "rp100").sum(axis=1)
    np.testing.assert_allclose(rare[expected.index], expected, atol=1e-9)


def test_tables_say_zones_and_hold_the_same(run):
    table = pd.read_csv(run.folder / "access.csv").set_index(["event", "access"])
    assert set(table["unit"]) == {"zones"}
    people = run.results["access_people"]
    for event, service in itertools.product(EVENTS, LIMIT):
        told = people.sel(event=event, access=service).to_series()
        np.testing.assert_allclose(table.loc[(event, service), told.index].astype(float), told, rtol=1e-8)
    zones = pd.read_csv(run.folder / "zone_access.csv", dtype={"zone": str}).set_index(["event", "access", "zone"])
    assert len(zones) == 2 * 2 * 87
    told = run.results["zone_added_minutes"].to_series().reorder_levels(["event", "access", "zone"])
    np.testing.assert_allclose(zones["added_minutes"], told[zones.index], rtol=1e-8)
    for path in (*run.folder.rglob("*.csv"), run.folder / "notes.txt"):
        assert not _of_people(path.read_text(encoding="utf-8")), path
    assert not _of_people(run.told)
    for name, variable in run.results.variables.items():
        assert not _of_people(" ".join(map(str, variable.attrs.values()))), name
    assert "baseline gap: 6 zones without medical in the intact city" in run.told


def _of_people(text):
    return "person" in text.lower() or "people" in text.lower()
