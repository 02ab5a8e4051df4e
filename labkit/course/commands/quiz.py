"""``labkit quiz``: practise governance, take the test before and after, check the bank."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections import Counter
from datetime import date

from labkit.core.errors import InvalidInputError
from labkit.core.tables import format_table
from labkit.course.commands.asking import ask_item, say_marked
from labkit.course.commands.types import add_day
from labkit.course.lab import DOMAINS
from labkit.course.quiz import FORMS, Quiz, bank, days_ahead, gain_band, lint, mark
from labkit.governance.obligations import STALE_AFTER_DAYS

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("status", "practise", *FORMS, "check"),
        default="status",
        help="status (default), practise, the test before (pre) or after (post), or check the items",
    )
    parser.add_argument("--count", type=int, default=10, help="with practise: how many items (default: 10)")
    add_day(parser, "with check: judge")
    parser.add_argument(
        "--days",
        type=int,
        default=STALE_AFTER_DAYS,
        help=f"with check: older than this many days is old (default: {STALE_AFTER_DAYS})",
    )
    parser.add_argument("--reset", action="store_true", help="begin the quiz again; nothing is erased")
    parser.add_argument("--json", action="store_true", help="with status and check: print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Ask, or say what there is and how far one is; with ``check``, 1 when an item has to be read again."""
    if args.what == "check":
        return _check(args.on, args.days, as_json=args.json)
    quiz = Quiz()
    if args.reset:
        quiz.reset()
        print("quiz: begun again")
        return 0
    try:
        if args.what == "practise":
            return _practise(quiz, args.count)
        if args.what in FORMS:
            return _test(quiz, args.what)
    except EOFError:
        print("\nStopped; every answer that you gave is kept.")
        return 0
    return _status(quiz, as_json=args.json)


def _practise(quiz: Quiz, count: int) -> int:
    if count < 1:
        raise InvalidInputError(f"expected --count from 1 up, got {count}")
    for _ in range(count):
        proposal = quiz.next()
        if proposal is None:
            print("Nothing is due, and nothing new is left. Come back tomorrow.")
            return 0
        print(f"\n--- {DOMAINS[proposal.item.domain]}. {proposal.why}")
        answer, sure = ask_item(proposal.item, quiz.seed)
        say_marked(proposal.item, quiz.answer(proposal.item.id, answer, sure=sure))
    return 0


def _test(quiz: Quiz, form: str) -> int:
    if form == "post" and not quiz.finished("pre"):
        raise InvalidInputError(
            "take the test before first (labkit quiz pre): else nobody can say what you gained"
        )
    total = len(quiz.forms().of(form))
    for item in quiz.open_items(form):
        done = total - len(quiz.open_items(form))
        print(f"\n--- {done + 1} of {total}; the reasons follow at the end")
        answer, sure = ask_item(item, quiz.seed)
        quiz.answer(item.id, answer, sure=sure, form=form)
    for answer in quiz.given():
        if answer.form == form and not answer.right:
            item = bank()[answer.item]
            print(f"\n{item.question}")
            say_marked(item, mark(item, answer.answer))
    return _status(quiz, as_json=False)


def _status(quiz: Quiz, *, as_json: bool) -> int:
    gains, known = quiz.gains(), quiz.mastery()
    of_domain = Counter(item.domain for item in bank().values())
    answered = Counter(bank()[name].domain for name in {a.item for a in quiz.given()} if name in bank())
    if as_json:
        rows = {
            name: {"before": gain.before, "after": gain.after, "gain": gain.gain}
            for name, gain in gains.items()
        }
        found = {"learner": quiz.learner, "items": len(bank()), "due": len(quiz.due()), "gains": rows}
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return 0
    table = []
    for name, gain in gains.items():
        title = DOMAINS.get(name, "All domains")
        count = (
            f"{answered[name]} of {of_domain[name]}"
            if name in DOMAINS
            else f"{answered.total()} of {len(bank())}"
        )
        expected = f"{known[name]:.0%}" if name in known else ""
        reached = "-" if gain.gain is None else f"{gain.gain:.2f} ({gain_band(gain.gain)})"
        table.append([title, count, expected, _share(gain.before), _share(gain.after), reached])
    print(format_table(["domain", "answered", "expected", "before", "after", "gain"], table))
    print(f"\n{len(quiz.due())} items are due now: labkit review. New ones: labkit quiz practise.")
    return 0


def _check(today: date, days: int, *, as_json: bool) -> int:
    found, ahead = lint(bank().values(), today, days), days_ahead(bank().values(), today)
    if as_json:
        findings = [{"item": each.item, "kind": each.kind, "problem": each.problem} for each in found]
        days_of = [{"day": str(each.day), "items": list(each.items)} for each in ahead]
        print(
            json.dumps(
                {"items": len(bank()), "findings": findings, "ahead": days_of}, indent=1, ensure_ascii=False
            )
        )
        return 1 if found else 0
    if found:
        rows = [[each.item or "(all items)", each.kind, each.problem] for each in found]
        print(format_table(["item", "kind", "what"], rows))
    else:
        print(f"{len(bank())} items, nothing to be looked at on {today}.")
    if ahead:
        print("\nTo be read again on days ahead:")
    for each in ahead:
        print(f"\n{each.day}, in {each.days_left} days: {'; '.join(each.titles)}".rstrip(": "))
        ids = textwrap.fill(", ".join(each.items), 96, break_on_hyphens=False)
        print(textwrap.indent(ids, "  "))
    return 1 if found else 0


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
