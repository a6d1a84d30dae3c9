"""What the project ships: curve tables with their sources, and a synthetic city."""

from resilience.datasets.curve_library import load_curves as load_curves
