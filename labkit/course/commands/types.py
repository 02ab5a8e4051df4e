"""What the arguments of commands may be; argparse shows the message when they are not."""

from __future__ import annotations

import argparse
from datetime import date

__all__ = ["add_day", "count", "day", "seed"]


def count(text: str) -> int:
    """Return a whole number from 1 up."""
    return _whole(text, 1)


def seed(text: str) -> int:
    """Return a whole number from 0 up."""
    return _whole(text, 0)


def day(text: str) -> date:
    """Return a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a day as YYYY-MM-DD, such as 2027-06-01, got {text!r}"
        ) from None


def add_day(parser: argparse.ArgumentParser, what: str) -> None:
    """Give a command ``--on DAY``, today unless it is said; ``what`` is judged by it, for the help."""
    says = f"{what} by this day, YYYY-MM-DD, not today"
    parser.add_argument("--on", type=day, default=date.today(), metavar="DAY", help=says)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} up, got {text!r}")
    return int(text)
