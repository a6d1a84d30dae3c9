"""Write docs/manifest.schema.json from the code: ``python docs/make_manifest_schema.py``. A test compares the two."""

from __future__ import annotations

import json
from pathlib import Path

from resilience.manifest import Manifest

PAGE = Path(__file__).with_name("manifest.schema.json")


def schema() -> str:
    """Return the JSON Schema of manifests."""
    return json.dumps(Manifest.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(schema(), encoding="utf-8")
