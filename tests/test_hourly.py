"""Hazards with a time axis: every way to give one, outages that follow the maps, twins that follow every sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine

from resilience.cascade import TimeGrid
from resilience.draws import FRAGILITY, stream_key
from resilience.errors import ConfigurationError, DataError
from resilience.hazard import check_hazard, make_hazard, read_window, view_hours
from resilience.hourly import hold
from resilience.kernels.fragility import quantise_probability, sample_uniforms
from resilience.network.compile import identity
from resilience.pipeline import assess
from resilience.readers import open_hazard
from resilience.readers.layers import LayerStack
from resilience.scenario import Scenario

SAID: dict[str, Any] = {"family": "wave", "peril": "heat", "unit": "degC", "nodata": "unknown"}
AIR = np.random.default_rng(3).uniform(20, 40, (2, 5, 6, 7)).astype(np.float32)
HOURS = [12.0, 13.0, 15.0, 18.0, 24.0]
X, Y = 950_005 + 10 * np.arange(7.0), 1_950_000 - 10 * np.arange(6.0)


def labelled(**time: Any) -> xr.DataArray:
    coords = {"event": ["a", "b"], "y": Y, "x": X, "time": ("time", HOURS, time)}
    air = xr.DataArray(AIR, dims=("event", "time", "y", "x"), coords=coords, name="t2m")
    return air.assign_attrs(units="degC", crs="EPSG:5179")


def write_hour(path, air, **profile) -> None:
    air = air if air.ndim == 3 else air[np.newaxis]
    with rasterio.open(
        path, "w", driver="GTiff", count=len(air), height=6, width=7, dtype="float32", crs="EPSG:5179",
        transform=Affine(10, 0, 950_000, 0, -10, 1_950_005), **profile,
    ) as file:  # fmt: skip
        file.write(air)


def ways(folder) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return sources of the same hazard: an array, NetCDF, Zarr, bands as hours, a file per hour."""
    dates = labelled(units="hours since 2018-07-20", calendar="standard")
    dates.to_netcdf(folder / "dates.nc", engine="h5netcdf")
    labelled(units="h").to_dataset().to_zarr(folder / "air.zarr", zarr_format=2, consolidated=False)
    labelled().isel(event=0, drop=True).to_netcdf(folder / "a.nc", engine="h5netcdf")
    labelled().isel(event=1, drop=True).to_netcdf(folder / "b.nc", engine="h5netcdf")
    for k, event in enumerate("ab"):
        write_hour(folder / f"{event}.tif", AIR[k])
        for j, hour in enumerate(HOURS):
            write_hour(folder / f"{event}_{hour:02.0f}.tif", AIR[k, j])
    files = [[folder / f"{event}_{hour:02.0f}.tif" for hour in HOURS] for event in "ab"]
    return {
        "array": (labelled(), {}),
        "dates": (folder / "dates.nc", {}),
        "zarr": (folder / "air.zarr", {}),
        "netcdf each": ([folder / "a.nc", folder / "b.nc"], {}),
        "bands": ([folder / "a.tif", folder / "b.tif"], {"hours": HOURS}),
        "files": (files, {"hours": HOURS, "events": ["a", "b"]}),
    }


def test_every_way_to_give_hours_is_the_same_hazard(tmp_path) -> None:
    for name, (source, more) in ways(tmp_path).items():
        hazard = open_hazard(source, **SAID, **more)
        check_hazard(hazard)
        assert hazard["event"].values.tolist() == ["a", "b"], name
        assert hazard["time"].values.tolist() == [0, 1, 3, 6, 12], name
        assert hazard.attrs["clock"] == 12, name
        assert hazard["duration_hours"].values.tolist() == [18, 18], name
        np.testing.assert_array_equal(hazard["intensity"].values, AIR, err_msg=name)
        np.testing.assert_array_equal(hazard["intensity"][1, 2:4, ::2, [6, 1]].values, AIR[1, 2:4, ::2][:, :, [6, 1]])
        np.testing.assert_array_equal(read_window(view_hours(hazard, 1, slice(1, 3)), slice(2, 4), slice(0, 3)),
                                      AIR[1, 1:3, 2:4, :3], err_msg=name)  # fmt: skip


def test_windows_alone_are_read(tmp_path, monkeypatch) -> None:
    read = []
    whole = LayerStack.read_window

    def note(self, events, rows, columns):
        read.append(len(events) * (rows.stop - rows.start) * (columns.stop - columns.start))
        return whole(self, events, rows, columns)

    monkeypatch.setattr(LayerStack, "read_window", note)
    for source, more in ways(tmp_path).values():
        read.clear()
        hazard = open_hazard(source, **SAID, **more)
        read_window(view_hours(hazard, 0, slice(0, 2)), slice(0, 2), slice(1, 3))
        assert sum(read) in (0, 8)  # an array in memory is taken as it is


