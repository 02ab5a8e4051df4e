"""Write a file so that a reader finds the old one or the new one, and never half of either."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labkit.core.errors import StorageError

__all__ = ["alone", "append_whole", "settle", "write_whole"]


def write_whole(path: Path, content: bytes, *, lasting: bool = False) -> None:
    """Write ``content`` beside ``path`` and move it into place; the folder must be there.

    Parameters
    ----------
    path : Path
    content : bytes
    lasting : bool
        Wait until it lies on the disk, so that a power cut right after does not lose it.

    Raises
    ------
    StorageError
        When the disk is full, read-only, or the file belongs to somebody else; what was
        there before stays.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        if lasting:
            settle(partial)
        partial.replace(path)
        if lasting:
            settle(path.parent)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}. Free some space, or choose a folder you can "
            "write to (LABKIT_HOME for your own files); what was there before is intact."
        ) from error


def append_whole(path: Path, content: bytes, size: int) -> None:
    """Write ``content`` behind the first ``size`` bytes of a file, all or none, and wait for the disk.

    Whatever lies behind them was cut off by a crash, and is taken away.

    Raises
    ------
    OSError
        When the disk is full or fails; then the file has ``size`` bytes as before.
    """
    try:
        with path.open("ab") as file:
            if file.tell() != size:
                file.truncate(size)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            os.truncate(path, size)
        raise


def settle(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, lies on the disk.

    Raises
    ------
    OSError
        When the disk cannot keep it.
    """
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folder, and keeps names by itself.
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def alone(lock: Path, *, seconds: float = -1) -> Iterator[None]:
    """Hold what ``lock`` stands for against other processes; below zero wait for as long as it takes.

    Raises
    ------
    StorageError
        When another process holds it for that long, or the lock cannot be made.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock, timeout=seconds)
    try:
        held.acquire()
    except Timeout:
        raise StorageError(
            f"another process has held {lock.parent} for {seconds:.0f} seconds: wait for it, and try again"
        ) from None
    except (OSError, NotImplementedError) as error:
        raise StorageError(
            f"cannot write to {lock.parent}: {error}. It has to be a folder that you can write to"
        ) from error
    try:
        yield
    finally:
        held.release()
