"""``labkit evidence``: the learner's evidence pack."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from labkit.core.files import write_whole
from labkit.core.paths import data_dir
from labkit.core.tables import format_table
from labkit.course.learner import folder_name, learner_name
from labkit.evidence import EvidencePack

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one page to read, print or send")
    parser.add_argument("--verify", action="store_true", help="check every file; return 1 if one was altered")


def run(args: argparse.Namespace) -> int:
    """List the pack, write it as a page, or verify it."""
    pack = EvidencePack(data_dir() / "evidence" / folder_name(learner_name()))
    if args.verify:
        return _verify(pack)
    entries = pack.entries()
    if args.html:
        write_whole(args.html, pack.html().encode())
        print(f"wrote {args.html}")
    elif args.json:
        rows = [{**entry.as_json(), "digest": entry.digest} for entry in entries]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    elif entries:
        table = [[each.lab, each.scenario, each.at, len(each.artifacts), each.title] for each in entries]
        print(format_table(["lab", "scenario", "added", "files", "title"], table))
        print(f"\nThe pack lies in {pack.path}")
    else:
        print("The pack is empty: finish a lab and add its evidence at the end.")
    return 0


def _verify(pack: EvidencePack) -> int:
    problems = pack.verify()
    for problem in problems:
        print(problem)
    print(f"{len(problems)} altered or missing" if problems else "every file is what was recorded")
    return 1 if problems else 0
