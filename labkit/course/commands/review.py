"""``labkit review``: repeat what was missed before it is forgotten."""

from __future__ import annotations

import argparse
import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

from labkit.core.errors import InvalidInputError, StorageError
from labkit.core.tables import for_spreadsheet, format_table
from labkit.course.commands.asking import ask_item, say_marked
from labkit.course.quiz import Card, Item, Quiz, bank, find_item

__all__ = ["add_arguments", "deck_csv", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--list", action="store_true", help="only say what comes back, and when")
    parser.add_argument("--json", action="store_true", help="the same as JSON for scripts")
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="stop asking new items after this long (default: 5)"
    )
    parser.add_argument(
        "--csv", metavar="FILE", help="write the deck as front and back, for a flash card program"
    )


def run(args: argparse.Namespace) -> int:
    """Ask what is due, or list or export the deck."""
    quiz = Quiz()
    deck = list(quiz.cards().values())
    if args.csv:
        try:
            Path(args.csv).write_text(deck_csv([find_item(card.item) for card in deck]), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {args.csv}: {error}") from error
        print(f"{args.csv}: {len(deck)} cards")
        return 0
    if args.json:
        rows = [{"item": c.item, "due": c.due.isoformat(), "lapses": c.lapses} for c in deck]
        print(json.dumps({"learner": quiz.learner, "cards": rows}, indent=1, ensure_ascii=False))
        return 0
    if args.list:
        print(_overview(deck))
        return 0
    if args.minutes <= 0:
        raise InvalidInputError(f"expected --minutes above 0, got {args.minutes:g}")
    return _review(quiz, args.minutes)


def deck_csv(items: list[Item]) -> str:
    """Return items as front and back, safe against spreadsheets that run what looks like a formula."""
    place = io.StringIO()
    writer = csv.writer(place, lineterminator="\n")
    writer.writerow(["front", "back", "tags"])
    for item in items:
        cells = [_front(item), _back(item), f"{item.domain} {item.list}"]
        writer.writerow([for_spreadsheet(cell) for cell in cells])
    return place.getvalue()


def _review(quiz: Quiz, minutes: float) -> int:
    begun, asked = datetime.now(UTC), 0
    try:
        while (proposal := quiz.next(only_due=True)) is not None:
            if (datetime.now(UTC) - begun).total_seconds() > 60 * minutes:
                print(f"\n{minutes:g} minutes are over; {len(quiz.due())} items are left for the next time.")
                return 0
            print(f"\n--- {proposal.why}")
            answer, sure = ask_item(proposal.item, quiz.seed)
            say_marked(proposal.item, quiz.answer(proposal.item.id, answer, sure=sure))
            asked += 1
    except EOFError:
        print("\nStopped; every answer that you gave is kept.")
        return 0
    waiting = list(quiz.cards().values())
    ahead = f" The next is due on {waiting[0].due:%d %B %Y, %H:%M} UTC." if waiting else ""
    print(f"\n{asked} items reviewed, nothing more is due.{ahead}")
    return 0


def _overview(deck: list[Card]) -> str:
    if not deck:
        return "Nothing comes back yet: only what you miss or guess in labkit quiz does."
    now = datetime.now(UTC)
    rows = [
        [
            bank()[card.item].question[:60],
            "now" if card.is_due(now) else f"{card.due:%Y-%m-%d %H:%M}",
            str(card.lapses),
            f"{card.retrievability:.0%}",
        ]
        for card in deck
    ]
    return format_table(["item", "due (UTC)", "missed", "known"], rows)


def _front(item: Item) -> str:
    parts = [part.question for part in item.parts] if item.kind == "case" else []
    sides = [pair.left for pair in item.asked]
    return "\n".join([item.question, *parts, *sides])


def _back(item: Item) -> str:
    right = [f"{o.text} ({o.why})" for part in item.parts for o in part.options if o.correct]
    pairs = [f"{pair.left}: {pair.right} ({pair.why})" for pair in item.asked]
    steps = [f"{place}. {step.text} ({step.why})" for place, step in enumerate(item.steps, start=1)]
    read = f"Read {item.as_of}: {', '.join(source.id for source in item.sources)}"
    return "\n".join([*right, *pairs, *steps, read])
