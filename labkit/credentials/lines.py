"""A file of JSON lines that only grows; a line that a power cut left unfinished was never written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.core.errors import IntegrityError, StorageError

__all__ = ["append_lines", "read_lines"]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, none when there is no file.

    Raises
    ------
    IntegrityError
        When a finished line is not JSON.
    """
    found = []
    for number, line in enumerate(_finished(path).splitlines(), start=1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise IntegrityError(f"{path}:{number} is not what was written: {error}") from None
    return found


def append_lines(path: Path, lines: list[Mapping[str, Any]]) -> None:
    """Write more lines behind those that are there, all or none of them.

    Raises
    ------
    StorageError
        When the disk is full or read-only; what was there before stays.
    """
    content = "".join(json.dumps(each, ensure_ascii=False, sort_keys=True) + "\n" for each in lines).encode()
    kept = len(_finished(path))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.seek(kept)
            file.truncate()
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(kept)
                raise
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}; nothing was added") from error


def _finished(path: Path) -> bytes:
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]
