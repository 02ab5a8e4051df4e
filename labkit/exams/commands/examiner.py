"""``labkit exam examiner``: make an examiner's folder, or say what is in one."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from labkit.core.errors import InvalidInputError
from labkit.core.tables import format_table
from labkit.course.commands.types import count
from labkit.exams.commands.password import add_password, new_password, password_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="made when there is none")
    parser.add_argument("--exam", type=Path, metavar="DIR", help="an exam of your own, with its own tasks")
    parser.add_argument(
        "--most-used",
        type=count,
        metavar="N",
        help="an item issued so often waits until there are no others",
    )
    parser.add_argument("--pool", type=Path, metavar="DIR", help="a private pool, laid out as exams/<exam>")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    add_password(parser)


def run(args: argparse.Namespace) -> int:
    """Make the folder, or list its sessions and what was issued how often."""
    from labkit.exams.examiner import Examiner

    new = not (args.folder / "examiner.json").is_file()
    if new:
        examiner = Examiner.create(
            args.folder, new_password(args), pool=args.pool, exam=args.exam, most_used=args.most_used
        )
    else:
        _insist_nothing_new(args)
        examiner = Examiner(args.folder, password_of(args, args.folder))
    items, variants = examiner.exposure()
    sessions = [
        {
            "session": each.form.session,
            "candidate": each.form.candidate,
            "identifier": each.more.get("identifier", ""),
            "mode": each.form.mode,
            "deadline": each.form.deadline,
            "state": each.state,
        }
        for each in sorted(examiner.sessions(), key=lambda each: each.form.opened_at)
    ]
    if args.json:
        told = {
            "folder": str(args.folder),
            "key_id": examiner.keys.key_id,
            "made": new,
            "sessions": sessions,
            "issued": {
                "items": dict(items.most_common()),
                "variants": {f"{slot} {variant}": n for (slot, variant), n in variants.most_common()},
            },
        }
        print(json.dumps(told, indent=1))
        return 0
    print(f"examiner {examiner.keys.key_id} in {args.folder}")
    if new:
        print("The keys are sealed. If the password is lost, nobody can open them.")
    if sessions:
        print(format_table(list(sessions[0]), [list(each.values()) for each in sessions]))
        print(f"\n{_issued(items, variants)}")
    return 0


def _insist_nothing_new(args: argparse.Namespace) -> None:
    # Left unused without a word, --pool would let an exam be drawn from the public pool.
    named = [f"--{name.replace('_', '-')}" for name in ("exam", "pool", "most_used") if vars(args)[name]]
    if named:
        raise InvalidInputError(
            f"{args.folder} is an examiner already; {', '.join(named)} can only be said when one is made: "
            "make another, in a folder of its own"
        )


def _issued(items: Counter[str], variants: Counter[tuple[str, str]]) -> str:
    """Return how often each variant and each item was issued, the most often first."""
    slots: dict[str, list[str]] = {}
    for (slot, variant), times in variants.most_common():
        slots.setdefault(slot, []).append(f"{variant} {times}")
    rows = [[slot, ", ".join(told)] for slot, told in sorted(slots.items())]
    rows.append(["items", ", ".join(f"{item} {times}" for item, times in items.most_common())])
    return format_table(["of", "issued how often"], rows)
