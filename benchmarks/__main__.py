"""Run the benchmarks and print the table: ``python -m benchmarks [--quick] [--only NAME] [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.measuring import measure, processor
from benchmarks.registry import SIZES, Goal, Row, all_cases
from benchmarks.table import as_markdown, one_line, replace_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0; whether goals are met is in the table, and no reason to fail."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller work, under two minutes; goals need not hold")
    parser.add_argument("--only", action="append", metavar="NAME", help="run this case only; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the table into this Markdown file, below its marker"
    )
    options = parser.parse_args(arguments)
    cases = all_cases()
    unknown = sorted(set(options.only or ()) - set(cases))
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are: {', '.join(cases)}")
    size = SIZES["quick" if options.quick else "full"]
    warnings.simplefilter("ignore")
    name, wide = processor()
    print(f"processor: {name}, {'with' if wide else 'without'} AVX-512", flush=True)
    rows: list[Row] = []
    for case in cases.values():
        if options.only and case.name not in options.only:
            continue
        started = time.perf_counter()
        if options.only and len(options.only) == 1:
            for row in measure(case.build(size), size):
                rows.append(replace(row, case=case.name))
                print(one_line(rows[-1], half=not wide), flush=True)
        else:
            rows += run_alone(case.name, ["--quick"] if options.quick else [])
        print(f"-- {case.name}: {time.perf_counter() - started:.0f} s", flush=True)
    table = as_markdown(rows, processor=name, wide=wide, size=size)
    if options.markdown:
        replace_table(options.markdown, table)
    if options.json:
        content = {"processor": name, "avx512": wide, "size": size.name, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(content, indent=1), encoding="utf-8")
    print("\n" + table)
    return 0


def run_alone(name: str, options: Sequence[str]) -> list[Row]:
    """Return the rows of a case that ran in a process of its own.

    What other cases leave behind, memory in small pages above all, slows a gather over a large map by half.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "benchmarks", *options, "--only", name, "--json", str(found)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                if " | " in line and not line.startswith("|"):
                    print(line, end="", flush=True)
        if process.returncode:
            raise SystemExit(f"{name} ended with {process.returncode}")
        rows = json.loads(found.read_text(encoding="utf-8"))["rows"]
    return [Row(**{**row, "goal": Goal(**row["goal"]) if row["goal"] else None}) for row in rows]


if __name__ == "__main__":
    raise SystemExit(main())
