"""The main job on the built-in city and on small ones: what is returned, what is written, what is said."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.check import check
from resilience.datasets import synthetic_city
from resilience.errors import CannotCreateError, ConfigurationError, DataError, LockedError, MissingInputError
from resilience.inputs import load_inputs
from resilience.manifest import Manifest
from resilience.pipeline import assess, demo_scenario
from resilience.risk.ranking import join_pairs
from resilience.scenario import Scenario
from resilience.store import RunStore, open_results
from resilience.variables import VARIABLES

SERVICES = ["power", "water", "telecom", "data", "transport", "medical", "care", "safety"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def demo() -> Scenario:
    data = demo_scenario(size=600, samples=512).to_dict()
    return Scenario.from_dict({**data, "risk": {"catalogue_years": 5000, "bootstrap": 20}, "importance": {"top": 1}})


@pytest.fixture(scope="module")
def kept(demo: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Any:
    calls: list[tuple[int, int]] = []
    out = tmp_path_factory.mktemp("runs") / "new" / "run"
    result = assess(demo, out=out, progress=lambda done, total: calls.append((done, total)), threads=2)
    return result, calls


class TestTheBuiltInCity:
    def test_both_perils_go_through_the_chain(self, kept):
        found = kept[0].dataset
        assert set(found["peril"].values) == {"flood", "heat"}
        for peril in ("flood", "heat"):
            part = found.isel(event=(found["peril"] == peril).values)
            assert part["failed_count"].sum() > 0, peril
            assert part["people_without_service"].sum() > 0, peril
            roots = [name for name in found["root"].values if name.endswith(f"/{peril}")]
            assert part["root_share"].sel(root=roots).sum() > 0
            assert part["root_share"].drop_sel(root=roots).sum() == 0

    def test_services_and_their_order(self, kept):
        assert kept[0].dataset["service"].values.tolist() == SERVICES

    def test_rarer_is_worse(self, kept):
        for _, family in kept[0].dataset.groupby("family"):
            ordered = family.sortby("return_period")["people_without_service"]
            assert (ordered.diff("event") >= 0).all()

    def test_annual_value_is_the_weighted_mean(self, kept):
        found = kept[0].dataset
        mean = found["people_without_service"].mean("sample")
        for part, name in (
            (found["annual_weight"] + found["tail_weight"], "annual_value"),
            (found["tail_weight"], "annual_tail"),
        ):
            np.testing.assert_allclose(found[name], (mean * part).sum("event"), rtol=1e-9)
        assert (found["annual_standard_error"] >= 0).all()
        np.testing.assert_allclose(found["asset_annual_direct_loss"].sum(), found["annual_direct_loss"], rtol=1e-9)

    def test_progress_tells_every_block(self, kept):
        n = kept[0].dataset.sizes["event"]
        assert kept[1] == [(done, n) for done in range(1, n + 1)]

    def test_registered_variables_are_as_registered(self, kept):
        found = kept[0].dataset
        for name, variable in VARIABLES.items():
            if name in found.variables:
                assert found[name].dims == variable.dims, name
                if variable.dtype != "str":
                    assert np.can_cast(found[name].dtype, variable.dtype, "same_kind"), name

    def test_assumptions_are_told(self, kept):
        notes = " ".join(kept[0].notes)
        assert "synthetic" in notes
        assert "defaults (expert judgement)" in notes
        assert kept[0].dataset.attrs["integration_rule"] == "trapezoid"
        assert kept[0].dataset.attrs["tail"] == "hold"

    def test_exceedance_has_intervals_and_the_aggregate_is_never_below(self, kept):
        curves = kept[0].exceedance
        for curve in ("occurrence", "aggregate"):
            assert (curves[f"{curve}_value_low"] <= curves[f"{curve}_value"]).all()
            assert (curves[f"{curve}_value"] <= curves[f"{curve}_value_high"]).all()
        assert (curves["aggregate_value"] >= curves["occurrence_value"]).all()


class TestTheRunDirectory:
    def test_all_files_are_there_and_no_others(self, kept):
        out = kept[0].path
        names = {path.name for path in out.iterdir()}
        assert names == {
            "results.zarr", "scenario.yaml", "manifest.json", "summary.csv", "events.csv", "assets.csv", "zones.csv",
            "exceedance.csv", "importance.csv", "causes.csv", "why.csv", "network", "notes.txt", ".lock", "ledger",
            "logs",
        }  # fmt: skip
        tables = {path.name for path in (out / "network").iterdir()}
        assert {"assets.csv", "needs.csv", "dependencies.csv", "supply.csv", "zones.csv"} <= tables

    def test_results_open_with_xarray_and_are_what_was_returned(self, kept):
        result = kept[0]
        for stored in (open_results(result.path), xr.open_zarr(result.path / "results.zarr", consolidated=False)):
            derived = [name for name in stored.data_vars if name.startswith(("importance_", "paired_", "catalogue_"))]
            assert derived
            rest = stored.drop_vars(derived).drop_vars(["period", "quantity", "quantity_unit"])
            assert set(rest.variables) == set(result.dataset.variables)
            for name, wanted in result.dataset.variables.items():
                assert rest[name].dims == wanted.dims, name
                np.testing.assert_array_equal(rest[name].values, wanted.values, err_msg=str(name))
                assert rest[name].attrs == dict(wanted.attrs), name
            assert stored.attrs["scenario_sha256"] == result.dataset.attrs["scenario_sha256"]

    def test_importance_is_kept_for_all_assets(self, kept):
        result = kept[0]
        stored = open_results(result.path)["importance_fussell_vesely"]
        own = result.importance["fussell_vesely"]
        np.testing.assert_array_equal(stored.sel(asset=own["asset"]), own)

    def test_curves_and_paired_runs_are_kept(self, kept):
        result = kept[0]
        stored = open_results(result.path)
        np.testing.assert_array_equal(stored["catalogue_aggregate_value"], result.exceedance["aggregate_value"])
        assert stored["quantity"].values.tolist() == [*SERVICES, "direct_loss"]
        paired = stored["paired_birnbaum"].sel(asset=result.pairs["asset"])
        np.testing.assert_array_equal(paired, result.pairs["birnbaum"])

    def test_the_scenario_that_is_kept_gives_the_same_run(self, kept, demo):
        again = Scenario.from_yaml(kept[0].path / "scenario.yaml")
        assert again.digest() == demo.digest()

    def test_summary(self, kept):
        result = kept[0]
        rows = rows_of(result.path / "summary.csv")
        assert [row["service"] for row in rows] == [*SERVICES, ""]
        for row, service in zip(rows, SERVICES, strict=False):
            one = result.dataset.sel(service=service)
            assert (row["quantity"], row["unit"]) == ("at_peak", "persons/year")
            assert float(row["value"]) == pytest.approx(one["annual_value"].item(), rel=1e-8)
            assert float(row["standard_error"]) == pytest.approx(one["annual_standard_error"].item(), rel=1e-8)
        assert rows[-1]["quantity"] == "direct_loss"
        assert float(rows[-1]["value"]) == pytest.approx(result.dataset["annual_direct_loss"].item(), rel=1e-8)

    def test_importance_by_rank(self, kept):
        result = kept[0]
        rows = [row for row in rows_of(result.path / "importance.csv") if row["service"] == "power"]
        importance = join_pairs(result.importance, result.pairs)
        worth = importance["fussell_vesely"].sel(service="power")
        apart = importance["told_apart"].sel(service="power") > 0
        assert float(rows[0]["fussell_vesely"]) == pytest.approx(worth.where(apart).max().item(), rel=1e-8)
        ranked, rest = [row for row in rows if row["rank"]], [row for row in rows if not row["rank"]]
        assert rows == ranked + rest
        assert [int(row["rank"]) for row in ranked] == list(range(1, len(ranked) + 1))
        untold = list(itertools.takewhile(lambda row: not row["fussell_vesely"], rest))
        for part in (ranked, rest[len(untold) :]):
            assert all(float(a["fussell_vesely"]) >= float(b["fussell_vesely"]) for a, b in itertools.pairwise(part))
        assert ranked
        assert rest
        for row in rows:
            paired = row["asset"] in result.pairs["asset"]
            source = result.pairs if paired else result.importance
            one = source.sel(service="power", asset=row["asset"])
            assert row["paired"] == ("yes" if paired else "no")
            assert bool(row["rank"]) == bool(apart.sel(asset=row["asset"]).item())
            if not paired:
                assert (int(row["seldom_working_events"]) > 0) == (not row["fussell_vesely"])
            for name in ("fussell_vesely", "fussell_vesely_standard_error", "birnbaum"):
                told = float(row[name]) if row[name] else np.nan
                assert told == pytest.approx(one[name].item(), rel=1e-8, nan_ok=True)

    def test_event_table(self, kept):
        result = kept[0]
        rows = rows_of(result.path / "events.csv")
        assert len(rows) == result.dataset.sizes["event"] * len(SERVICES)
        for row in rows[:: len(SERVICES) + 1]:
            totals = result.dataset["people_without_service"].sel(event=row["event"], service=row["service"])
            assert float(row["mean"]) == pytest.approx(totals.mean().item(), rel=1e-8)
            assert float(row["p95"]) >= float(row["p50"]) >= float(row["p05"])
            assert row["unit"] == "persons"

    def test_events_by_their_weights_add_up_to_the_summary(self, kept):
        path = kept[0].path
        events = rows_of(path / "events.csv")
        for row in rows_of(path / "summary.csv")[:-1]:
            of = [one for one in events if one["service"] == row["service"]]
            tail = sum(float(one["mean"]) * float(one["tail_weight"]) for one in of)
            within = sum(float(one["mean"]) * float(one["annual_weight"]) for one in of)
            assert tail == pytest.approx(float(row["beyond_rarest_event"]), rel=1e-7)
            assert within + tail == pytest.approx(float(row["value"]), rel=1e-7)

    def test_asset_and_zone_tables(self, kept):
        result = kept[0]
        n = result.dataset.sizes["sample"]
        assets = rows_of(result.path / "assets.csv")
        for row in assets[::50]:
            one = result.dataset.sel(event=row["event"], asset=row["asset"])
            assert float(row["down_probability"]) == pytest.approx(one["down_count"].sum().item() / n, rel=1e-8)
            causes = sum(float(value) for key, value in row.items() if key.startswith("down_by_"))
            assert causes == pytest.approx(float(row["down_probability"]), abs=1e-8)
        zones = rows_of(result.path / "zones.csv")
        assert len(zones) == result.dataset.sizes["event"] * result.dataset.sizes["zone"]

    def test_manifest(self, kept, demo):
        manifest = json.loads((kept[0].path / "manifest.json").read_text())
        assert manifest["scenario_sha256"] == demo.digest()
        assert manifest["figures"] == {"samples": 512, "block": 512, "events": 13, "results": "results.zarr"}
        assert manifest["started"] <= manifest["ended"]
        assert {"python", "numpy", "numba", "xarray", "GDAL (rasterio)", "PROJ (pyproj)"} <= set(manifest["versions"])
        assert manifest["inputs"] == []
        assert [one["peril"] for one in manifest["hazards"]] == ["flood", "heat"]
        assert Manifest.model_validate(manifest).network.assets == kept[0].dataset.sizes["asset"]
        assert manifest["outputs"].keys() == {path.name for path in kept[0].path.iterdir()} - {
            "manifest.json", "ledger", ".lock", "logs",
        }  # fmt: skip
        assert Scenario.from_dict(manifest["scenario"]).digest() == demo.digest()


class TestRunsIntoTheSameDirectory:
    def small(self, site: Any, **more: Any) -> Scenario:
        values = [[0.2, 0.0], [0.6, 0.3]]
        hazard = {"values": values, "return_periods": [10, 100], **more.pop("hazard", {})}
        return site.scenario([{"id": "A"}, {"id": "B"}], [hazard], needs=[("zone", "power", ["A", "B"], 1)], **more)

    def test_the_later_run_replaces_all_of_the_earlier(self, site, tmp_path):
        curves = {"catalogue_years": 1000, "return_periods": [10], "bootstrap": 2}
        assess(self.small(site, samples=1024, risk=curves), out=tmp_path)
        assert (tmp_path / "exceedance.csv").exists()
        second = assess(self.small(site, outputs={"tables": ["summary"]}), out=tmp_path, restart=True)
        assert open_results(tmp_path).sizes["sample"] == 512
        assert not (tmp_path / "exceedance.csv").exists()
        assert not (tmp_path / "assets.csv").exists()
        assert json.loads((tmp_path / "manifest.json").read_text())["figures"]["samples"] == 512
        np.testing.assert_array_equal(
            open_results(tmp_path)["people_without_service"], second.dataset["people_without_service"]
        )

    def test_inputs_are_never_replaced(self, site):
        scenario = self.small(site)
        folder = scenario.network.assets[0].path.parent
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(CannotCreateError, match="apart from the inputs"):
            assess(scenario, out=folder)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert assess(scenario, out=folder / "run").path == folder / "run"

    def test_what_is_not_of_a_run_stays(self, site, tmp_path):
        (tmp_path / "my notes.txt").write_text("keep")
        assess(self.small(site), out=tmp_path)
        assess(self.small(site), out=tmp_path, restart=True)
        assert (tmp_path / "my notes.txt").read_text() == "keep"

    def test_inputs_are_in_the_manifest_with_their_hash(self, site, tmp_path):
        scenario = self.small(site)
        assess(scenario, out=tmp_path)
        inputs = json.loads((tmp_path / "manifest.json").read_text())["inputs"]
        assert {Path(one["path"]).name for one in inputs} == {
            "assets.csv", "zones.csv", "needs.csv", "dependencies.csv", "map0.tif", "curves.csv",
        }  # fmt: skip
        for one in inputs:
            content = Path(one["path"]).read_bytes()
            assert (one["bytes"], one["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())

    def test_people_are_counted_in_the_unit_that_is_given(self, site, tmp_path):
        scenario = self.small(site).to_dict()
        scenario["network"]["persons_unit"] = "households"
        result = assess(Scenario.from_dict(scenario), out=tmp_path)
        found = result.dataset
        assert result.unit == "households"
        for name in found.variables:
            assert "persons" not in str(found[name].attrs.get("units", "")), name
        units = {
            name: found[name].attrs["units"] for name in ("people_without_service", "annual_value", "people_served")
        }
        assert units == {
            "people_without_service": "households", "annual_value": "households/year", "people_served": "households",
        }  # fmt: skip
        assert open_results(tmp_path)["people_without_service"].attrs["units"] == "households"
        for name in ("summary.csv", "events.csv", "zones.csv", "notes.txt"):
            assert "persons" not in (tmp_path / name).read_text(), name
        assert all(row["unit"] == "households" for row in rows_of(tmp_path / "events.csv"))


class TestFamiliesWithoutRates:
    values = ((0.2, 0.0), (0.6, 0.3))

    def test_nothing_per_year_is_told(self, site, tmp_path):
        storms = {"values": self.values, "events": ["mild", "wild"]}
        scenario = site.scenario([{"id": "A"}, {"id": "B"}], [storms], needs=[("zone", "power", ["A", "B"], 1)],
                                 risk={"catalogue_years": 1000, "return_periods": [10]})  # fmt: skip
        result = assess(scenario, out=tmp_path)
        assert not [name for name in result.dataset.variables if name.startswith("annual_val")]
        assert "annual_direct_loss" not in result.dataset
        assert result.exceedance is None
        assert result.importance is None
        assert np.isnan(result.dataset["annual_weight"]).all()
        assert any("conditional" in note for note in result.notes)
        header, *rows = result.summary_table()
        assert header == ["event", "persons without power"]
        assert [row[0] for row in rows] == ["mild", "wild"]
        assert not (tmp_path / "exceedance.csv").exists()
        assert "per year" not in (tmp_path / "summary.csv").read_text()

    def test_beside_a_family_with_rates_they_count_nothing_per_year(self, site):
        needs = [("zone", "power", ["A", "B"], 1)]
        assets = [{"id": "A"}, {"id": "B"}]
        rated = {"values": self.values, "return_periods": [10, 100], "family": "river"}
        storm = {"values": [[1.0, 1.0]], "events": ["what-if"], "family": "forecast"}
        risk = {"catalogue_years": 1000, "return_periods": [10], "bootstrap": 2}
        alone = assess(site.scenario(assets, [rated], needs=needs, risk=risk))
        both = assess(site.scenario(assets, [rated, storm], needs=needs, risk=risk))
        assert both.dataset["annual_value"].equals(alone.dataset["annual_value"])
        xr.testing.assert_equal(both.exceedance, alone.exceedance)
        assert both.dataset["people_without_service"].sel(event="forecast:what-if").values.min() == 1000.0
        assert any("conditional" in note for note in both.notes)


class TestBadInput:
    assets = ({"id": "A"}, {"id": "B"})
    needs = (("zone", "power", ["A", "B"], 1),)

    def scenario(self, site: Any, **hazard: Any) -> dict[str, Any]:
        maps = {"values": [[0.2, 0.4]], "return_periods": [10], **hazard}
        return site.scenario(list(self.assets), [maps], needs=list(self.needs)).to_dict()

    def refused(self, data: dict[str, Any], kind: type[Exception], tmp_path: Path) -> str:
        out = tmp_path / "run"
        with pytest.raises(kind) as told:
            assess(Scenario.from_dict(data), out=out)
        assert not out.exists()
        with pytest.raises(kind):
            check(Scenario.from_dict(data))
        return str(told.value)

    def test_a_missing_map(self, site, tmp_path):
        data = self.scenario(site)
        Path(data["hazards"][0]["path"]).unlink()
        assert "map0.tif" in self.refused(data, MissingInputError, tmp_path)

    def test_a_map_off_the_city(self, site, tmp_path):
        assert "outside" in self.refused(self.scenario(site, shift=9e4), DataError, tmp_path)

    def test_an_unknown_provider_and_a_broken_map_are_told_together(self, site, tmp_path):
        data = self.scenario(site)
        table = Path(data["network"]["dependencies"]["path"])
        table.write_text(table.read_text().replace(",A", ",NOBODY"))
        Path(data["curves"]["files"][0]["path"]).write_text("name,x\nhalf,1\n")
        told = self.refused(data, DataError, tmp_path)
        assert "NOBODY" in told
        assert "curves.csv" in told

    def test_an_unknown_curve(self, site, tmp_path):
        data = self.scenario(site)
        table = Path(data["network"]["assets"]["path"] if isinstance(data["network"]["assets"], dict)
                     else data["network"]["assets"][0]["path"])  # fmt: skip
        table.write_text(table.read_text().replace("depth_is_probability", "depth_is_probabillity"))
        assert "depth_is_probability" in self.refused(data, DataError, tmp_path)

    def test_a_level_without_sources(self, site, tmp_path):
        data = self.scenario(site)
        data["cascade"] = {"levels": {"power": "connected"}}
        assert "sources" in self.refused(data, ConfigurationError, tmp_path)

    def test_an_unknown_asset_to_be_run_in_pairs(self, site, tmp_path):
        data = self.scenario(site)
        data["importance"] = {"assets": ["NOBODY"]}
        assert "NOBODY" in self.refused(data, ConfigurationError, tmp_path)

    def test_a_limit_of_time_over_links_that_nobody_drives_on(self, tmp_path):
        data = demo_scenario(size=600, samples=512).model_dump(exclude_none=True, exclude_unset=True)
        data["services"] = synthetic_city(size=600).scenario_dict()["services"]
        data["services"]["medical"] |= {"providers": [{"kind": "substation"}], "limit_minutes": 30, "network": "power"}
        text = self.refused(data, DataError, tmp_path)
        assert "m/s" in text
        assert "links have neither" in text

    def test_return_periods_beyond_the_catalogue(self, site):
        data = self.scenario(site)
        data["risk"] = {"catalogue_years": 100, "return_periods": [10, 200]}
        with pytest.raises(ConfigurationError, match="catalogue_years = 100"):
            Scenario.from_dict(data)

    def test_a_file_where_the_run_directory_should_be(self, site, tmp_path):
        (tmp_path / "run").write_text("")
        with pytest.raises(CannotCreateError, match="run"):
            assess(Scenario.from_dict(self.scenario(site)), out=tmp_path / "run")


def test_check_tells_what_is_there(demo):
    told = "\n".join(check(demo).lines())
    for word in ("transport:", "hazard flood", "hazard heatwave", "service power: by assignment", "nothing wrong"):
        assert word in told


def test_names_that_a_spreadsheet_would_run_are_harmless(site, tmp_path):
    assets = [{"id": "=1+1"}, {"id": "B"}]
    scenario = site.scenario(assets, [{"values": [[0.5, 0.5]], "return_periods": [10]}],
                             needs=[("zone", "power", ["=1+1"], 1)])  # fmt: skip
    assess(scenario, out=tmp_path)
    assert {row["asset"] for row in rows_of(tmp_path / "assets.csv")} == {"'=1+1", "B"}


def test_two_runs_at_once_do_not_share_a_directory(tmp_path):
    first = RunStore(tmp_path / "run")
    with pytest.raises(LockedError, match=f"held by process {os.getpid()}"):
        RunStore(tmp_path / "run")
    first.close()
    RunStore(tmp_path / "run").close()


def test_a_level_for_one_sector_of_the_built_in_city_leaves_those_of_the_others() -> None:
    data = demo_scenario(size=600, samples=512).to_dict()
    alone, told = (load_inputs(Scenario.from_dict(one)).levels for one in
                   (data, {**data, "cascade": {"levels": {"power": "function"}}}))  # fmt: skip
    assert alone["power"] == "connected"
    assert told == {**alone, "power": "function"}
