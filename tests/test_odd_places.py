"""The wheel where nobody tried it: read-only, without a home, in other languages, with streams closed or full."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packed import run

pytestmark = [pytest.mark.packaging, pytest.mark.slow]

NOBODY = 54321  # no entry in any passwd


def as_nobody() -> list[str]:
    """Return the command that runs another as a user without an entry in passwd, whom modes of files bind."""
    command = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
    with_it = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False)
    if with_it and with_it.returncode == 0:
        return command
    if os.getuid() == 0:
        pytest.skip("the superuser may write everywhere, and cannot become somebody else here")
    return []


@dataclass(frozen=True)
class Place:
    """An installation that cannot be written, and room to work in."""

    environment: Path
    room: Path
    prefix: list[str]

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def command(self) -> Path:
        return self.environment / "bin" / "resilience"

    def call(
        self, *command: str | Path, cwd: Path, shell: str = 'exec "$@"', **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in an environment of only what is given; `shell` may close streams before."""
        whole = [*self.prefix, "bash", "-c", shell, "bash", *map(str, command)]
        given = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TMPDIR": str(self.room / "tmp"), **environment}
        return subprocess.run(
            whole,
            cwd=cwd,
            env=given,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=600,
        )


@pytest.fixture(scope="session")
def place(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return the wheel in a read-only environment of odd names, its kernels compiled once."""
    prefix = as_nobody()
    base = tmp_path_factory.getbasetemp()
    base = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "odd places \ub3c4\uc2dc"
    base.mkdir(exist_ok=True)
    made = Place(base / "\uac00\uc0c1 \ud658\uacbd", base / "room", prefix)
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.room.is_dir():
            install(distributions[1], made)
    return made


def install(wheel: Path, place: Place) -> None:
    venv.create(place.environment, with_pip=False, symlinks=True)
    run(
        sys.executable, "-m", "pip", "--python", place.python, "install", "--quiet", "--no-deps", "--no-index",
        "--disable-pip-version-check", "--root-user-action=ignore", "--no-compile", wheel, cwd=place.environment,
    )  # fmt: skip
    # What it needs is that of this environment; where its own copy of the package is, is told in files of these folders
    # that nobody reads then.
    (packages,) = place.environment.glob("lib/python*/site-packages")
    needed = [folder for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]
    (packages / "needed.pth").write_text("\n".join(needed) + "\n", encoding="utf-8")
    for path in [*place.environment.rglob("*"), place.environment]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    (place.room / "tmp").mkdir(parents=True)
    warm = place.call(place.command, "demo", "--size", "600", cwd=place.room)
    assert warm.returncode == 0, warm.stderr


@pytest.fixture
def work(place: Place, request: pytest.FixtureRequest) -> Path:
    folder = place.room / request.node.name.replace("/", "_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "city.yaml").write_text(CITY, encoding="utf-8")
    return folder


CITY = """schema_version: 1
name: \ub3c4\uc2dc
network: {synthetic: {size: 600}}
monte_carlo: {samples: 512}
"""


def assert_whole(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["name"] == "\ub3c4\uc2dc"
    assert (run / "results.zarr").is_dir()


def test_the_package_is_that_of_the_wheel_and_cannot_be_written(place: Place, work: Path) -> None:
    program = (
        "import resilience, os; print(resilience.__file__); open(os.path.dirname(resilience.__file__) + '/x', 'w')"
    )
    call = place.call(place.python, "-c", program, cwd=work)
    assert call.stdout.startswith(str(place.environment))
    assert "PermissionError" in call.stderr


def test_without_a_home_in_a_folder_that_cannot_be_written(place: Place, work: Path) -> None:
    work.chmod(0o555)
    call = place.call(place.command, "demo", "--size", "600", cwd=work)
    assert (call.returncode, list(work.iterdir())) == (0, [work / "city.yaml"]), call.stderr
    assert "power" in call.stdout
    refused = place.call(place.command, "run", "city.yaml", "--out", "run", cwd=work)
    assert refused.returncode == 73
    assert "wanted: a place that can be written" in refused.stderr
    cache = place.room / "tmp" / f"urban-resilience-{NOBODY if place.prefix else os.getuid()}"
    assert list(cache.glob("kernels/*/*.nbc")) or list(cache.rglob("*.nbc"))


def test_where_nothing_can_be_written_kernels_are_compiled_each_time(place: Place, work: Path) -> None:
    for variable in ("RESILIENCE_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        nowhere = place.call(
            place.python, "-c", "from resilience.kernels import compiler; print(compiler.CACHE_FOLDER)", cwd=work,
            **{variable: "/proc/nowhere"},
        )  # fmt: skip
        assert nowhere.stdout.startswith(str(place.room / "tmp")), nowhere.stderr
    program = (
        "import tempfile\n"
        "def none(): raise FileNotFoundError(2, 'No usable temporary directory found')\n"
        "tempfile.gettempdir = none\n"
        "from resilience.kernels import compiler; print(compiler.CACHE_FOLDER)"
    )
    call = place.call(place.python, "-c", program, cwd=work)
    assert call.stdout.strip() == "None", call.stderr


def test_files_are_as_private_as_the_user_asks(place: Place, work: Path) -> None:
    call = place.call(
        place.command, "run", "city.yaml", "--out", "\uacb0\uacfc \ud3f4\ub354", cwd=work,
        shell='umask 077; exec "$@"',
    )  # fmt: skip
    assert call.returncode == 0, call.stderr
    kept = work / "\uacb0\uacfc \ud3f4\ub354"
    assert_whole(kept)
    open_to_others = [path for path in [kept, *kept.rglob("*")] if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "nonsense", "LANG": "nonsense", "TZ": "Pacific/Apia", "SOURCE_DATE_EPOCH": "0"},
        {"TZ": "no/zone", "SOURCE_DATE_EPOCH": "99999999999", "COLUMNS": "1", "TERM": "dumb"},
    ],
    ids=["the C locale", "a locale that is not there", "a zone that is not there"],
)
def test_other_places_and_times(place: Place, work: Path, environment: dict[str, str]) -> None:
    call = place.call(
        place.python, "-P", "-m", "resilience.cli", "run", "city.yaml", "--out", "\uacb0\uacfc", cwd=work,
        **environment,
    )  # fmt: skip
    assert call.returncode == 0, call.stderr
    assert_whole(work / "\uacb0\uacfc")


# What a program under `LC_ALL=C` gets where Python may not choose UTF-8 by itself.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
HAZARDS = """hazards:
  - {family: \ube44, peril: flood, files: "\uc9c0\ub3c4/{rp}.tif", return_periods: [100], unit: m, nodata: dry}
"""


def test_what_is_wrong_is_told_in_the_c_locale(place: Place, work: Path) -> None:
    """Where names of files are ASCII, others cannot be opened: the message says so, and how they can."""
    (work / "\ub3c4\uc2dc.yaml").write_text(CITY + HAZARDS, encoding="utf-8")
    call = place.call(place.command, "check", "\ub3c4\uc2dc.yaml", cwd=work, **ASCII)
    assert call.returncode == 78, call.stderr
    assert "wanted: a path that ascii can spell (PYTHONUTF8=1 makes it UTF-8)" in call.stderr
    call = place.call(place.command, "check", "\ub3c4\uc2dc.yaml", cwd=work, **{**ASCII, "PYTHONUTF8": "1"})
    assert call.returncode == 66, call.stderr
    assert "100.tif: no such file" in call.stderr


def test_kernels_compile_and_names_are_kept_where_letters_are_ascii(place: Place, work: Path) -> None:
    """In a folder that the locale cannot spell there is no cache, and what is written names it by the same bytes."""
    program = (
        "import sys, pathlib, numpy as np\n"
        "from resilience.kernels.clean_cells import clean_cells\n"
        "from resilience.store import RunStore\n"
        "assert sys.getfilesystemencoding() == 'ascii'\n"
        "store = RunStore(pathlib.Path(sys.argv[1]))\n"
        "store.write_json('manifest.json', {'where': str(store.path)})\n"
    )
    call = place.call(place.python, "-c", program, "\uacb0\uacfc", cwd=work, **ASCII)
    assert call.returncode == 0, call.stderr
    assert json.loads((work / "\uacb0\uacfc" / "manifest.json").read_text(encoding="utf-8")) == {
        "where": "\uacb0\uacfc"
    }


STREAMS = [
    ("input closed", 'exec "$@" <&-', 0),
    ("output closed", 'exec "$@" >&-', 0),
    ("errors closed", 'exec "$@" 2>&-', 0),
    ("all closed", 'exec "$@" <&- >&- 2>&-', 0),
    ("output full", 'exec "$@" >/dev/full', 74),
    ("errors full", 'exec "$@" 2>/dev/full', 0),
]


@pytest.mark.parametrize(("name", "shell", "code"), STREAMS, ids=[case[0] for case in STREAMS])
def test_closed_and_full_streams(place: Place, work: Path, name: str, shell: str, code: int) -> None:
    """A run of hours is not lost because nobody reads what it says."""
    call = place.call(place.command, "run", "city.yaml", "--out", "run", cwd=work, shell=shell)
    assert call.returncode == code, call.stderr
    assert_whole(work / "run")
    assert "Traceback" not in call.stderr
    if code:
        assert "error: No space left on device" in call.stderr
    refused = place.call(place.command, "check", "none.yaml", cwd=work, shell=shell)
    assert refused.returncode == 66


@pytest.mark.parametrize(("limit", "codes"), [("ulimit -n 64", {0}), ("ulimit -f 20", {74}), ("ulimit -c 0", {0})])
def test_limits_of_the_system(place: Place, work: Path, limit: str, codes: set[int]) -> None:
    call = place.call(
        place.command, "run", "city.yaml", "--out", "run", cwd=work, shell=f'{limit}; trap "" XFSZ; exec "$@"'
    )
    assert call.returncode in codes, call.stderr
    assert "Traceback" not in call.stderr
    if call.returncode:
        assert "wanted: a place that can be written" in call.stderr
        assert not (work / "run" / "manifest.json").exists()
