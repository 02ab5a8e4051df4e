"""``labkit exam regrade``: grade a frozen pack again; an appeal must come to the same score."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from labkit.core.tables import format_table
from labkit.course.commands.types import count
from labkit.exams.grading import regrade

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "packs",
        nargs="+",
        type=Path,
        metavar="PACK",
        help="packs/SESSION of a grading folder, or the evidence of an appeal",
    )
    parser.add_argument("--exam", type=Path, metavar="DIR", help="the frozen exam, when it lies elsewhere")
    parser.add_argument("--seconds", type=count, default=120, metavar="S", help="for one submission (120)")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Grade each pack again; 1 when a score is not the same."""
    found = [regrade(pack, exam=args.exam, seconds=args.seconds) for pack in args.packs]
    if args.json:
        print(json.dumps([asdict(each) for each in found], indent=1))
    else:
        rows = [
            [
                each.session,
                f"{each.before:.4%}",
                f"{each.after:.4%}",
                "; ".join(each.differences) or "the same, line by line",
            ]
            for each in found
        ]
        print(format_table(["session", "before", "now", "differences"], rows))
    return 1 if any(each.differences for each in found) else 0
