"""How long a new process takes until its first result, and until its help."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.registry import Contest, Goal, Row, Size, case

ROOT = Path(__file__).resolve().parent.parent

FIRST_RESULT = "from resilience.pipeline import assess, demo_scenario; assess(demo_scenario(size={n}, samples=512))"

# What the first result needs from others, loaded and nothing done with it; found by running it.
FIND_IMPORTS = """
import sys
{first_result}
ours = ("resilience", "benchmarks", "__", "_", "ruamel")
names = sorted(m for m in sys.modules if not m.startswith(ours) and getattr(sys.modules[m], "__spec__", None))
print("\\n".join(names))
"""

IMPORT_ALL = """
import importlib
for name in {names!r}:
    try:
        importlib.import_module(name)
    except Exception:
        pass
"""

WATCHED = ("numba", "xarray", "geopandas")

HELP = """
import contextlib, sys
from resilience.cli import main
sys.argv = ["resilience", "--help"]
with contextlib.suppress(SystemExit):
    main()
print("loaded:", *[name for name in {watched!r} if name in sys.modules])
"""


def run_python(code: str) -> str:
    """Run code in a new process and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True, cwd=ROOT
    )
    return done.stdout


def child_seconds(code: str) -> tuple[float, float]:
    """Return CPU and wall seconds of a new process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    run_python(code)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


@case("startup")
def startup(size: Size) -> Iterator[Contest | Row]:
    """Second process with cached kernels, over the bare imports of everything that it loads from others."""
    if size.name != "tiny":
        first_result = FIRST_RESULT.format(n=600)
        names = run_python(FIND_IMPORTS.format(first_result=first_result)).split()
        imports = IMPORT_ALL.format(names=names)
        codes = (imports, first_result)
        for code in codes:
            child_seconds(code)
        taken: list[list[float]] = [[], []]
        for _ in range(size.of(tiny=1, quick=1, full=5)):
            for code, times in zip(codes, taken, strict=True):
                times.append(child_seconds(code)[0])
        bare, whole = map(median, taken)
        yield Row(
            "second process, first result of a city of 600 assets (seconds over bare imports)", "bare imports",
            whole - bare, Goal("<=", 0.6), f"{bare:.2f} s of imports", whole, bare,
        )  # fmt: skip
    printed = run_python(HELP.format(watched=WATCHED))
    loaded = printed.rpartition("loaded:")[2].split()
    assert not loaded, loaded
    wall = median([child_seconds(HELP.format(watched=WATCHED))[1] for _ in range(size.repetitions)])
    yield Row("`--help`", ", ".join(WATCHED), note="none of them is imported", seconds=wall)
