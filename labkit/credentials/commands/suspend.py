"""``labkit credential suspend``: for a while."""

from __future__ import annotations

import argparse

from labkit.credentials.commands.revoke import add_which, changed

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--lift", action="store_true", help="end a suspension")
    add_which(parser)


def run(args: argparse.Namespace) -> int:
    """Set or clear the bit and publish the lists."""
    return changed(args, "reinstated" if args.lift else "suspended")