def test_clocks() -> None:
    local = open_hazard(labelled(units="hours since 2018-07-19 21:00"), clock_offset=9, **SAID)
    assert local.attrs["clock"] == (21 + 12 + 9) % 24
    assert open_hazard(labelled(units="days"), **SAID)["time"].values[1] == 24
    stamps = labelled().assign_coords(time=pd.Timestamp("2024-08-01T03:00") + pd.to_timedelta(HOURS, unit="h"))
    assert open_hazard(stamps, **SAID).attrs["clock"] == 15


def test_what_is_no_time_axis(tmp_path) -> None:
    with pytest.raises(DataError, match=r"coordinate time: unit 'furlong'"):
        open_hazard(labelled(units="furlong"), **SAID)
    with pytest.raises(DataError, match="ascending dates"):
        open_hazard(labelled().isel(time=[1, 0]), **SAID)
    with pytest.raises(DataError, match="coordinate time: absent"):
        open_hazard(labelled().drop_vars("time"), **SAID)
    with pytest.raises(ConfigurationError, match="none where the maps have a time axis"):
        open_hazard(labelled(), duration_hours=3, **SAID)
    write_hour(tmp_path / "a.tif", AIR[0])
    with pytest.raises(DataError, match=r"3 maps .* one per entry of hours"):
        open_hazard([tmp_path / "a.tif"], hours=[1, 2, 3], **SAID)
    grid = None
    with pytest.raises(ConfigurationError, match="two or more, ascending"):
        make_hazard(AIR, grid=grid, family="w", peril="heat", hours=[1])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"files": "t_{event}_{hour}.tif"}, "hours, for which {hour} stands"),
        ({"files": ["a.tif", "b.tif"], "hours": [2, 1]}, "two or more ascending"),
        ({"files": ["a.tif", "b.tif"], "hours": [1, 2], "duration_hours": 3}, "none beside hours"),
        ({"path": "a.tif", "hours": [1, 2]}, "one file for 2 events"),
        ({"files": ["a.tif", "b.tif"], "hours": [1, 2], "clock_offset": 9}, "tell their times"),
        ({"files": "t_{event}_{huor}.tif"}, "did you mean 'hour'"),
    ],
    ids=str,
)
def test_hours_of_a_scenario_that_are_wrong(keys, message) -> None:
    section = {"family": "wave", "peril": "heat", "nodata": "unknown", "events": ["a", "b"], **keys}
    data = {"schema_version": 1, "name": "x", "network": {"synthetic": {}}, "hazards": [section]}
    with pytest.raises(ConfigurationError, match=message):
        Scenario.from_dict(data)


def test_a_pattern_stands_for_the_files_of_hours(tmp_path) -> None:
    section = {"family": "wave", "peril": "heat", "nodata": "unknown", "events": ["a", "b"],
               "files": str(tmp_path / "{event}_{hour:02d}.tif"), "hours": [7, 13]}  # fmt: skip
    data = {"schema_version": 1, "name": "x", "network": {"synthetic": {}}, "hazards": [section]}
    first, second = Scenario.from_dict(data).hazards[0].sources()
    assert [path.name for path in first.hour_paths] == ["a_07.tif", "a_13.tif"]
    assert [path.name for path in second.hour_paths] == ["b_07.tif", "b_13.tif"]


# Outages that follow the maps, through the main job: degrees are probabilities, each asset stands in its own cell.

ASSETS = [{"id": f"s{i}", "heat_fragility_curve": "degree_is_probability"} for i in range(3)]
ZONES = [{"id": f"z{i}", "persons": 100.0 * (i + 1)} for i in range(3)]
NEEDS = [(f"z{i}", "power", [f"s{i}"], 1) for i in range(3)]
WAVE = np.array([[0.1, 0.0, 0.3], [0.6, 0.0, 0.0], [0.2, 0.5, 0.0], [0.5, 0.0, 0.0]], np.float32)


def wave(site, values=(WAVE,), *, hours=(10, 12, 13, 14), family="wave", assets=ASSETS, samples=1024, **more):
    values = np.asarray(values, np.float32)
    section = {"family": family, "peril": "heat", "unit": "degC", "values": values, "hours": list(hours),
               "events": [f"e{k}" for k in range(len(values))]}  # fmt: skip
    return site.scenario(assets, [section], zones=ZONES, needs=NEEDS, samples=samples, **more)


