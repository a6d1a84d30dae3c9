"""Direct loss and failure probability: the rules, the unknown, and the laws they obey."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from resilience.curves import Curve, CurveTable
from resilience.damage import combine_damage, damage, state_probabilities
from resilience.errors import DataError
from resilience.fragility import SEAL_FAILURE
from resilience.network import Network

DIMS = ("event", "asset")
CURVES = CurveTable(
    [
        Curve("value", "damage", "flood", "m", x=[0, 2], y=[0, 1]),
        Curve("function", "fragility", "flood", "m", theta=1.0, beta=0.4),
        Curve("steps", "fragility", "flood", "m", x=[0, 1], y=[0.2, 1]),
        Curve("hot", "fragility", "heat", "degC", x=[35, 45], y=[0, 1]),
    ]
)


def network(count=1, **columns):
    defaults = {
        "flood_damage_curve": "value",
        "flood_fragility_curve": "function",
        "heat_damage_curve": "",
        "heat_fragility_curve": "hot",
        "component_height": 0.0,
        "barrier_height": np.nan,
        "seal_failure": np.nan,
        "dry_threshold": 0.0,
        "replacement_cost": 100.0,
    }
    table = {name: columns.get(name, value) for name, value in defaults.items()}
    return SimpleNamespace(assets=pd.DataFrame({"id": [f"A{i}" for i in range(count)], **table}))


def exposure(intensity, fraction=0.0, *, peril="flood", assets=None, perils=None):
    values = np.atleast_2d(np.asarray(intensity, dtype=float))
    events = [f"e{i}" for i in range(values.shape[0])]
    coords = {"event": events, "asset": assets or [f"A{i}" for i in range(values.shape[1])]}
    if perils is not None:
        coords["peril"] = ("event", perils)
    data = {
        "exposed_intensity": (DIMS, values),
        "damage_fraction": (DIMS, np.broadcast_to(np.asarray(fraction, dtype=float), values.shape).copy()),
    }
    return xr.Dataset(data, coords=coords, attrs={} if perils is not None else {"peril": peril})


def probability(depth, **columns):
    depths = np.atleast_1d(np.asarray(depth, dtype=float))
    result = damage(exposure(depths[:, None]), network(1, **columns), curves=CURVES)
    return result["failure_probability"].values[:, 0]


def refused(call, said):
    with pytest.raises(DataError) as caught:
        call()
    assert said in str(caught.value)


def test_loss_is_fraction_times_cost_and_adds_up():
    before = exposure([[1.0, 0.5], [0.0, 2.0]], [[0.5, 0.25], [0.0, 1.0]])
    kept = before.copy(deep=True)
    after = damage(before, network(2, replacement_cost=[100.0, 1000.0]), curves=CURVES)
    assert after["asset_direct_loss"].values.tolist() == [[50.0, 250.0], [0.0, 1000.0]]
    assert after["direct_loss"].values.tolist() == [300.0, 1000.0]
    assert after["direct_loss"].attrs["units"] == "money"
    assert after["failure_probability"].dims == DIMS
    xr.testing.assert_identical(before, kept)
    assert set(before.data_vars) < set(after.data_vars)


def test_fragility_is_that_of_the_depth_at_the_component():
    assert probability([0.5, 1.0, 1.5]) == pytest.approx([0.041560, 0.5, 0.844628], abs=1e-6)
    assert probability([0.5, 1.0, 1.5], component_height=0.5) == pytest.approx([0.0, 0.041560, 0.5], abs=1e-6)
    assert probability([0.5, 0.0], component_height=-0.5) == pytest.approx([0.5, 0.0])


def test_a_curve_that_starts_above_zero_fails_nothing_dry():
    got = probability([-1.0, 0.0, 0.3, 0.5, 1.3], flood_fragility_curve="steps", component_height=0.3)
    assert got == pytest.approx([0.0, 0.0, 0.0, 0.36, 1.0])


def test_nothing_fails_below_the_dry_threshold():
    assert probability([0.04, 0.05], flood_fragility_curve="steps", dry_threshold=0.05) == pytest.approx([0.0, 0.24])


def test_basement_behind_a_barrier():
    basement = {"component_height": -2.0, "barrier_height": 0.4, "seal_failure": 0.2}
    assert probability([0.0, 0.1, 0.4, 0.41, 3.0], **basement).tolist() == [0.0, 0.2, 0.2, 1.0, 1.0]
    assert probability([0.1, 0.5], **basement, flood_fragility_curve="").tolist() == [0.2, 1.0]
    assert probability([0.1], component_height=-2.0, barrier_height=0.4).tolist() == [SEAL_FAILURE]
    assert probability([0.04], **basement, dry_threshold=0.05).tolist() == [0.0]


def test_equipment_above_ground_behind_a_barrier():
    ground = {"barrier_height": 1.0, "seal_failure": 0.1}
    assert probability([1.0, 1.5], **ground) == pytest.approx([0.05, 0.844628], abs=1e-6)


@pytest.mark.parametrize("limit", [0.1, 0.3, 0.6, 0.7])
def test_a_depth_equal_to_a_limit_is_equal_however_it_is_stored(limit):
    for depth in (limit, float(np.float32(limit))):
        whole = probability(depth)
        assert whole > 0
        assert probability(depth, dry_threshold=limit) == whole
        assert probability(depth, barrier_height=limit, seal_failure=0.5) == 0.5 * whole
        assert probability(depth, component_height=limit, flood_fragility_curve="steps") == 0.0


def test_seal_failure_can_be_told():
    result = damage(exposure(0.1), network(component_height=-1.0, barrier_height=0.3), curves=CURVES, seal_failure=0.5)
    assert result["failure_probability"].item() == 0.5


def test_heat_is_judged_at_the_temperature_itself():
    places = {"component_height": 3.0, "dry_threshold": 50.0, "barrier_height": 60.0}
    result = damage(exposure([[30.0], [40.0], [50.0]], 0.7, peril="heat"), network(**places), curves=CURVES)
    assert result["failure_probability"].values[:, 0].tolist() == [0.0, 0.5, 1.0]
    # No heat damage curve: no loss, whatever the fraction of another peril.
    assert result["direct_loss"].values.tolist() == [0.0, 0.0, 0.0]


def test_each_event_follows_the_curves_of_its_own_peril():
    result = damage(exposure([[1.0], [40.0]], 0.5, perils=["flood", "heat"]), network(), curves=CURVES)
    assert result["failure_probability"].values[:, 0] == pytest.approx([0.5, 0.5])
    assert result["direct_loss"].values.tolist() == [50.0, 0.0]


def test_unknown_stays_unknown():
    given_assets = network(
        4, flood_damage_curve=["value", "", "value", ""],
        flood_fragility_curve=["function", "", "function", "function"],
        component_height=[0.0, 0.0, -1.0, 0.0], barrier_height=[np.nan, np.nan, 0.4, 0.4],
        replacement_cost=[100.0, 100.0, 0.0, 100.0],
    )  # fmt: skip
    result = damage(exposure([np.nan] * 4, np.nan), given_assets, curves=CURVES)
    assert np.isnan(result["failure_probability"].values[0]).tolist() == [True, False, True, True]
    assert np.isnan(result["asset_direct_loss"].values[0]).tolist() == [True, False, False, False]
    assert np.isnan(result["direct_loss"].item())


def test_no_curve_no_failure():
    assert probability([9.0], flood_fragility_curve="").tolist() == [0.0]


def test_order_of_assets_does_not_matter():
    assets = network(3, component_height=[0.0, 0.5, 1.0], replacement_cost=[1.0, 2.0, 3.0])
    one = damage(exposure([[1.0, 1.1, 1.2]], 0.5), assets, curves=CURVES)
    turned = exposure([[1.2, 1.0, 1.1]], 0.5, assets=["A2", "A0", "A1"])
    other = damage(turned, assets, curves=CURVES).sel(asset=["A0", "A1", "A2"])
    xr.testing.assert_allclose(one, other, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"seal_failure": 1.5}, "assets.seal_failure"),
        ({"barrier_height": -0.1}, "assets.barrier_height"),
        ({"dry_threshold": np.nan}, "assets.dry_threshold"),
        ({"component_height": np.nan}, "assets.component_height"),
        ({"replacement_cost": -1.0}, "assets.replacement_cost"),
        ({"flood_fragility_curve": "functon"}, "did you mean 'function'"),
        ({"flood_fragility_curve": "value"}, "value is damage"),
        ({"flood_fragility_curve": "hot"}, "hot is heat"),
    ],
)
def test_refused_networks(columns, said):
    refused(lambda: damage(exposure(1.0), network(**columns), curves=CURVES), said)


def test_refused_exposures():
    assets = network(2)
    refused(lambda: damage(xr.Dataset(), assets, curves=CURVES), "exposure.exposed_intensity")
    refused(lambda: damage(exposure([[1.0, 1.0]], peril="hail"), assets, curves=CURVES), "hail")
    refused(
        lambda: damage(exposure([[1.0, 1.0]], perils=["flood"]).drop_vars("peril"), assets, curves=CURVES), "absent"
    )
    refused(lambda: damage(exposure([[1.0]]), assets, curves=CURVES), "A1")
    refused(lambda: damage(exposure([[1.0] * 3]), assets, curves=CURVES), "A2")
    refused(lambda: damage(exposure([[1.0] * 2], assets=["A0", "A0"]), assets, curves=CURVES), "once")
    refused(lambda: damage(exposure([[1.0] * 2]).drop_vars("asset"), assets, curves=CURVES), "exposure.asset")
    refused(lambda: damage(exposure([[1.0] * 2], 1.1), assets, curves=CURVES), "1.1")
    refused(lambda: damage(exposure([[1.0] * 2]), assets, curves=CURVES, seal_failure=2.0), "seal_failure")


@given(
    st.lists(st.floats(-1.0, 6.0), min_size=2, max_size=15),
    st.floats(-3.0, 2.0),
    st.one_of(st.just(np.nan), st.floats(0.0, 2.0)),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.3),
    st.sampled_from(["", "function", "steps"]),
)
@settings(deadline=None, max_examples=60)
def test_deeper_never_fails_less(depths, height, barrier, seal, threshold, curve):
    got = probability(
        np.sort(depths), component_height=height, barrier_height=barrier, seal_failure=seal, dry_threshold=threshold,
        flood_fragility_curve=curve,
    )  # fmt: skip
    assert np.all(np.diff(got) >= 0.0)
    assert np.all((got >= 0.0) & (got <= 1.0))


@given(st.lists(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), min_size=1, max_size=4))
def test_combined_damage_is_between_the_worst_and_the_sum(fractions):
    got = combine_damage(fractions)
    assert np.all(got <= 1.0)
    assert np.all(got <= np.sum(fractions, axis=0) + 1e-12)
    assert np.all(got >= np.max(fractions, axis=0) - 1e-12)
    assert got == pytest.approx(combine_damage(fractions[::-1]))


def test_combined_damage_checks_and_keeps_the_unknown():
    assert np.isnan(combine_damage([[0.2], [np.nan]])).all()
    assert combine_damage([[0.3, 0.0]]) == pytest.approx([0.3, 0.0])
    refused(lambda: combine_damage([[1.2]]), "1.2")


def test_state_probabilities_follow_the_published_rule():
    states = [Curve(f"s{k}", "fragility", "flood", "m", theta=t, beta=0.4) for k, t in enumerate((0.5, 1.0, 2.0), 1)]
    depth = np.array([0.3, 1.0, np.nan])
    got = state_probabilities(states, depth)
    reached = [norm.cdf(np.log(depth[:2] / t) / 0.4) for t in (0.5, 1.0, 2.0)]
    assert got.shape == (4, 3)
    assert got[0, :2] == pytest.approx(1 - reached[0])
    assert got[1, :2] == pytest.approx(reached[0] - reached[1])
    assert got[3, :2] == pytest.approx(reached[2])
    assert got[:, :2].sum(axis=0) == pytest.approx([1.0, 1.0])
    assert np.isnan(got[:, 2]).all()
    refused(lambda: state_probabilities(states[::-1], 1.0), "cross")


def test_a_real_network_is_read():
    assets = gpd.GeoDataFrame(
        {
            "id": ["S", "H"],
            "sector": ["power", "medical"],
            "kind": ["substation", "hospital"],
            "flood_damage_curve": ["value", "value"],
            "flood_fragility_curve": ["function", "steps"],
            "component_height": [0.5, 0.0],
            "barrier_height": [np.nan, 0.4],
            "replacement_cost": [10.0, 20.0],
        },
        geometry=[shapely.Point(0, 0), shapely.Point(9, 0)],
        crs=32652,
    )
    city = Network.from_tables(assets=assets, curve_names=CURVES.names())
    result = damage(exposure([[1.5, 0.2]], 0.5, assets=["S", "H"]), city, curves=CURVES)
    assert result["failure_probability"].values == pytest.approx(np.array([[0.5, SEAL_FAILURE * 0.36]]))
    assert result["direct_loss"].item() == 15.0
