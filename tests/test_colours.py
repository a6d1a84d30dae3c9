"""Colours of services are told apart by people of every vision, on white paper and on dark."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from resilience.colours import COLOURS, FURTHER

# Machado, Oliveira and Fernandes (2009), severity 1, of linear RGB.
VISIONS = {
    "trichromatic": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE, DARK = "#ffffff", "#15171b"


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB of linear RGB under D65."""
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, two: str) -> float:
    """Return the contrast of two colours after WCAG."""
    dark, light = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, two))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
def test_no_two_look_alike(vision: str) -> None:
    seen = {colour: lab(VISIONS[vision] @ linear(colour)) for colour in (*COLOURS.values(), *FURTHER)}
    assert len(seen) == len(COLOURS) + len(FURTHER)
    # About 2 can just be told apart side by side, 10 at a glance.
    assert min(np.linalg.norm(seen[a] - seen[b]) for a, b in combinations(seen, 2)) > 14


@pytest.mark.parametrize("paper", [WHITE, DARK])
def test_all_are_seen_on_paper(paper: str) -> None:
    assert min(contrast(colour, paper) for colour in (*COLOURS.values(), *FURTHER)) > 2.2
