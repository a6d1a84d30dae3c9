"""Whatever happens to any input, it is refused with a message or gives sound figures: hundreds of cases, or a soak.

Each case is the same on every run: ``python -m tests.fuzz.mutants NUMBER 1 KIND`` runs one that failed again.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.mutations import KINDS

ROOT = Path(__file__).parents[2]
CASES = int(os.environ.get("RESILIENCE_FUZZ_CASES", "240"))
# Each process begins with the kernels: few, unless there are very many cases.
EACH = -(-CASES // len(KINDS))
BATCH = 100
HALVES = (list(KINDS)[::2], list(KINDS)[1::2])


@pytest.mark.faults
@pytest.mark.parametrize("first", range(0, EACH, BATCH))
@pytest.mark.parametrize("kinds", HALVES, ids="-".join)
def test_broken_inputs(kinds: list[str], first: int) -> None:
    count = min(BATCH, EACH - first)
    command = [sys.executable, "-m", "tests.fuzz.mutants", str(first), str(count), *kinds]
    call = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    failures = re.findall(r"^FAILED (?:.|\n)*?(?=^case |\Z)", call.stdout, flags=re.MULTILINE)
    last = call.stdout.splitlines()[-1:]
    assert call.returncode == 0, "\n".join(
        [*failures, f"ended with {call.returncode} after {last}", call.stderr[-3000:]]
    )
    codes = collections.Counter(re.findall(r"^code (\w+) (\d+)$", call.stdout, flags=re.MULTILINE))
    assert sum(codes.values()) == count * len(kinds)
    # Mutations that never or always break their input would test nothing.
    if count >= 20:
        assert sum(codes[kind, "0"] for kind in kinds) > 0
        assert all(codes[kind, "0"] < count for kind in kinds)
