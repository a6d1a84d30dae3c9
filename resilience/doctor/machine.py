"""The machine as this process may use it: processors, memory, clock, letters."""

from __future__ import annotations

import datetime
import locale
import os
import resource
import sys
import time
from pathlib import Path

import resilience
from resilience.doctor.finding import OK, WARNING, WRONG, Finding
from resilience.engine.threads import processors

# A city of 5,000 assets needs less than half of it, one of 100,000 about twice.
_LITTLE_MEMORY = 1 << 30
_GROUPS = Path("/sys/fs/cgroup")


def examine_processors() -> list[Finding]:
    """Return how many processors this process may use; a container may allow less time than it shows processors."""
    allowed, whole = processors(), os.cpu_count() or 1
    found = f"{allowed} of {whole}" if allowed < whole else f"{whole}"
    quota = processor_quota()
    if quota is not None and quota < allowed:
        fix = f"ask for {max(1, round(quota))} threads (--threads), or allow the container more"
        return [Finding("processors", WARNING, f"{found}, but time for {quota:g} only (control group)", fix)]
    return [Finding("processors", OK, found)]


def processor_quota(groups: Path = _GROUPS) -> float | None:
    """Return how many processors' time the control group allows; None without a limit."""
    for name in ("cpu.max", "cpu/cpu.cfs_quota_us"):
        words = _read(groups / name).split()
        if name != "cpu.max":
            words += _read(groups / "cpu/cpu.cfs_period_us").split()
        if len(words) == 2 and words[0] not in ("max", "-1"):
            return int(words[0]) / int(words[1])
    return None


def examine_memory() -> list[Finding]:
    """Return how much memory this process may take."""
    limits = memory_limits()
    if not limits:
        return [Finding("memory", OK, "no limit is known")]
    name, least = min(limits.items(), key=lambda item: item[1])
    found = f"{least / 1e9:.1f} GB ({name})"
    if least < _LITTLE_MEMORY:
        return [Finding("memory", WARNING, found, "leave 1 GB to a small city, 2 GB to one of 100,000 assets")]
    return [Finding("memory", OK, found)]


def memory_limits(groups: Path = _GROUPS, information: Path = Path("/proc/meminfo")) -> dict[str, int]:
    """Return the bytes that each limit leaves to this process."""
    limits = {}
    for line in _read(information).splitlines():
        if line.startswith("MemAvailable:"):
            limits["available"] = int(line.split()[1]) * 1024
    for most, now in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        limit = _read(groups / most).strip()
        if limit.isdecimal() and int(limit) < 1 << 60:
            used = _read(groups / now).strip()
            limits["control group"] = int(limit) - (int(used) if used.isdecimal() else 0)
    for name, which in (("address space", resource.RLIMIT_AS), ("data segment", resource.RLIMIT_DATA)):
        soft, _ = resource.getrlimit(which)
        if soft != resource.RLIM_INFINITY:
            limits[f"limit of {name}"] = soft
    return limits


def examine_clock() -> list[Finding]:
    """Return the time; a clock that is behind the program's own files makes logs and manifests lie."""
    now = datetime.datetime.now(datetime.UTC)
    found = f"{now:%Y-%m-%dT%H:%M:%SZ}, local zone {time.tzname[time.daylight and time.localtime().tm_isdst > 0]}"
    made = datetime.datetime.fromtimestamp(Path(str(resilience.__file__)).stat().st_mtime, datetime.UTC)
    if now < made - datetime.timedelta(days=1):
        fix = "set the clock (timedatectl set-ntp true)"
        return [Finding("clock", WARNING, f"{found}, before the program was installed ({made:%Y-%m-%d})", fix)]
    return [Finding("clock", OK, found)]


def examine_locale() -> list[Finding]:
    """Return which letters can be written to the terminal and to names of files."""
    terminal = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    names, chosen = sys.getfilesystemencoding().lower(), locale.setlocale(locale.LC_CTYPE)
    found = f"{chosen}: terminal {terminal}, names of files {names}"
    if names != "utf-8":
        return [Finding("locale", WRONG, found, "set LC_ALL=C.UTF-8: names with other letters cannot be opened")]
    if terminal.replace("_", "-") not in ("utf-8", "utf8"):
        fix = "set LC_ALL=C.UTF-8 or PYTHONUTF8=1: other letters are shown as \\u escapes until then"
        return [Finding("locale", WARNING, found, fix)]
    return [Finding("locale", OK, found)]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
