"""Curves and tables of curves: what is accepted, what is refused and how it is said."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.curves import Curve, CurveTable
from resilience.errors import ConfigurationError, DataError, MissingInputError


def points(name="c", x=(0, 1, 2), y=(0, 0.4, 1), **more):
    return Curve(**{"name": name, "role": "damage", "peril": "flood", "unit": "m", "x": x, "y": y, **more})


def lognormal(name="f", theta=1.0, beta=0.4, **more):
    return Curve(
        **{"name": name, "role": "fragility", "peril": "flood", "unit": "m", "theta": theta, "beta": beta, **more}
    )


def refused(call, *said, kind=DataError):
    with pytest.raises(kind) as caught:
        call()
    for text in said:
        assert text in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("unit", "factor"), [("m", 1.0), ("cm", 0.01), ("mm", 0.001), ("ft", 0.3048)])
def test_depths_are_converted_once(unit, factor):
    curve = points(unit=unit, x=[0, 1, 2])
    assert curve.unit == "m"
    assert curve.x == pytest.approx([0, factor, 2 * factor])
    assert lognormal(unit=unit).theta == pytest.approx(factor)
    again = points(unit=curve.unit, x=curve.x)
    assert np.array_equal(again.x, curve.x)


def test_units_are_read_as_files_spell_them():
    assert points(unit="Metres").unit == "m"
    assert points(unit="feet").x[1] == 0.3048
    refused(lambda: points(unit="yard"), "'yard'")
    refused(lambda: points(unit="hours", x=[0, 1, 900]), "'hours'")


@pytest.mark.parametrize(("unit", "x"), [("degC", [35, 40]), ("degF", [95, 104]), ("K", [308.15, 313.15])])
def test_temperatures_are_converted_once(unit, x):
    curve = points(peril="heat", role="fragility", unit=unit, x=x, y=[0, 1])
    assert curve.unit == "degC"
    assert curve.x == pytest.approx([35, 40])


def test_published_small_numbers():
    curve = points(x=[0, 10, 20, 30], y=[0, 0.1, 0.2, 1])
    assert curve([5, 15, 25]) == pytest.approx([0.05, 0.15, 0.6])
    assert curve([-1, 31]).tolist() == [0.0, 1.0]
    assert np.isnan(curve(np.nan))
    restoration = lognormal(theta=np.exp(3.09), beta=0.51)
    assert restoration([15, 30, 80]) == pytest.approx([0.227, 0.729, 0.99435], abs=1e-3)


def test_fragility_check_values():
    assert lognormal()([0.5, 1.0, 1.5]) == pytest.approx([0.041560, 0.5, 0.844628], abs=1e-6)
    assert lognormal(theta=0.6, beta=0.5)(0.3) == pytest.approx(0.082829, abs=1e-6)
    assert lognormal(theta=1.22, beta=0.3)(1.0) == pytest.approx(0.253718, abs=1e-6)


def test_every_problem_of_a_curve_is_told_at_once():
    error = refused(
        lambda: Curve("bad", "damge", "flod", "yard", x=[0, 2, 2, np.nan], y=[0, 50, 20, 100], basis="guess"),
        "did you mean 'damage'", "did you mean 'flood'", "finite", "strictly increasing", "2 then 2",
        "percent are divided by 100", "decreasing", "50 then 20", "guess",
    )  # fmt: skip
    assert len(error.problems) == 7


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"x": [1], "y": [0]}, "at least 2 points"),
        ({"x": [1, 2], "y": [0]}, "one y for each x"),
        ({"x": [], "y": []}, "neither"),
        ({"theta": 1.0, "beta": 0.3}, "both"),
        ({"y": [-0.1, 0, 1]}, "[0, 1]"),
        ({"y": [0, 1, 0.9]}, "running maximum"),
        ({"x": [0, 100, 600]}, "600 m"),
        ({"unit": "degC"}, "one of m, cm, mm, ft"),
        ({"peril": "heat", "unit": "degC", "x": [300, 310, 320]}, "320 degC"),
        ({"spread": [0.1]}, "for each point"),
        ({"spread": [0.1, -1, 0]}, "lowest -1"),
        ({"name": " "}, "a name"),
        ({"state": 0}, "a rank from 1"),
    ],
)
def test_refused_curves(more, said):
    refused(lambda: points(**more), said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"theta": 0.0}, "above 0"),
        ({"beta": -1.0}, "above 0"),
        ({"beta": np.nan}, "above 0"),
        ({"role": "damage"}, "points (x, y) for a damage curve"),
        ({"peril": "heat", "unit": "degF", "theta": 120.0}, "degC for a lognormal"),
    ],
)
def test_refused_lognormals(more, said):
    refused(lambda: lognormal(**more), said)


def test_curves_cannot_be_changed():
    curve = points()
    with pytest.raises(ValueError, match="read-only"):
        curve.y[0] = 0.5
    with pytest.raises(AttributeError):
        curve.name = "other"
    source = np.array([0.0, 1.0, 2.0])
    copied = points(x=source)
    source[1] = 9.0
    assert copied.x[1] == 1.0


def test_table_lookup_and_suggestion():
    table = CurveTable([points("shop"), lognormal("function_shop")])
    assert table.names() == ("function_shop", "shop")
    assert table.names(role="damage") == ("shop",)
    assert table.names(peril="heat") == ()
    assert "shop" in table
    assert len(table) == 2
    assert [curve.name for curve in table] == ["function_shop", "shop"]
    assert table["shop"].role == "damage"
    refused(lambda: table["shp"], "did you mean 'shop'")
    refused(lambda: CurveTable()["shp"], "there are none")
    refused(lambda: CurveTable([points("a"), points("a")]), "every name once", "a")
    assert list(table.to_frame()["points"]) == [0, 3]


def test_merging_must_say_that_it_replaces():
    shipped, mine = CurveTable([points("a"), points("b")]), CurveTable([points("b", y=[0, 0, 1]), points("c")])
    refused(lambda: shipped.merge(mine), "replace=True", "b")
    both = shipped.merge(mine, replace=True)
    assert both.names() == ("a", "b", "c")
    assert both["b"].y[1] == 0.0
    assert shipped["b"].y[1] == 0.4


def test_packed_curves_say_the_same_as_the_table():
    table = CurveTable([points("a"), points("b", x=[0, 3], y=[0, 1]), lognormal("f"), points("unused")])
    packed = table.pack(["b", "", "f", "b", "a"])
    assert packed.names == ("a", "b", "f")
    assert packed.index.tolist() == [1, -1, 2, 1, 0]
    assert packed.index.dtype == np.int32
    assert packed.indptr.tolist() == [0, 3, 5, 5]
    assert packed.x.tolist() == [0, 1, 2, 0, 3]
    assert packed.y.tolist() == [0, 0.4, 1, 0, 1]
    assert packed.lognormal.tolist() == [False, False, True]
    assert packed.theta[2] == 1.0
    assert packed.beta[2] == 0.4
    assert np.isnan(packed.theta[:2]).all()
    again = pickle.loads(pickle.dumps(packed))
    assert np.array_equal(again.x, packed.x)


def test_packing_nothing():
    packed = CurveTable().pack(["", ""])
    assert packed.index.tolist() == [-1, -1]
    assert packed.indptr.tolist() == [0]
    assert packed.x.size == 0
    assert CurveTable([points("a")]).pack([]).index.size == 0


def test_packing_tells_unknown_names_and_wrong_roles():
    table = CurveTable([points("shop"), lognormal("function_shop")])
    refused(lambda: table.pack(["shp", "shop", "x"]), "2 unknown names", "did you mean 'shop'")
    refused(lambda: table.pack(["shop"], role="fragility"), "shop is damage")
    refused(lambda: table.pack(["shop"], peril="heat"), "shop is flood")


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=30))
@settings(deadline=None)
def test_packing_follows_the_order_of_the_assets(names):
    packed = CurveTable([points("a"), points("b")]).pack(names)
    assert [packed.names[k] if k >= 0 else "" for k in packed.index] == names


def states(*curves):
    return CurveTable(curves)


def test_damage_states_may_not_cross():
    def state(k, **more):
        return lognormal(f"s{k}", group="g", state=k, **more)

    table = states(state(2, theta=1.5), state(1, theta=1.0))
    assert [curve.name for curve in table.states("g")] == ["s1", "s2"]
    refused(lambda: table.states("h"), "unknown names")
    refused(lambda: states(state(1, theta=1.5), state(2, theta=1.0)), "cross", "s1 and s2")
    refused(lambda: states(state(1, beta=0.4), state(2, theta=1.5, beta=0.5)), "one common beta")
    refused(lambda: states(state(1), state(3, theta=2.0)), "states 1, 2")
    low = points("p1", role="fragility", group="p", x=[0, 2], y=[0, 1])
    high = points("p2", role="fragility", group="p", state=2, x=[0, 1, 2], y=[0, 0.2, 1])
    assert len(states(low, high)) == 2
    above = points("p2", role="fragility", group="p", state=2, x=[0, 1, 2], y=[0, 0.6, 1])
    refused(lambda: states(low, above), "nowhere above", "p1 and p2")
    refused(lambda: states(low, lognormal("f", group="p", state=2)), "a mixture")


def write(folder, text, name="curves.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_plain_layout(tmp_path):
    path = write(
        tmp_path,
        "# mine\nname,role,peril,unit,x,y,spread,theta,beta,note\n"
        "shop,damage,flood,cm,0,0,0,,,with stock\nshop,,,,100,0.5,0.1,,,\nshop,,,,200,1,0,,,\n"
        "gate,fragility,flood,ft,,,,2,0.3,\n",
    )
    table = CurveTable.from_csv(path, source="survey", note="2026")
    assert table["shop"].x.tolist() == [0.0, 1.0, 2.0]
    assert table["shop"].spread.tolist() == [0.0, 0.1, 0.0]
    assert (table["shop"].source, table["shop"].note) == ("survey", "with stock 2026")
    assert table["gate"].theta == pytest.approx(0.6096)
    assert CurveTable.from_csv(path, names=["gate"]).names() == ("gate",)
    refused(lambda: CurveTable.from_csv(path, names=["gat"]), "did you mean 'gate'")


def test_plain_layout_tells_everything_at_once(tmp_path):
    path = write(
        tmp_path,
        "name,x,y,unit,role\na,0,0,m,damage\na,0,2,ft,\nb,0,0,,damage\nb,1,1,,\nc,0,0,m,damage\nc,1,,,\n",
    )
    error = refused(
        lambda: CurveTable.from_csv(path, peril="flood"),
        "curve 'a'.unit", "'m' and 'ft'", "curve 'b'", "never assumed", "curve 'c'", "finite",
    )  # fmt: skip
    assert len(error.problems) == 3
    refused(lambda: CurveTable.from_csv(path, peril="flood", unit="m", role="damage"), "'m' and 'ft'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,x,y,nots\na,0,0,\n", "did you mean 'note'"),
        ("name,x,y\na,0,zero\n", "'zero' in line 2"),
        ("title,x,y\na,0,0\n", "columns name"),
        ("", "CSV table"),
        ("name,x,y\na,0,0,7\na,1,1,7\n", "CSV table"),
    ],
)
def test_refused_plain_files(tmp_path, text, said):
    path = write(tmp_path, text)
    refused(lambda: CurveTable.from_csv(path, unit="m", role="damage", peril="flood"), said)


def test_files_that_cannot_be_read(tmp_path):
    refused(lambda: CurveTable.from_csv(tmp_path / "none.csv"), "none.csv", kind=MissingInputError)
    path = tmp_path / "latin.csv"
    path.write_bytes(b"name,x,y\ncaf\xe9,0,0\n")
    refused(lambda: CurveTable.from_csv(path), "UTF-8")
    refused(lambda: CurveTable.from_csv(path, layout="snial"), "did you mean 'snail'", kind=ConfigurationError)


def test_open_gira_layout(tmp_path):
    path = write(
        tmp_path,
        "# A report\n# table 3\ninundation_depth_(cm),damage_fraction,high\n0,0,0\n100,0.5,0.6\n200,1,1\n",
        "road.csv",
    )
    table = CurveTable.from_csv(path, layout="open_gira", licence="CC0")
    assert table.names() == ("road", "road_high")
    assert table["road"](1.0) == 0.5
    assert table["road_high"](1.0) == 0.6
    assert (table["road"].source, table["road"].licence) == ("A report table 3", "CC0")
    assert CurveTable.from_csv(path, layout="open_gira", name="lane").names() == ("lane", "lane_high")
    bare = write(tmp_path, "depth,damage\n0,0\n1,1\n", "bare.csv")
    refused(lambda: CurveTable.from_csv(bare, layout="open_gira"), "no unit", "no peril", "damage_fraction")


SNAIL = """curve_id,point_index,intensity,damage
F1,1,100,0.5
F1,0,0,0
E1,0,0,0
E1,1,1,1
F2,0,0,0
F2,1,50,0.3
F2,2,90,0.2
"""
METADATA = """curve_id,hazard_name,intensity_unit,source,exposed_element
F1,flood,cm,FEMA,well
E1,earthquake,g,FEMA,well
F2,flood,cm,FEMA,pump
"""


def test_snail_layout(tmp_path):
    path, metadata = write(tmp_path, SNAIL), write(tmp_path, METADATA, "metadata.csv")
    refused(lambda: CurveTable.from_csv(path, layout="snail", metadata=metadata), "'F2'", "0.3 then 0.2")
    table = CurveTable.from_csv(path, layout="snail", metadata=metadata, decreasing="running_maximum")
    assert table.names() == ("F1", "F2")
    assert table["F1"].x.tolist() == [0.0, 1.0]
    assert table["F2"].y.tolist() == [0.0, 0.3, 0.3]
    assert "Running maximum" in table["F2"].note
    assert table["F1"].note == "well"
    alone = CurveTable.from_csv(path, layout="snail", unit="cm", peril="flood", names=["F1"])
    assert alone["F1"](0.5) == 0.25
    refused(lambda: CurveTable.from_csv(path, layout="snail"), "no unit", "no peril")
    refused(lambda: CurveTable.from_csv(path, layout="snail", metadata=metadata, names=["E1"]), "'earthquake'")
