"""A user's own data sets: read once, checked, and kept beside the user's other files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch

from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError
from labkit.core.paths import content_dir, ensure_dir
from labkit.data.card import DatasetCard, check_name, read_card, user_root
from labkit.data.dataset import Split
from labkit.data.formats import FORMATS, Found, Options, Samples, read_source
from labkit.data.loading import split_by_hash
from labkit.data.storing import keep, set_aside

__all__ = ["FORMATS", "add", "remove"]


def add(
    source: Path | str,
    name: str,
    *,
    format: str | None = None,
    test_share: float = 0.2,
    label_column: str | None = None,
    shape: tuple[int, ...] | None = None,
    size: int | tuple[int, int] | None = None,
) -> DatasetCard:
    """Read a data set of the user's and keep it under a name of its own.

    Parameters
    ----------
    source : path
        A file or folder; it is read, and never changed.
    name : str
        Lower-case letters, digits, ``-`` and ``_``; not taken yet.
    format : str, optional
        One of ``FORMATS``; guessed from the source by default.
    test_share : float
        Share of every class held out for the test, above 0 and up to 0.5, where the source
        has no test part of its own.
    label_column : str, optional
        The column of a table that holds the classes.
    shape : tuple of int, optional
        ``(channels, height, width)`` of a table whose columns are pixels.  Without it every
        column is brought to [0, 1] by its range in the training part.
    size : int or (int, int), optional
        Height and width that images of a folder are resized to.

    Returns
    -------
    DatasetCard
        The card under which ``labkit.data.load(name)`` finds it.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When an argument is wrong, or the name is taken.
    DataFormatError
        When the source is not what its format says.
    StorageError
        When it cannot be kept.
    """
    check_name(name)
    _check_free(name)
    if not 0 < test_share <= 0.5:
        raise InvalidInputError(f"expected a test share above 0 and up to 0.5, got {test_share}")
    origin = Path(source).expanduser()
    found = read_source(origin, format, _options(label_column, shape, size))
    _check_classes(origin, found)
    train, test = _splits(name, found, test_share)
    _check_free(name)
    return read_card(keep(name, origin, found.classes, train, test))


def remove(name: str) -> None:
    """Delete a data set of the user's.

    Raises
    ------
    InvalidInputError
        When it ships with labkit.
    UnknownNameError
        When the user has none of that name.
    """
    check_name(name)
    if (content_dir("datasets") / name).is_dir():
        raise InvalidInputError(f"expected a data set of yours; {name!r} ships with labkit and stays")
    folder = user_root() / name
    if not folder.is_dir():
        known = [path.name for path in user_root().glob("*") if path.is_dir()]
        raise UnknownNameError("data set of yours", name, known)
    shutil.rmtree(set_aside(folder), ignore_errors=True)


def _check_free(name: str) -> None:
    for root in (content_dir("datasets"), ensure_dir(user_root())):
        if (root / name).exists():
            raise InvalidInputError(
                f"expected a name that is free; there is a data set {name!r} already. "
                f"Take another name, or first run: labkit data remove {name}"
            )


def _options(
    label_column: str | None, shape: tuple[int, ...] | None, size: int | tuple[int, int] | None
) -> Options:
    if shape is not None and (len(shape) != 3 or shape[0] not in {1, 3} or min(shape) < 1):
        raise InvalidInputError(f"expected a shape (1 or 3, height, width), got {shape}")
    both = (size, size) if isinstance(size, int) else size
    if both is not None and (len(both) != 2 or not all(1 <= side <= 1024 for side in both)):
        raise InvalidInputError(f"expected a size of 1 to 1024 pixels, got {size}")
    given = {"label_column": label_column, "shape": shape, "size": both}
    return Options(
        label_column, shape, both, frozenset(key for key, value in given.items() if value is not None)
    )


def _check_classes(source: Path, found: Found) -> None:
    """Every class needs a sample to learn from, and one to be tested on."""
    counts = np.bincount(found.train.y, minlength=len(found.classes))
    needed = 1 if found.test is not None else 2
    for name, count in zip(found.classes, counts, strict=True):
        if count < needed:
            raise DataFormatError(
                f"{source}: expected {needed} or more samples of every class to learn from, "
                f"got {count} of {name!r}. Add some, or take the class out"
                + (" (is the label column the right one?)." if found.to_scale else ".")
            )
    if found.test is not None and found.train.x.shape[1:] != found.test.x.shape[1:]:
        raise DataFormatError(
            f"{source}: expected one size in both parts, got {found.train.x.shape[1:]} in the training "
            f"part and {found.test.x.shape[1:]} in the test part."
        )


def _splits(name: str, found: Found, test_share: float) -> tuple[Split, Split]:
    train = _split(found.train)
    parts = (
        (train, _split(found.test))
        if found.test is not None
        else split_by_hash(train.x, train.y, name, test_share)
    )
    return _scaled(*parts) if found.to_scale else parts


def _split(samples: Samples) -> Split:
    return Split(torch.from_numpy(samples.x), torch.from_numpy(samples.y))


def _scaled(train: Split, test: Split) -> tuple[Split, Split]:
    """Bring every feature to [0, 1] by its range in ``train``; what lies outside in ``test`` is cut."""
    low, high = train.x.amin(dim=0), train.x.amax(dim=0)
    span = torch.where(high > low, high - low, torch.ones_like(low))
    first, second = (((split.x - low) / span).clamp_(0, 1) for split in (train, test))
    return Split(first, train.y), Split(second, test.y)
