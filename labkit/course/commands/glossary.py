"""``labkit glossary``: the words of the house."""

from __future__ import annotations

import argparse
import json

from labkit.core.errors import UnknownNameError
from labkit.core.tables import format_table
from labkit.course.glossary import terms

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("term", nargs="?", help="a word; all of them by default")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print one term, or all."""
    known = terms()
    if args.term:
        found = {name.casefold(): name for name in known}.get(args.term.casefold())
        if found is None:
            raise UnknownNameError("term", args.term, known)
        known = {found: known[found]}
    if args.json:
        rows = [
            {"term": t.term, "text": t.text, "see": list(t.see), "source": t.source} for t in known.values()
        ]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        print(format_table(["term", "meaning"], [[term.term, term.text] for term in known.values()]))
    return 0
