"""``labkit credential page``: the verification page as plain files."""

from __future__ import annotations

import argparse
from pathlib import Path

from labkit.credentials.commands._shared import say, show

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="where to write it; made when it is not there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Write the page; no keys are needed, and none are in it."""
    from labkit.credentials.page import write_page

    files = write_page(args.folder)
    text = f"Wrote {', '.join(files)} to {show(args.folder)}; any web server can serve it."
    say(args, {"folder": show(args.folder), "files": files}, text)
    return 0
