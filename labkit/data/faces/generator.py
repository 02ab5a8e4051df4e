"""Render the whole data sets and write each as one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import UnknownNameError
from labkit.core.seeds import derive
from labkit.data.faces.identity import NAMES, Identity, identities
from labkit.data.faces.render import render
from labkit.data.faces.view import draw_view

__all__ = ["GROUPS", "VERSION", "class_names", "people", "render_many", "render_split", "write"]

VERSION = 1
"""Of the rendering: another version gives other pictures, and the cards another digest."""

GROUPS: Mapping[str, Mapping[str, int]] = {
    "faces": {"people": len(NAMES), "train": 20, "test": 10},
    "strangers": {"people": 120, "train": 6, "test": 1},
}
"""The two data sets: how many people, and how many pictures of each in each split."""


def class_names(group: str = "faces") -> tuple[str, ...]:
    """Return what the people of a group are called."""
    _check(group)
    if group == "faces":
        return NAMES
    return tuple(f"stranger {number:03}" for number in range(1, GROUPS[group]["people"] + 1))


def people(group: str = "faces", *, seed: int = 0) -> tuple[Identity, ...]:
    """Return the fictional persons of a group: ``"faces"`` or ``"strangers"``."""
    _check(group)
    return identities(GROUPS[group]["people"], seed=seed, group=f"{group} {VERSION}")


def render_many(
    number: int, count: int, *, seed: int = 0, split: str = "train", group: str = "faces"
) -> NDArray[np.uint8]:
    """Return the first pictures of one person, ``(count, 32, 32, 3)`` uint8.

    Parameters
    ----------
    number : int
        Which person of the group.
    count, seed : int
    split : str
        ``"train"`` and ``"test"`` never share a sitting.
    group : str
    """
    person = people(group, seed=seed)[number]
    pictures = []
    for index in range(count):
        rng = np.random.default_rng(derive(seed, "faces", VERSION, group, split, number, index))
        pictures.append(render(person, draw_view(rng)))
    return np.stack(pictures)


def render_split(
    split: str, per_person: int, *, seed: int = 0, group: str = "faces"
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the pictures and labels of one split; the persons take turns.

    Returns
    -------
    tuple of arrays
        ``(n, 3, 32, 32)`` and ``(n,)``, both uint8, with ``n = per_person * people``.
    """
    count = GROUPS[group]["people"]
    made = [render_many(each, per_person, seed=seed, split=split, group=group) for each in range(count)]
    pictures = np.stack(made, axis=1)
    flat = pictures.reshape(-1, *pictures.shape[2:]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(flat), np.tile(np.arange(count, dtype=np.uint8), per_person)


def write(folder: Path, *, seed: int = 0, group: str = "faces") -> Path:
    """Render a group and write ``folder/<group>.npz``; return its path."""
    _check(group)
    arrays: dict[str, NDArray[np.uint8]] = {}
    for split in ("train", "test"):
        arrays[f"{split}_x"], arrays[f"{split}_y"] = render_split(
            split, GROUPS[group][split], seed=seed, group=group
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{group}.npz"
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return path


def _check(group: str) -> None:
    if group not in GROUPS:
        raise UnknownNameError("group of people", group, GROUPS)
