"""The shipped figures against the published tables they were typed from."""

import json

import numpy as np
import pandas as pd
import pytest

from resilience.curves import CurveTable
from resilience.datasets import load_curves

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def folder(real_data):
    return real_data / "curves"


@pytest.fixture(scope="module")
def published(folder):
    return pd.read_csv(folder / "nirandjan2024_curves.csv")


@pytest.mark.parametrize("name", ["residential", "commercial", "industrial"])
def test_jrc_asia_equals_the_published_table(folder, name):
    items = json.loads((folder / "jrc_huizinga2017.json").read_text(encoding="utf-8"))["items"]
    (item,) = (i for i in items if i["location"] == "Asia" and i["asset_type"] == f"Buildings/{name.capitalize()}")
    curve = load_curves()[f"jrc_asia_{name}"]
    assert curve.x.tolist() == item["intensity"]
    assert curve.y.tolist() == item["impact_mean"]
    assert curve.spread == pytest.approx(item["impact_std"], abs=0.5001e-4)


@pytest.mark.parametrize(("ours", "theirs"), [("jrc_asia_roads", "F8.6"), ("jrc_asia_commercial", "F21.4")])
def test_jrc_asia_equals_what_another_database_took_over(published, ours, theirs):
    points = published[published["curve_id"] == theirs]
    assert load_curves()[ours](points["intensity"]) == pytest.approx(points["damage"].to_numpy(), abs=1e-6)


@pytest.mark.parametrize("name", [n for n in load_curves().names() if n.startswith("nirandjan_")])
def test_nirandjan_equals_the_published_points(published, name):
    points = published[published["curve_id"] == name.removeprefix("nirandjan_").replace("_", ".")]
    curve = load_curves()[name]
    if name in ("nirandjan_F8_9", "nirandjan_F8_10", "nirandjan_F8_11"):
        assert points.empty  # fragilities: the published file has none for flood
        return
    wanted = points["damage"].to_numpy()
    if np.any(np.diff(wanted) < 0.0):
        assert name.startswith("nirandjan_F2_")
        wanted = np.maximum.accumulate(wanted)
    assert curve(points["intensity"]) == pytest.approx(wanted, abs=1.5e-4)


@pytest.mark.parametrize(
    ("ours", "theirs", "deepest", "within"),
    [
        ("hazus_small_power_plant", "F1.1", 8, 0.0005),
        ("hazus_substation", "F2.1", 6, 0.0005),
        ("hazus_water_plant_open", "F14.1", 8, 0.003),
        ("hazus_water_plant_open", "F18.1", 8, 0.003),
        ("hazus_water_plant_closed", "F14.6", 10, 0.005),
        ("hazus_well", "F15.1", 10, 0.005),
        ("hazus_pump_below_grade", "F17.1", 10, 0.016),
        ("hazus_control_vault", "F17.6", 10, 0.006),
    ],
)
def test_hazus_agrees_with_the_database_that_took_it_over(published, ours, theirs, deepest, within):
    """The two come from editions of one table by different hands; the other is resampled every 5 cm,
    which blurs the kinks."""
    points = published[published["curve_id"] == theirs]
    feet = np.arange(deepest + 1) * 0.3048
    theirs_at = np.interp(feet, points["intensity"], points["damage"])
    assert load_curves()[ours](feet) == pytest.approx(theirs_at, abs=within)


def test_the_published_collection_can_be_read_by_users(folder):
    path, metadata = folder / "nirandjan2024_curves.csv", folder / "nirandjan2024_metadata.csv"
    table = CurveTable.from_csv(path, layout="snail", metadata=metadata, decreasing="running_maximum")
    assert len(table) == 92
    assert set(table.to_frame()["peril"]) == {"flood"}
    assert table["F21.4"](0.5) == pytest.approx(0.376790, abs=1e-6)
