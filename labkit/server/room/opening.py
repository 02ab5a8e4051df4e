"""Make the room of a class: its folder, its secret, its log."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from labkit.core.errors import InvalidInputError, StorageError
from labkit.core.paths import data_dir, ensure_dir
from labkit.course import ProgressLog
from labkit.server.keeping.machine import memory_total
from labkit.server.room.people import CODE_LETTERS
from labkit.server.room.room import Room

__all__ = ["class_folder", "default_capacity", "open_room"]

_SECRET_BYTES = 32
_FOR_THE_SERVER = 1_200_000_000  # bytes that the server and the warm parent take
_FOR_A_LAB = 150_000_000  # bytes to allow for each open lab at work
_JOIN_LETTERS = 6  # 30 ** 6 codes: a right one is let in at any time, so guessing has to be hopeless


def class_folder(name: str) -> Path:
    """Return where a class is kept; the folder need not be there yet.

    Raises
    ------
    InvalidInputError
        When the name could not be a folder of its own on every system.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}", name) or name != name.strip():
        raise InvalidInputError(
            "expected a name of up to 40 letters, digits, spaces, '-' and '_' that begins with a letter or "
            f"digit, such as autumn-2026; got {name!r}"
        )
    return data_dir() / "classes" / name.replace(" ", "_").lower()


def default_capacity() -> int:
    """Return how many labs the memory of this machine holds at once, at least one."""
    return max(1, int((memory_total() - _FOR_THE_SERVER) // _FOR_A_LAB))


def open_room(name: str, *, capacity: int | None = None, with_code: bool = False) -> Room:
    """Open a class, a new one or one that was served before.

    Parameters
    ----------
    name : str
    capacity : int, optional
        Labs that may be open at once; by default as many as the memory holds.
    with_code : bool
        Whether participants must know a short code, drawn anew at every start.
    """
    if capacity is not None and capacity < 1:
        raise InvalidInputError(f"expected a capacity of one lab or more, got {capacity}")
    folder = ensure_dir(class_folder(name))
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(_JOIN_LETTERS)) if with_code else ""
    return Room(
        name,
        ProgressLog(folder / "progress.sqlite"),
        _secret(folder / "secret"),
        board_token=secrets.token_urlsafe(24),
        capacity=capacity or default_capacity(),
        join_code=code,
    )


def _secret(path: Path) -> bytes:
    """Return the secret of a class, made on first use and readable by this user only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes()
        if len(secret) != _SECRET_BYTES:
            raise StorageError(
                f"{path} is damaged. Remove it: participants then enter anew, and their return codes no "
                "longer work; their progress stays."
            ) from None
        return secret
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}. Free some space and try again."
        ) from error
    with os.fdopen(descriptor, "wb") as stream:
        secret = secrets.token_bytes(_SECRET_BYTES)
        stream.write(secret)
    return secret
