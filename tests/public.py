"""What the packages offer: classes and functions named in `__all__`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def public_names() -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the object of each public class and function, once for each package that offers it."""
    for source in sorted((ROOT / "resilience").rglob("*.py")):
        if "__all__" not in source.read_text(encoding="utf-8"):
            continue
        place = source.relative_to(ROOT).with_suffix("")
        module = importlib.import_module(".".join(place.parent.parts if place.name == "__init__" else place.parts))
        for name in module.__all__:
            what = getattr(module, name)
            if module.__name__ != "resilience.cli" and (inspect.isclass(what) or inspect.isfunction(what)):
                yield f"{module.__name__}.{name}", what
