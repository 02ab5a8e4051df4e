"""What the arguments of commands may be; argparse shows the message when they are not."""

from __future__ import annotations

import argparse
from datetime import date

__all__ = ["count", "day", "seed"]


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


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} up, got {text!r}")
    return int(text)
