"""Write docs/validation.md: ``python docs/make_validation.py`` runs every known answer. Its tests compare the two."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("validation.md")

if __name__ == "__main__":
    os.environ["VALIDATION_TABLE"] = str(PAGE)
    sys.exit(pytest.main(["--rootdir", str(ROOT), str(ROOT / "tests" / "validation")]))
