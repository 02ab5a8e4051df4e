"""A folder of images: one sub-folder for each class, below ``train`` and ``test`` or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from labkit.core.errors import DataFormatError
from labkit.data.formats.found import Found, Options, Samples, check_room, named_classes, number_labels

__all__ = ["holds", "read"]

_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_MOST_PIXELS = 50_000_000
_GREY = frozenset({"1", "L"})

Files = list[tuple[Path, str]]


def holds(source: Path) -> bool:
    """Whether a folder has sub-folders."""
    return source.is_dir() and bool(_folders(source))


def read(source: Path, options: Options) -> Found:
    """Read every image, in the order of their paths.

    Images are grey when all of them are, else in colour; ``options.size`` (height, width)
    resizes them.

    Raises
    ------
    DataFormatError
        When a class has no image, an image cannot be read, or the images differ in size
        and no size was asked for.
    """
    parts = _parts(source)
    every = [pair for files in parts.values() for pair in files]
    classes = named_classes((name for _, name in every), source)
    grey = all(_header(path)[2] in _GREY for path, _ in every)
    height, width = options.size or _common_size([path for path, _ in every])
    check_room(len(every) * height * width * (1 if grey else 3), source)
    samples = {
        part: Samples(
            np.stack([_pixels(path, (height, width), grey) for path, _ in files]),
            number_labels((name for _, name in files), classes),
        )
        for part, files in parts.items()
    }
    return Found(classes, samples["train"], samples.get("test"))


def _parts(source: Path) -> dict[str, Files]:
    if not source.is_dir():
        raise DataFormatError(f"{source}: expected a folder with one sub-folder for each class, got a file.")
    split = {path.name for path in _folders(source)} == {"train", "test"}
    if split:
        return {part: _images(source / part) for part in ("train", "test")}
    return {"train": _images(source)}


def _folders(source: Path) -> list[Path]:
    return sorted(path for path in source.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(root: Path) -> Files:
    classes = _folders(root)
    if not classes:
        raise DataFormatError(
            f"{root}: expected one sub-folder for each class, got none. "
            f"Move the images of a class into {root.name}/NAME-OF-THE-CLASS/."
        )
    found: Files = []
    for folder in classes:
        files = sorted(path for path in folder.iterdir() if _is_image(path))
        if not files:
            raise DataFormatError(
                f"{folder}: expected images ({', '.join(sorted(_SUFFIXES))}), got none. "
                "Put some there, or delete the folder."
            )
        found += [(path, folder.name) for path in files]
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()


def _header(path: Path) -> tuple[int, int, str]:
    """Return height, width and mode as they are after turning the image upright."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                raise DataFormatError(
                    f"{path}: expected at most {_MOST_PIXELS:,} pixels, got {width} × {height}."
                )
            lies = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
            return (width, height, image.mode) if lies else (height, width, image.mode)
    except DataFormatError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _common_size(paths: list[Path]) -> tuple[int, int]:
    first = _header(paths[0])[:2]
    for path in paths:
        if _header(path)[:2] != first:
            height, width = _header(path)[:2]
            raise DataFormatError(
                f"{path}: expected {first[1]} × {first[0]} pixels as in {paths[0].name}, "
                f"got {width} × {height}. Ask for one size: --size 32, or size=32."
            )
    return first


def _pixels(path: Path, size: tuple[int, int], grey: bool) -> NDArray[np.float32]:
    """Return one image, upright, ``(channels, height, width)``, 0 to 1."""
    height, width = size
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            plain = upright.convert("L" if grey else "RGB")
    except Exception as error:
        # A damaged image makes its decoder say anything; the cure is the same.
        raise _unreadable(path, error) from error
    if plain.size != (width, height):
        plain = plain.resize((width, height), Image.Resampling.LANCZOS)
    values = np.asarray(plain, dtype=np.float32) / np.float32(255)
    return values[None] if grey else np.ascontiguousarray(values.transpose(2, 0, 1))


def _unreadable(path: Path, error: Exception) -> DataFormatError:
    what = "not an image that Pillow knows" if isinstance(error, UnidentifiedImageError) else str(error)
    return DataFormatError(f"{path}: cannot be read as an image ({what}). Replace it, or delete it.")
