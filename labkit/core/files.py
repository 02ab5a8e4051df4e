"""Write a file so that a reader finds the old one or the new one, and never half of either."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from labkit.core.errors import StorageError

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and move it into place; the folder must be there.

    Raises
    ------
    StorageError
        When the disk is full, read-only, or the file belongs to somebody else; what was
        there before stays.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}. Free some space, or choose a folder you can "
            "write to (LABKIT_HOME for your own files); what was there before is intact."
        ) from error
