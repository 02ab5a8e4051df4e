"""What the commands of the gradebook print and write."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.core.files import write_whole
from labkit.core.tables import harmless

__all__ = ["say", "write_json"]


def write_json(path: Path, content: Any) -> str:
    """Write ``content`` and return where."""
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")
    return str(path)


def say(args: argparse.Namespace, found: Any, words: Callable[[], str]) -> None:
    """Print ``found`` for scripts, or ``words`` for people."""
    print(json.dumps(found, indent=1) if args.json else harmless(words()))
