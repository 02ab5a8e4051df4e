"""``labkit standards``: an entry of a standard and the labs about it, or which facts are old."""

from __future__ import annotations

import argparse
import json

from labkit.core.tables import format_table
from labkit.course.catalogue import standards_index
from labkit.course.commands.types import add_day
from labkit.governance import standards
from labkit.governance.obligations import STALE_AFTER_DAYS

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "id", nargs="?", help="an id such as AML.T0043.000; without it, all that labs refer to"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument(
        "--lint",
        action="store_true",
        help="say which facts are old (exit status 1 if any) and what changes on days ahead",
    )
    add_day(parser, "with --lint: judge")
    parser.add_argument(
        "--days",
        type=int,
        default=STALE_AFTER_DAYS,
        help=f"with --lint: older than this many days is old (default: {STALE_AFTER_DAYS})",
    )


def run(args: argparse.Namespace) -> int:
    """Print one entry, the index, or what is old and what is ahead."""
    if args.lint:
        from labkit.course.commands.legal import lint

        return lint(args.on, args.days, as_json=args.json)
    index = standards_index()
    wanted = [args.id] if args.id else sorted(index)
    rows = []
    for name in wanted:
        entry = standards.lookup(name)
        rows.append(
            {
                "id": entry.id,
                "title": entry.title,
                "standard": entry.standard,
                "edition": entry.edition,
                "as_of": entry.as_of,
                "confidence": entry.confidence,
                "labs": [lab.id for lab in index.get(name, [])],
            }
        )
    if args.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        print(
            format_table(
                ["id", "labs", "standard", "title"],
                [[row["id"], ", ".join(row["labs"]) or "-", row["standard"], row["title"]] for row in rows],
            )
        )
    return 0
