"""What the commands of the gradebook print and write."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.core.files import write_whole
from labkit.core.tables import harmless

__all__ = ["moment", "say", "write_json"]


def moment(text: str) -> str:
    """Return a time that somebody typed as UTC in ISO 8601; for ``type=`` of an argument."""
    from labkit.exams.form import parse_time, said_time

    try:
        return said_time(parse_time(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"expected date, time and zone, such as 2026-12-01T12:03+01:00, got {text!r:.60}"
        ) from None


def write_json(path: Path, content: Any) -> str:
    """Write ``content`` and return where."""
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")
    return str(path)


def say(args: argparse.Namespace, found: Any, words: Callable[[], str]) -> None:
    """Print ``found`` for scripts, or ``words`` for people."""
    print(json.dumps(found, indent=1) if args.json else harmless(words()))
