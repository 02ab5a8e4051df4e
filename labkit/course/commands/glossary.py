"""``labkit glossary``: the words of the house."""

from __future__ import annotations

import argparse
import json
import textwrap

from labkit.core.errors import UnknownNameError
from labkit.core.tables import format_table
from labkit.course.glossary import Term, terms

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("term", nargs="?", help="a word; all of them by default")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print one term with what belongs to it, or all in a table."""
    known = terms()
    found = list(known.values())
    if args.term:
        same = {name.casefold(): term for name, term in known.items()}.get(args.term.casefold())
        if same is None:
            raise UnknownNameError("term", args.term, known)
        found = [same]
    if args.json:
        rows = [{"term": t.term, "text": t.text, "see": list(t.see), "source": t.source} for t in found]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    elif args.term:
        print(_entry(found[0]))
    else:
        print(format_table(["term", "meaning"], [[term.term, term.text] for term in found]))
    return 0


def _entry(term: Term) -> str:
    lines = [term.term, *textwrap.wrap(term.text, 96)]
    lines += [f"See also: {', '.join(term.see)}"] if term.see else []
    lines += [f"Source: {term.source}"] if term.source else []
    return "\n  ".join(lines)
