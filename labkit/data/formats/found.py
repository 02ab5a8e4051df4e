"""What a reader finds in a user's files, and the checks that every format shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import DataFormatError

__all__ = ["MOST_VALUES", "Found", "Options", "Samples", "check_room", "named_classes", "number_labels"]

MOST_VALUES = 2**29
"""Values that one data set may hold: 2 GiB as float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Inputs ``x`` of shape ``(n, *shape)``, float32, and their classes ``y`` of shape ``(n,)``, int64."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The samples of a source.

    Attributes
    ----------
    classes : tuple of str
        Names, in the order of the labels.
    train : Samples
    test : Samples, optional
        ``None`` when the source has no test part of its own.
    to_scale : bool
        Whether every feature is still to be brought to [0, 1], by the range of the training part.
    """

    classes: tuple[str, ...]
    train: Samples
    test: Samples | None = None
    to_scale: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say about a source.  Each format takes some of it."""

    label_column: str | None = None
    shape: tuple[int, ...] | None = None
    size: tuple[int, int] | None = None
    given: frozenset[str] = field(default=frozenset())


def named_classes(names: Iterable[str], where: Path) -> tuple[str, ...]:
    """Return the names of the classes: whole numbers by value, other names by alphabet."""
    found = sorted(set(names))
    if len(found) < 2:
        raise DataFormatError(f"{where}: expected two classes or more, got {', '.join(found) or 'none'}")
    for name in found:
        if not name.strip() or not name.isprintable():
            raise DataFormatError(f"{where}: expected printable names of classes, got {name!r}. Rename it.")
    if all(name.isascii() and name.isdigit() and len(name) < 10 for name in found):
        found.sort(key=int)
    return tuple(found)


def number_labels(labels: Iterable[str], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the position of each label among the classes."""
    places = {name: place for place, name in enumerate(classes)}
    return np.fromiter((places[label] for label in labels), dtype=np.int64)


def check_room(values: int, where: Path) -> None:
    """Refuse what would not fit: more than ``MOST_VALUES`` values."""
    if values > MOST_VALUES:
        raise DataFormatError(
            f"{where}: expected at most {MOST_VALUES:,} values, got {values:,}. "
            "Bring fewer samples, or smaller ones."
        )
