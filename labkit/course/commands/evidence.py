"""``labkit evidence``: the learner's evidence pack."""

from __future__ import annotations

import argparse
import json

from labkit.core.paths import data_dir
from labkit.core.tables import format_table
from labkit.course.learner import folder_name, learner_name
from labkit.evidence import EvidencePack

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument("--verify", action="store_true", help="check every file against its digest")


def run(args: argparse.Namespace) -> int:
    """List the pack, or verify it and return 1 when something was altered."""
    pack = EvidencePack(data_dir() / "evidence" / folder_name(learner_name()))
    if args.verify:
        problems = pack.verify()
        for problem in problems:
            print(problem)
        print(f"{len(problems)} altered or missing" if problems else "every file is what was recorded")
        return 1 if problems else 0
    entries = pack.entries()
    if args.json:
        print(json.dumps([entry.as_json() for entry in entries], indent=1, ensure_ascii=False))
        return 0
    if not entries:
        print("The pack is empty: finish a lab and add its evidence at the end.")
        return 0
    print(
        format_table(
            ["lab", "at", "files", "title"],
            [[entry.lab, entry.at, len(entry.artifacts), entry.title] for entry in entries],
        )
    )
    print(f"\nTo read or print: {pack.write_html()}")
    return 0
