"""Where the password of an examiner's keys comes from: a file, the environment, or the keyboard."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from pathlib import Path

from labkit.core.errors import InvalidInputError, StorageError

__all__ = ["add_password", "asked", "given", "new_password", "password_of"]

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
    return given(args.password_file) or asked("Password of the examiner's keys: ")


def new_password(args: argparse.Namespace) -> str:
    """Return a password for new keys, asked twice at the keyboard."""
    if found := given(args.password_file):
        return found
    first = asked("New password (nobody can recover it): ", why="new keys need a password")
    if asked("Again: ") != first:
        raise InvalidInputError("the two passwords differ")
    return first


def given(file: Path | None, variable: str = _VARIABLE) -> str | None:
    """Return the password in a file, or in the environment; None when there is neither."""
    if file is None:
        return os.environ.get(variable) or None
    try:
        return str(file.read_text(encoding="utf-8")).rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read {file}: {error}") from None


def asked(prompt: str, variable: str = _VARIABLE, why: str = "the keys are sealed") -> str:
    """Return a password that somebody types."""
    if not sys.stdin.isatty():
        raise InvalidInputError(f"{why}: give --password-file FILE, or set {variable}")
    return getpass.getpass(prompt)
