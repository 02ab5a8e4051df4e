"""What the arguments of commands may be; argparse shows the message when they are not."""

from __future__ import annotations

import argparse

__all__ = ["count", "seed"]


def count(text: str) -> int:
    """Return a whole number from 1 up."""
    return _whole(text, 1)


def seed(text: str) -> int:
    """Return a whole number from 0 up."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} up, got {text!r}")
    return int(text)
