"""Contact sheets: some pictures of every class on one page, to look at before anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from labkit.core.errors import InvalidInputError, StorageError
from labkit.data.dataset import Dataset, Split

__all__ = ["contact_sheet", "save_sheet"]

_GAP = 4  # pixels between two pictures
_TEXT = 14  # height of a class name
_LEAST = 48  # a picture smaller than this is enlarged by a whole number


def contact_sheet(dataset: Dataset, *, columns: int = 16, split: str = "train") -> Image.Image:
    """Return the first pictures of every class, one row a class, its name above.

    Parameters
    ----------
    dataset : Dataset
        Of images, shape ``(1 or 3, height, width)``.
    columns : int
        Most pictures of a class.
    split : str
        ``"train"`` or ``"test"``.

    Raises
    ------
    InvalidInputError
        When the samples are no images, or an argument is out of range.
    """
    shape, samples = dataset.card.shape, _split(dataset, split)
    if len(shape) != 3 or shape[0] not in {1, 3}:
        raise InvalidInputError(
            f"expected images, (1 or 3, height, width), for a contact sheet; {dataset.card.name!r} "
            f"holds samples of shape {shape}"
        )
    if columns < 1:
        raise InvalidInputError(f"expected one column or more, got {columns}")
    factor = max(1, -(-_LEAST // max(shape[1:])))
    height, width = shape[1] * factor, shape[2] * factor
    row = _TEXT + _GAP + height + _GAP
    page = Image.new(
        "RGB", (_GAP + columns * (width + _GAP), _GAP + row * len(dataset.card.classes)), (250, 250, 250)
    )
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(_TEXT - 2)
    for label, name in enumerate(dataset.card.classes):
        top = _GAP + label * row
        draw.text((_GAP, top), name.encode("latin-1", "replace").decode("latin-1"), (30, 30, 30), font)
        for column, picture in enumerate(_pictures(samples, label, columns)):
            large = Image.fromarray(picture).resize((width, height), Image.Resampling.NEAREST)
            page.paste(large, (_GAP + column * (width + _GAP), top + _TEXT + _GAP))
    return page


def save_sheet(dataset: Dataset, path: Path, *, columns: int = 16, split: str = "train") -> None:
    """Write a contact sheet as a PNG file.

    Raises
    ------
    InvalidInputError
        When the name does not end in ``.png``, or the samples are no images.
    StorageError
        When the file cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise InvalidInputError(f"expected a file name that ends in .png, got {path.name!r}")
    page = contact_sheet(dataset, columns=columns, split=split)
    try:
        page.save(path, "PNG")
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def _split(dataset: Dataset, name: str) -> Split:
    splits = {"train": dataset.train, "test": dataset.test}
    if name not in splits:
        raise InvalidInputError(f"expected the split 'train' or 'test', got {name!r}")
    return splits[name]


def _pictures(samples: Split, label: int, count: int) -> NDArray[np.uint8]:
    """Return the first pictures of a class, ``(n, height, width, 3)``."""
    x = samples.x[(samples.y == label).nonzero().flatten()[:count]]
    levels: NDArray[np.uint8] = (x.numpy() * 255).round().clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(levels, (len(x), 3, *x.shape[2:])).transpose(0, 2, 3, 1))
