"""Where the password of an examiner's keys comes from: a file, the environment, or the keyboard."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from pathlib import Path

from labkit.core.errors import InvalidInputError, StorageError

__all__ = ["add_password", "new_password", "password_of"]

_VARIABLE = "LABKIT_EXAMINER_PASSWORD"


def add_password(parser: argparse.ArgumentParser) -> None:
    """Declare ``--password-file``."""
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"holds the password of the keys; {_VARIABLE} or the keyboard without it",
    )


def password_of(args: argparse.Namespace, folder: Path) -> str | None:
    """Return the password for the keys in ``folder``; None when they are not sealed.

    Raises
    ------
    InvalidInputError
        When it is needed and nobody can be asked.
    """
    try:
        if json.loads((folder / "keys.json").read_text(encoding="utf-8"))["sealed"] is False:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        # Whoever opens the keys says what is wrong with them.
        return None
    return _given(args) or _asked("Password of the examiner's keys: ")


def new_password(args: argparse.Namespace) -> str:
    """Return a password for new keys, asked twice at the keyboard."""
    if given := _given(args):
        return given
    first = _asked("New password (nobody can recover it): ", "new keys need a password")
    if _asked("Again: ") != first:
        raise InvalidInputError("the two passwords differ")
    return first


def _given(args: argparse.Namespace) -> str | None:
    if args.password_file is None:
        return os.environ.get(_VARIABLE) or None
    try:
        return str(args.password_file.read_text(encoding="utf-8")).rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read {args.password_file}: {error}") from None


def _asked(prompt: str, why: str = "the keys are sealed") -> str:
    if not sys.stdin.isatty():
        raise InvalidInputError(f"{why}: give --password-file FILE, or set {_VARIABLE}")
    return getpass.getpass(prompt)
