"""What is packed is what is on disk, and what is packed runs elsewhere."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.packed import ROOT, run, tracked

SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def packed_files() -> set[str]:
    """Return every tracked file of the packages, by the name it must have in the wheel."""
    files = set()
    for path in tracked():
        top, *rest = path.relative_to(ROOT).parts
        if top in ("kernels", "datasets"):
            files.add("/".join(["resilience", top, *rest]))
        elif top == "resilience" and not path.is_symlink():
            files.add("/".join([top, *rest]))
    return files


def test_every_folder_with_modules_is_a_listed_package() -> None:
    folders = {name.rsplit("/", 1)[0].replace("/", ".") for name in packed_files() if name.endswith(".py")}
    assert sorted(SETUPTOOLS["packages"]) == sorted(folders)
    assert {f"{folder.replace('.', '/')}/__init__.py" for folder in folders} <= packed_files()


@pytest.mark.parametrize("name", ["kernels", "datasets"])
def test_packages_at_the_top_are_linked_into_the_one_they_belong_to(name: str) -> None:
    link = ROOT / "resilience" / name
    assert link.is_symlink()
    assert link.readlink() == Path(f"../{name}")
    assert SETUPTOOLS["package-dir"][f"resilience.{name}"] == name


def test_no_large_file_is_tracked() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): path.lstat().st_size for path in tracked()}
    assert {name: size for name, size in sizes.items() if size > 1_000_000} == {}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_does_not_wait_for_the_heavy_imports(arguments: list[str]) -> None:
    heavy = ["numba", "xarray", "geopandas", "pandas", "rasterio", "dask", "scipy"]
    program = (
        "import sys; from resilience.cli import main; code = main(sys.argv[1:]);"
        f"print(*[name for name in {heavy} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    call = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (call.returncode, call.stderr.strip()) == (0, "")


@pytest.mark.packaging
def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(distributions: tuple[Path, Path]) -> None:
    source, wheel = distributions
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    assert names == packed_files()
    assert len(licences) == 1
    with tarfile.open(source) as archive:
        unpacked = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "pyproject.toml", "kernels/rows.py", "datasets/city.py"} <= unpacked


@pytest.mark.packaging
def test_the_wheel_runs_the_demo_in_a_clean_environment(distributions: tuple[Path, Path], tmp_path: Path) -> None:
    _, wheel = distributions
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=True)
    python = clean / "bin" / "python"
    run(
        python, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check", "--no-input",
        "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path,
    )  # fmt: skip
    run(python, "-m", "pip", "check", cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    home = run(python, "-c", "import resilience.kernels as k; print(k.__file__)", cwd=elsewhere)
    assert home.startswith(str(clean))
    table = run(
        clean / "bin" / "resilience", "demo", "--size", "600", "--out", "kept", cwd=elsewhere,
        RESILIENCE_CACHE_DIR=str(tmp_path / "cache"),
    )  # fmt: skip
    assert "power" in table
    assert (elsewhere / "kept" / "manifest.json").is_file()
    assert (elsewhere / "kept" / "results.zarr").is_dir()
