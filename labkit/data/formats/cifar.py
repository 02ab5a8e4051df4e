"""CIFAR-10, binary version: records of one label and 3 × 32 × 32 bytes, in a folder or a tar.gz.

Source of the format: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from labkit.core.errors import DataFormatError
from labkit.data.formats.found import Found, Options, Samples, named_classes

__all__ = ["holds", "read"]

_RECORD = 1 + 3 * 32 * 32
_MOST_BYTES = 256 * 2**20  # the real archive holds 176 MiB
_NAME = re.compile(r"^(data_batch_\d+\.bin|test_batch\.bin|batches\.meta\.txt)$")
_USUAL = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def holds(source: Path) -> bool:
    """Whether a source looks like CIFAR-10: a packed archive, or a folder with its batches."""
    if source.is_dir():
        return any(path.name.startswith("data_batch_") for path in source.iterdir())
    return source.name.endswith((".tar.gz", ".tgz"))


def read(source: Path, options: Options) -> Found:
    """Read ``data_batch_*.bin``, ``test_batch.bin`` and ``batches.meta.txt``.

    An archive is read in memory and never unpacked, so no member can write anywhere.

    Raises
    ------
    DataFormatError
        When a batch is missing or damaged, or the archive holds links, paths that lead
        out of it, or more than 256 MiB.
    """
    files = _folder(source) if source.is_dir() else _archive(source)
    batches = sorted(name for name in files if name.startswith("data_batch_"))
    if not batches:
        raise DataFormatError(
            f"{source}: expected data_batch_1.bin … of the binary version of CIFAR-10, got "
            f"{', '.join(sorted(files)) or 'none of its files'}. The Python and Matlab versions are not read."
        )
    classes = _classes(source, files.get("batches.meta.txt"))
    parts = [_records(source, name, files[name], len(classes)) for name in batches]
    train = Samples(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))
    test = files.get("test_batch.bin")
    return Found(
        classes, train, None if test is None else _records(source, "test_batch.bin", test, len(classes))
    )


def _folder(source: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in sorted(source.iterdir()):
        if _NAME.match(path.name):
            _check_total(source, sum(map(len, found.values())) + path.stat().st_size)
            found[path.name] = path.read_bytes()
    return found


def _archive(source: Path) -> dict[str, bytes]:
    try:
        with gzip.open(source) as packed:
            whole = packed.read(_MOST_BYTES + 1)
        _check_total(source, len(whole))
        with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as archive:
            return _members(source, archive)
    except (OSError, EOFError, zlib.error, tarfile.TarError, RecursionError, ValueError) as error:
        if isinstance(error, DataFormatError):
            raise
        raise DataFormatError(
            f"{source}: expected a tar.gz archive of CIFAR-10, and it cannot be read ({error}). "
            "Fetch the file again."
        ) from error


def _members(source: Path, archive: tarfile.TarFile) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for member in archive:
        path = PurePosixPath(member.name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.name:
            raise DataFormatError(f"{source}: holds {member.name!r}, a path that leads out of the archive.")
        if not (member.isreg() or member.isdir()):
            raise DataFormatError(f"{source}: expected plain files, got {member.name!r}, a link or a device.")
        if member.isreg() and _NAME.match(path.name):
            if path.name in found:
                raise DataFormatError(f"{source}: holds {path.name!r} twice.")
            stream = archive.extractfile(member)
            found[path.name] = stream.read() if stream else b""
    return found


def _check_total(source: Path, size: int) -> None:
    if size > _MOST_BYTES:
        raise DataFormatError(f"{source}: holds more than {_MOST_BYTES // 2**20} MiB; CIFAR-10 has 176.")


def _classes(source: Path, text: bytes | None) -> tuple[str, ...]:
    if text is None:
        return _USUAL
    try:
        lines = [line.strip() for line in text.decode("utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{source}: batches.meta.txt is not UTF-8 text: {error}.") from error
    names = tuple(line for line in lines if line)
    if len(set(names)) != len(names):
        raise DataFormatError(f"{source}: batches.meta.txt names a class twice: {', '.join(names)}.")
    named_classes(names, source)
    return names


def _records(source: Path, name: str, data: bytes, classes: int) -> Samples:
    if not data or len(data) % _RECORD:
        raise DataFormatError(
            f"{source}: expected {name} to hold records of {_RECORD} bytes, got {len(data):,} bytes"
            + (", which fits CIFAR-100. Only CIFAR-10 is read." if data and len(data) % 3074 == 0 else ".")
        )
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, _RECORD)
    highest = int(rows[:, 0].max())
    if highest >= classes:
        raise DataFormatError(
            f"{source}: expected labels from 0 to {classes - 1} in {name}, got {highest}. "
            "The file is damaged, or batches.meta.txt belongs to another."
        )
    x = rows[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / np.float32(255)
    return Samples(x, rows[:, 0].astype(np.int64))
