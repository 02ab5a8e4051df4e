"""``labkit exam release``: people, export, and the state of the gradebook itself."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.core.errors import InvalidInputError
from labkit.core.files import write_whole
from labkit.core.tables import format_table
from labkit.exams.commands._shown import say

if TYPE_CHECKING:
    from labkit.exams.records import Records

__all__ = [
    "candidates",
    "candidates_arguments",
    "erase",
    "erase_arguments",
    "export",
    "export_arguments",
    "migrate",
    "nothing",
    "people",
    "people_arguments",
    "verify",
    "verify_arguments",
]


def people_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``people`` takes."""
    parser.add_argument("--add", metavar="NAME", help="appoint somebody; a login name on a server")
    parser.add_argument("--role", choices=("grader", "releaser", "appeals"), help="what they may do")
    parser.add_argument("--called", default="", metavar="NAME", help="how an award names them")


def people(records: Records, args: argparse.Namespace) -> int:
    """Show or appoint officers."""
    from labkit.exams.records import add_officer, officers

    if (args.add is None) != (args.role is None):
        raise InvalidInputError("expected --add NAME and --role together")
    if args.add is not None:
        add_officer(records, args.add, args.role, name=args.called)
    found = officers(records)
    say(args, [list(each) for each in found], lambda: format_table(["who", "name", "role"], found))
    return 0


def candidates_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``candidates`` takes."""
    parser.add_argument("file", type=Path, help="CSV with the columns identifier,name")


def candidates(records: Records, args: argparse.Namespace) -> int:
    """Enter names of candidates."""
    from labkit.exams.records import add_candidates

    new = add_candidates(records, args.file)
    say(args, {"new": new}, lambda: f"{new} new candidates")
    return 0


def erase_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``erase`` takes."""
    parser.add_argument("candidate", help="identifier")
    parser.add_argument("--by", required=True, metavar="NAME", help="who does it")


def erase(records: Records, args: argparse.Namespace) -> int:
    """Erase the name of a candidate."""
    from labkit.exams.records import erase_candidate

    erase_candidate(records, args.candidate, by=args.by)
    say(args, {"erased": args.candidate}, lambda: f"the name of {args.candidate} is erased; the results stay")
    return 0


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``export`` takes."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: print)")
    parser.add_argument("--all", action="store_true", help="those that wait for a second person, too")


def export(records: Records, args: argparse.Namespace) -> int:
    """Write results as CSV."""
    from labkit.exams.records import as_csv, results

    found = results(records, state=None if args.all else "released")
    text = as_csv(found)
    if args.out is None:
        say(args, [asdict(each) for each in found], lambda: text.rstrip("\n"))
        return 0
    write_whole(args.out, text.encode())
    say(args, {"file": str(args.out), "rows": len(found)}, lambda: f"{len(found)} results in {args.out}")
    return 0


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``verify`` takes."""
    parser.add_argument("--length", type=int, help="how many events there were when the head was noted")
    parser.add_argument("--head", help="digest of the last of them, kept elsewhere")


def verify(records: Records, args: argparse.Namespace) -> int:
    """Compute the chain of events again."""
    from labkit.exams.records import check_chain

    if (args.length is None) != (args.head is None):
        raise InvalidInputError("expected --length and --head together")
    state = check_chain(records, length=args.length, head=args.head)
    said = (
        f"{state.length} events, head {state.head}\nKeep both where the owner of the gradebook cannot reach."
    )
    if state.broken_at is not None:
        said = (
            f"the chain is broken at event {state.broken_at}: it, or one before it, is not what was written"
        )
    say(args, asdict(state), lambda: said)
    return int(state.broken_at is not None)


def migrate(_: Records | None, args: argparse.Namespace) -> int:
    """Make or renew the tables."""
    from labkit.exams.records import upgrade

    version = upgrade(args.records)
    say(args, {"version": version}, lambda: f"the gradebook is of version {version}")
    return 0


def nothing(parser: argparse.ArgumentParser) -> None:
    """Declare no argument of its own."""
