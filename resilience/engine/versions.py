"""Whether a worker computes what this process would: the same packages, and the same sources of this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from resilience.errors import Problem


def version_report() -> Callable[[], dict[str, str]]:
    """Return the function that tells what a process has.

    It is made anew inside another, so that it is sent by value: a worker that lacks this package can run it too. It
    needs the same minor version of Python, which is to be compared before.

    Examples
    --------
    >>> sorted(version_report()())
    ['llvmlite', 'numba', 'numpy', 'sources of resilience', 'urban-resilience']
    """

    def report() -> dict[str, str]:
        import hashlib
        from importlib import import_module
        from importlib.util import find_spec
        from pathlib import Path

        found = {}
        names = {"urban-resilience": "resilience", "numpy": "numpy", "numba": "numba", "llvmlite": "llvmlite"}
        for package, name in names.items():
            try:
                found[package] = str(import_module(name).__version__)
            except Exception:
                found[package] = "missing"
        sources = {}
        # In a checkout the kernels stand beside the package and not in it; the names are those of an installed one.
        for name in ("resilience", "resilience.kernels", "resilience.datasets"):
            try:
                spec = find_spec(name)
            except ImportError:
                spec = None
            for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
                for path in Path(folder).rglob("*.py"):
                    sources[f"{name.replace('.', '/')}/{path.relative_to(folder).as_posix()}"] = path
        digest = hashlib.blake2b(digest_size=6)
        for name in sorted(sources):
            digest.update(name.encode() + sources[name].read_bytes())
        found["sources of resilience"] = digest.hexdigest() if sources else "missing"
        return found

    return report


def compare_versions(wanted: Mapping[str, str], found: Mapping[str, Mapping[str, str]]) -> list[Problem]:
    """Return what workers have otherwise than this process, one problem per package.

    Parameters
    ----------
    wanted : mapping of str to str
        Package and version here.
    found : mapping of str to mapping
        The same, by worker; what was not looked at is not compared.

    Examples
    --------
    >>> print(*compare_versions({"numba": "0.68.1"}, {"tcp://10.0.0.2:4000": {"numba": "0.60.0"}}))
    numba: 1 of 1 workers have another (first: tcp://10.0.0.2:4000 has 0.60.0); wanted: 0.68.1 on every worker, as here
    """
    problems = []
    for package, version in wanted.items():
        has = {worker: versions[package] for worker, versions in found.items() if package in versions}
        other = [f"{worker} has {one}" for worker, one in has.items() if one != version]
        if other:
            problems.append(
                Problem(
                    package, wanted=f"{version} on every worker, as here", got="workers have another",
                    count=len(other), total=len(found), first=other,
                )
            )  # fmt: skip
    return problems
