"""MNIST's own format, IDX: a pair of files for each part, packed with gzip or not.

Source of the format: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import DataFormatError
from labkit.data.formats.found import Found, Options, Samples, check_room, named_classes, number_labels

__all__ = ["holds", "read"]

_UNSIGNED_BYTE = 0x08
_KIND = re.compile(r"^(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$")

Bytes = NDArray[np.uint8]


def holds(source: Path) -> bool:
    """Whether a folder has files with the names of this format."""
    return source.is_dir() and any(_KIND.match(path.name) for path in source.iterdir())


def read(source: Path, options: Options) -> Found:
    """Read ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and, if there, the ``t10k`` pair.

    Raises
    ------
    DataFormatError
        When a file is missing, cut short, too long, or not of unsigned bytes.
    """
    files = _files(source)
    if "train" not in files:
        raise DataFormatError(
            f"{source}: expected a folder with train-images-idx3-ubyte and train-labels-idx1-ubyte "
            f"(.gz or not); got {_listing(source)}. Give the folder that holds the four MNIST files."
        )
    parts = {part: _pair(source, part, pair) for part, pair in files.items()}
    classes = named_classes((str(v) for _, y in parts.values() for v in np.unique(y)), source)
    samples = {
        part: Samples(_images(x), number_labels(map(str, y.tolist()), classes))
        for part, (x, y) in parts.items()
    }
    return Found(classes, samples["train"], samples.get("test"))


def _files(source: Path) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(source.iterdir()) if source.is_dir() else ():
        if match := _KIND.match(path.name):
            part = "train" if match.group(1) == "train" else "test"
            found.setdefault(part, {}).setdefault(match.group(2), path)
    return found


def _listing(source: Path) -> str:
    if not source.is_dir():
        return "a file" if source.exists() else "nothing of that name"
    return ", ".join(sorted(path.name for path in source.iterdir())[:6]) or "an empty folder"


def _pair(source: Path, part: str, pair: dict[str, Path]) -> tuple[Bytes, Bytes]:
    for kind in ("images", "labels"):
        if kind not in pair:
            raise DataFormatError(
                f"{source}: the {part} part has no {kind} file. Put it beside {_listing(source)}."
            )
    images, labels = _array(pair["images"], 3), _array(pair["labels"], 1)
    if len(images) != len(labels):
        raise DataFormatError(
            f"{source}: expected as many labels as images in the {part} part, "
            f"got {len(labels)} labels and {len(images)} images. The two files do not belong together."
        )
    return images, labels


def _images(pixels: Bytes) -> NDArray[np.float32]:
    return pixels[:, None].astype(np.float32) / np.float32(255)


def _array(path: Path, dimensions: int) -> Bytes:
    """Read one IDX file; never more of it than its header announces."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            return _parse(cast(BinaryIO, stream), path, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise DataFormatError(f"{path}: cannot be read ({error}). Fetch the file again.") from error


def _parse(stream: BinaryIO, path: Path, dimensions: int) -> Bytes:
    head = stream.read(4)
    if head != bytes([0, 0, _UNSIGNED_BYTE, dimensions]):
        raise DataFormatError(
            f"{path}: expected an IDX file of unsigned bytes with {dimensions} dimension(s), which starts "
            f"with 0000080{dimensions}; got {head.hex() or 'an empty file'}. Is it another file, "
            "or still packed?"
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) != 4 * dimensions:
        raise DataFormatError(
            f"{path}: expected {4 * dimensions} bytes of sizes, the file ends after {len(sizes)}."
        )
    shape = struct.unpack(f">{dimensions}I", sizes)
    if not all(shape):
        raise DataFormatError(f"{path}: expected sizes above 0, got {shape}.")
    wanted = prod(shape)
    check_room(wanted, path)
    body = stream.read(wanted + 1)
    if len(body) != wanted:
        came = "more" if len(body) > wanted else f"{len(body):,}"
        raise DataFormatError(
            f"{path}: expected {wanted:,} bytes for {shape}, got {came}. Fetch the file again."
        )
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)
