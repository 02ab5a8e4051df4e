"""Smooth random fields, from which clouds, leaves, dirt and fog are made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Floats", "clouds", "smooth_field", "step"]

Floats = NDArray[np.floating[Any]]


def smooth_field(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Return ``(size, size)`` values of about 0 to 1 that change over ``1 / cells`` of the picture."""
    coarse = rng.random((cells + 2, cells + 2), dtype=np.float32)
    image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image, dtype=np.float32), 0, 1)


def clouds(rng: np.random.Generator, size: int, cells: int, octaves: int = 3) -> Floats:
    """Return a field in which finer and finer detail is mixed, ``(size, size)``, 0 to 1."""
    total = np.zeros((size, size), dtype=np.float32)
    weights = 0.0
    for octave in range(octaves):
        weight = 0.55**octave
        total += np.float32(weight) * smooth_field(rng, size, cells * 2**octave)
        weights += weight
    return total / np.float32(weights)


def step(values: Floats, threshold: float, width: float) -> Floats:
    """Return 0 below ``threshold`` and 1 above it, with a ramp of ``width`` between."""
    return np.clip((values - np.float32(threshold)) / np.float32(width) + np.float32(0.5), 0, 1)
