"""Render the whole data set and write it as one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.data.signs.faces import CLASSES
from labkit.data.signs.render import render_many

__all__ = ["SIZES", "render_split", "write"]

SIZES = {"train": 300, "test": 80}
"""Pictures of each class in each split of the bundled data set."""


def render_split(split: str, per_class: int, *, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the pictures and labels of one split.

    The classes take turns, so that every stretch of the split holds them evenly.

    Returns
    -------
    tuple of arrays
        ``(n, 3, 32, 32)`` and ``(n,)``, both uint8, with ``n = per_class * len(CLASSES)``.
    """
    pictures = np.stack([render_many(name, per_class, seed=seed, split=split) for name in CLASSES], axis=1)
    flat = pictures.reshape(-1, *pictures.shape[2:]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(flat), np.tile(np.arange(len(CLASSES), dtype=np.uint8), per_class)


def write(folder: Path, *, seed: int = 0, sizes: Mapping[str, int] = SIZES) -> Path:
    """Render the splits and write ``folder/signs.npz``; return its path.

    Parameters
    ----------
    folder : Path
        Created when it is not there.
    seed : int
    sizes : mapping of str to int
        Pictures of each class in each split.
    """
    arrays: dict[str, NDArray[np.uint8]] = {}
    for split, per_class in sizes.items():
        arrays[f"{split}_x"], arrays[f"{split}_y"] = render_split(split, per_class, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "signs.npz"
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return path
