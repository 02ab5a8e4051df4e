"""``labkit exam release``: appeals."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.core.tables import format_table
from labkit.exams.commands._shown import say

if TYPE_CHECKING:
    from labkit.exams.records import Records, Ticket

__all__ = ["answer", "answer_arguments", "appeal", "appeal_arguments", "appeals", "appeals_arguments"]


def appeal_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``appeal`` takes."""
    parser.add_argument("session", help="a session that is released")
    parser.add_argument("--reason", required=True, help="what the candidate objects to")
    parser.add_argument("--by", required=True, metavar="NAME", help="who writes it down (role appeals)")
    found = parser.add_mutually_exclusive_group(required=True)
    found.add_argument("--graded", type=Path, metavar="FOLDER", help="the grading folder, with its packs")
    found.add_argument("--envelope", type=Path, metavar="ZIP", help="the submission, as it was graded")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="FOLDER", help="where the frozen evidence goes"
    )


def appeal(records: Records, args: argparse.Namespace) -> int:
    """Open an appeal."""
    from labkit.exams.records import open_appeal

    pack = args.graded / "packs" / args.session if args.graded is not None else None
    ticket, path = open_appeal(
        records,
        args.session,
        reason=args.reason,
        by=args.by,
        envelope=args.envelope if pack is None else pack / "submission.zip",
        out=args.out,
        pack=None if pack is None else pack / "pack.json",
    )
    say(
        args,
        {**asdict(ticket), "evidence": str(path)},
        lambda: f"appeal {ticket.id} against {ticket.session}, due {ticket.due}\nevidence: {path}",
    )
    return 0


def answer_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``answer`` takes."""
    parser.add_argument("appeal", type=int, help="its number")
    parser.add_argument("state", choices=("review", "upheld", "rejected", "withdrawn"))
    parser.add_argument("--why", required=True, help="what the candidate is told")
    parser.add_argument("--by", required=True, metavar="NAME", help="who decides: had no part in the result")
    parser.add_argument(
        "--sheet", type=Path, metavar="JSON", help="the corrected score sheet, when it is upheld"
    )


def answer(records: Records, args: argparse.Namespace) -> int:
    """Take an appeal to its next state."""
    from labkit.exams.records import answer_appeal, read_sheet

    sheet = read_sheet(args.sheet) if args.sheet is not None else None
    ticket = answer_appeal(records, args.appeal, args.state, by=args.by, why=args.why, sheet=sheet)
    say(args, asdict(ticket), lambda: _tickets_table([ticket]))
    return 0


def appeals_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``appeals`` takes."""
    parser.add_argument("--check", type=Path, metavar="ZIP", help="say whose evidence a file is, unaltered")


def appeals(records: Records, args: argparse.Namespace) -> int:
    """Show appeals, or whose evidence a file is."""
    from labkit.exams.records import check_pack, tickets

    found = [check_pack(records, args.check)] if args.check is not None else tickets(records)
    say(args, [asdict(each) for each in found], lambda: _tickets_table(found))
    return 0


def _tickets_table(found: list[Ticket]) -> str:
    rows = [
        [each.id, each.session, each.state, each.due or "-", each.by, each.note or each.reason]
        for each in found
    ]
    return format_table(["appeal", "session", "state", "due", "by", "why"], rows)