def uniforms(seed: int, family: str, name: str, samples: int) -> np.ndarray:
    """U of an asset, 512 samples at a time."""
    key = stream_key(seed, FRAGILITY, family)
    out = np.empty((samples // 512, 1, 512), np.uint32)
    for group, values in enumerate(out):
        sample_uniforms(key, np.array([identity(name)], np.uint64), group * 8, values)
    return out.reshape(-1)


def threshold(p: float) -> int:
    out = np.empty(1, np.uint32)
    quantise_probability(np.array([p], np.float64), out)
    return int(out[0])


def is_out(u: int, course: np.ndarray, bounds: list[float], minute: int, restart: float) -> bool:
    """Out if in any hour that begins by now and ended less than the restart ago U is below its probability."""
    return any(
        u < threshold(float(p)) and begin * 60 <= minute < (end + restart) * 60
        for p, begin, end in zip(course, bounds[:-1], bounds[1:], strict=True)
    )


def test_outages_follow_the_maps_sample_by_sample(site) -> None:
    restart, points = 1.5, [0, 1, 2.5, 4, 9]
    ds = assess(wave(site, time={"hours": points, "restart_hours": restart})).dataset
    grid = TimeGrid(np.append(np.round(ds["time"].values * 60), 540).astype(np.int64))
    moments = grid.moments()
    bounds = [0, 2, 3, 4, 5]
    lost = np.zeros(1024)
    for i, zone in enumerate(ZONES):
        u = uniforms(1, "wave", f"s{i}", 1024)
        for sample in range(1024):
            for k, minutes in enumerate(grid.step):
                minute = int(moments[k, sample % 512])
                if is_out(int(u[sample]), WAVE[:, i], bounds, minute, restart):
                    lost[sample] += zone["persons"] * minutes / 60
    np.testing.assert_allclose(ds["person_hours_lost"].values[0, 0], lost, rtol=1e-9)
    # Over the samples, hours out are the integral of the running maximum of the probability.
    for i in range(3):
        fine = np.arange(0, 9 * 60)
        running = [
            max([float(p) for p, a, b in zip(WAVE[:, i], bounds[:-1], bounds[1:], strict=True)
                 if a * 60 <= m < (b + restart) * 60], default=0.0)
            for m in fine
        ]  # fmt: skip
        wanted = np.sum(running) / 60
        assert float(ds["zone_hours_lost"][0, i, 0]) == pytest.approx(wanted, abs=4 * 9 * 0.5 / np.sqrt(1024))


def test_the_peak_is_that_of_the_highest_map(site) -> None:
    hourly = assess(wave(site, time={"hours": [0, 1, 2, 3, 4, 12], "restart_hours": 0})).dataset
    at_peak = assess(wave(site)).dataset
    plain = assess(
        site.scenario(
            ASSETS,
            [{"family": "wave", "peril": "heat", "unit": "degC", "events": ["e0"], "values": [WAVE.max(axis=0)]}],
            zones=ZONES, needs=NEEDS, samples=1024,
        )
    ).dataset  # fmt: skip
    for name in ("exposed_intensity", "failure_probability", "failed_count", "people_without_service", "root_people",
                 "zone_without_service", "down_count", "direct_loss"):  # fmt: skip
        np.testing.assert_array_equal(at_peak[name], plain[name], err_msg=name)
        np.testing.assert_array_equal(hourly[name], plain[name], err_msg=name)
    assert (hourly["worst_people"] <= hourly["people_without_service"]).all()
    assert (hourly["worst_people"] < hourly["people_without_service"]).any()


def test_heat_that_does_not_change_is_an_event_with_a_duration(site) -> None:
    """The same maps for six hours are one map of that duration: all figures over time are the same to the last bit."""
    time = {"hours": [0, 1, 4, 8, 20], "restart_hours": 2}
    hourly = assess(wave(site, np.repeat(WAVE[1:2], 6, axis=0)[np.newaxis], hours=range(6), time=time)).dataset
    plain = assess(
        site.scenario(
            ASSETS,
            [{"family": "wave", "peril": "heat", "unit": "degC", "events": ["e0"], "values": WAVE[1:2],
              "duration_hours": 6}],
            zones=ZONES, needs=NEEDS, samples=1024, time=time,
        )
    ).dataset  # fmt: skip
    np.testing.assert_array_equal(hourly["time"], plain["time"])
    for name in ("person_hours_lost", "people_over_time", "zone_hours_lost", "down_hours", "root_person_hours",
                 "worst_people", "restore_hours", "people_without_service", "rapidity"):  # fmt: skip
        np.testing.assert_array_equal(hourly[name], plain[name], err_msg=name)


def test_no_heat_takes_nothing_at_any_time(site) -> None:
    ds = assess(wave(site, np.zeros((1, 4, 3)), time={"hours": [0, 2, 10]})).dataset
    assert not ds["person_hours_lost"].any()
    assert not ds["people_without_service"].any()
    assert not ds["people_over_time"].any()


def test_order_and_blocks_change_nothing(site) -> None:
    time = {"hours": [0, 1, 3, 12], "restart_hours": 1}
    one = assess(wave(site, time=time)).dataset
    blocks = assess(wave(site, time=time, monte_carlo={"samples": 1024, "block": 512})).dataset
    turned = assess(wave(site, WAVE[np.newaxis, :, ::-1], assets=ASSETS[::-1], time=time)).dataset
    for name in ("person_hours_lost", "people_over_time", "zone_hours_lost", "worst_people"):
        np.testing.assert_array_equal(one[name], blocks[name], err_msg=name)
        np.testing.assert_array_equal(one[name], turned[name], err_msg=name)


def test_damage_by_heat_is_done_at_the_worst_hour_and_waits_for_repair(site, tmp_path) -> None:
    table = "repair_class,state,distribution,unit,value\nbox,0,fixed,h,0.5\nbox,1,fixed,h,7\n"
    (tmp_path / "times.csv").write_text(table)
    assets = [{**asset, "repair_class": "box"} for asset in ASSETS]
    values = np.zeros((1, 4, 3), np.float32)
    values[0, :, 0] = [0, 0.5, 1.0, 0]  # worst from 3 h (13 o'clock) to 4 h
    repair = {"file": str(tmp_path / "times.csv"), "damaged": {"heat": 0.25}}
    ds = assess(wave(site, values, assets=assets, time={"hours": [0, 1, 2, 3, 4, 5, 24], "repair": repair})).dataset
    u = uniforms(1, "wave", "s0", 1024) / 2.0**32
    # Out from 2 h on if U < 0.5, all from 3 h; back half an hour after, at 4.5 h, or after 7 h of repair, at 10 h.
    wanted = np.where(u < 0.25, 10 - 2, np.where(u < 0.5, 4.5 - 2, 4.5 - 3)) * 100.0
    lost = ds["person_hours_lost"].values[0, 0]
    assert lost.mean() == pytest.approx(wanted.mean(), rel=0.02)
    assert (lost[u < 0.25] > lost[u > 0.5].max()).all()
    assert float(ds["failure_probability"][0, 0]) == 1
    assert not ds["people_at_end"].any()


def test_what_heat_damaged_is_back_once_repaired_though_the_heat_goes_on(site, tmp_path) -> None:
    """A fuse that goes in the worst hour, the second, is back 2 h later, and not with the last of ten days."""
    table = "repair_class,state,distribution,unit,value\nbox,0,fixed,h,0.5\nbox,1,fixed,h,2\n"
    (tmp_path / "times.csv").write_text(table)
    values = np.zeros((1, 240, 3), np.float32)
    values[0, 1, 0] = 1.0
    repair = {"file": str(tmp_path / "times.csv"), "damaged": {"heat": 1.0}}
    scenario = wave(site, values, hours=range(240), assets=[{**asset, "repair_class": "box"} for asset in ASSETS],
                    time={"hours": [0, 1, 2, 3, 4, 300], "repair": repair})  # fmt: skip
    assert np.unique(assess(scenario).dataset["person_hours_lost"].values[0, 0]).tolist() == [2 * 100.0]


def test_a_rarer_event_takes_no_less_at_any_hour(site) -> None:
    rng = np.random.default_rng(5)
    values = rng.uniform(0, 0.6, (3, 4, 3)).astype(np.float32)
    section = {"family": "wave", "peril": "heat", "unit": "degC", "values": values, "hours": [1, 2, 3, 4],
               "return_periods": [10, 50, 100]}  # fmt: skip
    result = assess(
        site.scenario(ASSETS, [section], zones=ZONES, needs=NEEDS, samples=512, time={"hours": [0, 1, 2, 3, 20]})
    )
    ds = result.dataset
    assert (ds["person_hours_lost"].diff("event") >= 0).all()
    assert (ds["person_hours_lost"].sum("service").diff("event") > 0).any()
    fell = int((np.maximum.accumulate(values)[:-1] > values[1:]).sum())
    assert any(note.startswith(f"{fell} probabilities (asset and hour) of wave fell") for note in result.notes)
    assert (ds["annual_person_hours"] > 0).all()


def test_an_outage_of_hours_is_held_for_its_restart() -> None:
    rng = np.random.default_rng(2)
    minute = np.array([0, 60, 90, 200])
    thresholds = rng.integers(0, 99, (4, 3)).astype(np.uint32)
    restart = np.array([0, 30, 30, 500])
    steps, held = hold(minute, thresholds, restart)
    assert steps[0] == 0
    assert not held[:, -1].any()
    for m in range(800):
        k = np.searchsorted(steps, m, side="right") - 1
        for i in range(4):
            wanted = max([thresholds[i, j] for j in range(3) if minute[j] <= m < minute[j + 1] + restart[i]], default=0)
            assert held[i, k] == wanted
