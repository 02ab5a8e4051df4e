"""What the commands share: the office, the password, and printing."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError, StorageError
from labkit.core.tables import harmless
from labkit.credentials.keys import Keys
from labkit.credentials.office import Office, default_office, open_office

__all__ = ["add_office", "add_password", "keys_of", "new_password", "office_of", "read_file", "say", "show"]


def add_office(parser: argparse.ArgumentParser) -> None:
    """Declare the folder of the office, and JSON."""
    parser.add_argument(
        "--office", type=Path, metavar="FOLDER", help="the issuer's folder; one in your own data without it"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_password(parser: argparse.ArgumentParser) -> None:
    """Declare where the password comes from; never the command line, which other users can read."""
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="file whose first line is the password; else you are asked",
    )


def office_of(args: argparse.Namespace) -> Office:
    """Return the office that was named, or one's own."""
    return open_office(args.office or default_office())


def keys_of(office: Office, args: argparse.Namespace) -> Keys:
    """Open the keys with the password from the file, or from whoever sits at the terminal."""
    return office.keys(_password(args, "Password of the issuer's keys: "))


def new_password(args: argparse.Namespace) -> str:
    """Return a password for new keys; typed twice, since a lost one is lost."""
    password = _password(args, "New password (a lost one cannot be recovered): ")
    if not args.password_file and password != getpass.getpass("The same again: "):
        raise InvalidInputError("the two passwords differ: nothing was made")
    return password


def _password(args: argparse.Namespace, prompt: str) -> str:
    if args.password_file:
        lines = read_file(args.password_file).decode("utf-8", errors="replace").splitlines()
        if not lines or not lines[0]:
            raise InvalidInputError(f"expected a password in the first line of {args.password_file}")
        return lines[0]
    if not sys.stdin.isatty():
        raise InvalidInputError("nobody can be asked for the password here: name a file with --password-file")
    return getpass.getpass(prompt)


def read_file(path: Path, limit: int = 2**20) -> bytes:
    """Return the content of a file that was named.

    Parameters
    ----------
    path : Path
    limit : int
        How many bytes it may have; no more are read, whatever it is.

    Raises
    ------
    StorageError
        When it cannot be read.
    DataFormatError
        When it is larger than anything that belongs here.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > limit:
        raise DataFormatError(f"{path} is larger than {limit // 2**20} MiB: that is no credential")
    return content


def say(args: argparse.Namespace, content: Mapping[str, Any], text: str) -> None:
    """Print one thing, as JSON or in words; what a badge says may be a stranger's words."""
    print(json.dumps(content, indent=1) if args.json else harmless(text))


def show(path: Path) -> str:
    """Return a path as it is printed."""
    return path.as_posix()
