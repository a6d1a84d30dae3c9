"""Searches for the nearest: ties, reach, pieces of the work and empty input."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from resilience.network import nearest
from resilience.network.nearest import build_roads, containing_polygons, nearest_by_road, nearest_points


def pairs(found):
    return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


def chain(*lengths, oneway=False):
    names = np.array([f"n{i:02}" for i in range(len(lengths) + 1)], dtype=object)
    return build_roads(names[:-1], names[1:], np.array(lengths, dtype=float), np.full(len(lengths), oneway))


def test_a_ring_of_equal_distances_is_taken_in_order():
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.column_stack([np.cos(turn), np.sin(turn)]) * 100 + 7.3
    assert pairs(nearest_points(np.full((1, 2), 7.3), ring, k=3)) == [(0, 0), (0, 1), (0, 2)]
    same = np.array([1])
    assert pairs(nearest_points(np.full((1, 2), 7.3), ring, k=2, same=same)) == [(0, 0), (0, 2)]
    assert pairs(nearest_points(np.full((1, 2), 7.3), ring, k=2, within=99.9)) == []
    assert len(nearest_points(np.full((1, 2), 7.3), ring, k=50)[0]) == 40


@pytest.mark.parametrize("order", [1, -1])
def test_a_tie_by_road_goes_to_the_first_provider(order):
    roads = chain(10.0, 10.0, 10.0, 10.0)
    providers = np.array([0, 4])[::order]
    assert pairs(nearest_by_road(roads, np.array([2]), providers, k=1)) == [(0, 0)]
    branch = chain(5.0, 5.0, 5.0, 5.0)
    assert pairs(nearest_by_road(branch, np.array([2, 3, 1]), providers, k=1))[0] == (0, 0)


def test_the_tie_is_passed_on_beyond_the_place_of_the_tie():
    # Two providers equally far from n02, whence the way leads on to n03 and n04.
    names = np.array(["n00", "n01", "n02", "n03", "n04"], dtype=object)
    roads = build_roads(
        names[[0, 1, 2, 3]], names[[2, 2, 3, 4]], np.array([10.0, 10.0, 1.0, 1.0]), np.zeros(4, dtype=bool)
    )
    for providers in (np.array([0, 1]), np.array([1, 0])):
        found = nearest_by_road(roads, np.array([2, 3, 4]), providers, k=1)
        assert pairs(found) == [(0, 0), (1, 0), (2, 0)]


def test_one_way_roads_are_followed_from_the_provider():
    roads = chain(10.0, 10.0, oneway=True)
    assert pairs(nearest_by_road(roads, np.array([0, 1, 2]), np.array([1]), k=1)) == [(1, 0), (2, 0)]
    assert pairs(nearest_by_road(roads, np.array([2]), np.array([0, 1]), k=2, within=15)) == [(0, 1)]


def test_pieces_of_work_give_what_the_whole_gives(monkeypatch):
    rng = np.random.default_rng(3)
    places = rng.integers(0, 6, (60, 2)).astype(float)
    providers = rng.integers(0, 6, (25, 2)).astype(float)
    roads = chain(*rng.integers(1, 4, 30).astype(float))
    dependents, gates = rng.integers(0, 31, 20), rng.integers(0, 31, 12)
    whole = nearest_points(places, providers, k=3), nearest_by_road(roads, dependents, gates, k=3)
    monkeypatch.setattr(nearest, "_CHUNK_ELEMENTS", 40)
    pieces = nearest_points(places, providers, k=3), nearest_by_road(roads, dependents, gates, k=3)
    for left, right in zip(whole, pieces, strict=True):
        assert sorted(pairs(left)) == sorted(pairs(right))
        assert pairs(left) == pairs(right)


def test_the_first_of_several_is_the_one_alone():
    rng = np.random.default_rng(5)
    for _ in range(20):
        roads = chain(*rng.integers(1, 4, 30).astype(float))
        dependents, gates = rng.integers(0, 31, 15), rng.integers(0, 31, 8)
        alone = pairs(nearest_by_road(roads, dependents, gates, k=1))
        dependent, provider = nearest_by_road(roads, dependents, gates, k=2)
        _, first = np.unique(dependent, return_index=True)
        assert alone == pairs((dependent[first], provider[first]))


def test_parallel_links_count_by_the_shortest():
    start, end = np.array(["a", "a", "b"], dtype=object), np.array(["b", "b", "a"], dtype=object)
    roads = build_roads(start, end, np.array([5.0, 3.0, 4.0]), np.array([True, True, True]))
    assert roads.lengths.toarray().tolist() == [[0, 3], [4, 0]]


def test_a_place_on_a_border_goes_to_the_nearer_middle():
    areas = [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 14, 10)]
    middles = np.array([[5.0, 5.0], [12.0, 5.0]])
    place = np.array([[10.0, 5.0]])
    house = [shapely.Point(10, 5)]
    assert pairs(containing_polygons(house, areas, places=place, provider_places=middles, k=1)) == [(0, 1)]
    assert pairs(containing_polygons(house, areas, places=place, provider_places=middles, k=2)) == [(0, 1), (0, 0)]
    assert pairs(containing_polygons(house, areas, places=place, provider_places=middles, k=2, within=3)) == [(0, 1)]


def test_nothing_near_nothing():
    none, some = np.zeros((0, 2)), np.zeros((2, 2))
    roads, house = chain(1.0), shapely.Point(0, 0)
    for found in (
        nearest_points(none, some, k=1),
        nearest_points(some, none, k=1),
        nearest_by_road(roads, np.zeros(0, dtype=int), np.array([0]), k=1),
        containing_polygons([], [house], places=none, provider_places=some[:1], k=1),
        containing_polygons(
            [shapely.Point(0, 0)], [shapely.Point(0, 0)], places=some[:1], provider_places=some[:1], k=1
        ),
    ):
        assert pairs(found) == []
