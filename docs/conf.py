"""Settings of the pages: ``make docs`` writes them into docs/_build/html."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sphinx.application import Sphinx

import resilience

project = "urban-resilience"
author = "urban-resilience contributors"
version = release = resilience.__version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
nitpicky = True
# Nothing is fetched: names of other packages lead nowhere here.
nitpick_ignore_regex = [("py:.*", r"(?!resilience).*")]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# Cells run anew in every build: a kept answer would be one of other code.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 600
nb_merge_streams = True

# Kernels start without what their user has in a profile, and talk to this process alone: no warning about that.
_profile = Path(__file__).parent / "_build" / "ipython" / "profile_default"
_profile.mkdir(parents=True, exist_ok=True)
(_profile / "ipython_kernel_config.py").write_text(
    'c = get_config()\nc.IPKernelApp.log_level = "ERROR"\nc.HistoryManager.enabled = False\n', encoding="utf-8"
)
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for `resilience` in cells
os.environ["IPYTHONDIR"] = str(_profile.parent)

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_title = "urban-resilience"
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "logo": {"text": "urban-resilience"},
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": [],
    "footer_end": [],
}


def setup(app: Sphinx) -> None:
    """Leave out what Python itself says of the fields of a named tuple; their meaning stands under Parameters."""

    def skip(_app: Sphinx, _what: str, _name: str, member: object, skipped: bool, _options: object) -> bool | None:
        return True if str(getattr(member, "__doc__", "")).startswith("Alias for field number") else None

    app.connect("autodoc-skip-member", skip)
