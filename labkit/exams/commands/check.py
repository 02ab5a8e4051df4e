"""``labkit exam check``: hold blueprint, tasks, items and notebooks to their rules."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import BuildError, DeclarationError, UnknownNameError
from labkit.core.tables import format_table
from labkit.course.commands.progress_line import ProgressLine
from labkit.course.commands.types import add_day
from labkit.exams.aligning import other_editions
from labkit.exams.blueprint import Blueprint, exam_folder, read_blueprint
from labkit.exams.task.reading import find_task, read_variants, tasks_of
from labkit.exams.task.rules import (
    against_blueprint,
    always_the_same_option,
    differences,
    task_findings,
)
from labkit.exams.task.types import Task, Variant

if TYPE_CHECKING:
    from labkit.exams.bank import Guesses

__all__ = ["add_arguments", "run"]

ITEMS = "items"
"""Stands for the bank of items where tasks are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "tasks", nargs="*", metavar="TASK", help="such as T5, or items; by default the whole exam"
    )
    parser.add_argument("--play", action="store_true", help="let the bots play, and compare with the record")
    parser.add_argument("--record", action="store_true", help="let the bots play, and keep what is recorded")
    parser.add_argument(
        "--variant", action="append", metavar="ID", help="play only this one; may be repeated"
    )
    parser.add_argument("--pool", type=Path, metavar="DIR", help="a private pool, laid out as exams/<exam>")
    add_day(parser, "judge items")
    parser.add_argument("--build", action="store_true", help="build the practice notebook and its solution")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Check, and say what was found; 1 when something was that no calendar brings."""
    folder = exam_folder()
    tasks = [find_task(name, folder) for name in args.tasks if name != ITEMS]
    if not args.tasks:
        tasks = list(tasks_of(folder).values())
    findings: list[str] = []
    due: list[str] = []
    guessed: Guesses | None = None
    played: list[dict[str, Any]] = []
    for task in tasks:
        pool = task.folder if args.pool is None else args.pool / "tasks" / task.id
        if args.record or args.play:
            rows, found = _play(task, pool, args)
            played += rows
            findings += found
        findings += task_findings(task, pool)
    if args.build:
        findings += _build(folder)
    if not args.tasks:
        findings += _whole(folder)
    if not args.tasks or ITEMS in args.tasks:
        blueprint = read_blueprint(folder)
        guessed, found, due = _items(_items_folder(folder, args.pool), blueprint, args.record, args.on)
        findings += found
    _tell(args, tasks, played, guessed, findings, due)
    return 1 if findings else 0


def _play(task: Task, pool: Path, args: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    from labkit.exams.task.playing import play, record

    variants = _chosen(read_variants(pool), args.variant)
    with ProgressLine() as tell:
        if args.record and not args.variant:
            runs = record(task, variants, pool, tell)
        else:
            runs = tuple(play(task, variant) for variant in variants)
    findings = [f"{task.id} {problem}" for each in runs for problem in each.problems]
    rows = [
        {
            "task": task.id,
            "variant": each.variant,
            **{bot: value / task.points for bot, value in each.earned.items()},
        }
        for each in runs
    ]
    if not args.record:
        kept = _kept(pool)
        findings += [
            f"{task.id} {each.variant} {change}"
            for each in runs
            if each.variant in kept
            for change in differences(kept[each.variant], each.as_json())
        ]
    return rows, findings


def _chosen(variants: Sequence[Variant], wanted: Sequence[str] | None) -> list[Variant]:
    known = {variant.id: variant for variant in variants}
    for name in wanted or ():
        if name not in known:
            raise UnknownNameError("variant", name, known)
    return [variant for variant in variants if not wanted or variant.id in wanted]


def _kept(pool: Path) -> Mapping[str, Any]:
    path = pool / "reference.json"
    kept: Mapping[str, Any] = (
        json.loads(path.read_text(encoding="utf-8"))["variants"] if path.is_file() else {}
    )
    return kept


def _whole(folder: Path) -> list[str]:
    """Return what is wrong with the exam as a whole: blueprint and notebooks."""
    from labkit.exams.notebook import stale_practice

    blueprint, tasks = read_blueprint(folder), tasks_of(folder)
    found = against_blueprint(blueprint, tasks) + always_the_same_option(tasks.values())
    return found + other_editions(blueprint) + stale_practice(folder)


def _items_folder(exam: Path, pool: Path | None) -> Path:
    """Return where the items lie that would be drawn: a private pool has its own, or takes the exam's."""
    own = None if pool is None else pool / "items"
    return own if own is not None and own.is_dir() else exam / "items"


def _items(
    folder: Path, blueprint: Blueprint, record: bool, today: date
) -> tuple[Guesses | None, list[str], list[str]]:
    """Return how far guessing comes, what is to be mended in the bank, and what is to be read again by then.

    With ``record``, what each revision of an item says is kept first.
    """
    if not any(folder.glob("*.toml")):
        return None, [f"{folder.name}: there are no items"], []
    from labkit.exams.bank import DATED, coverage, guess, lint, read_bank, record_revisions

    bank = record_revisions(folder) if record else read_bank(folder)
    counts = coverage(bank, {each.id: each.items for each in blueprint.domains}, blueprint.kinds)
    found = lint(bank, today)
    due = [str(each) for each in found if each.kind in DATED]
    wrong = [str(each) for each in found if each.kind not in DATED]
    return guess(bank.live()), [*wrong, *counts.shortfalls], due


def _build(folder: Path) -> list[str]:
    """Build the practice notebook and its solution; return why that was not possible."""
    from labkit.exams.notebook import build_practice

    try:
        with ProgressLine() as tell:
            build_practice(folder, tell)
    except (BuildError, DeclarationError) as error:
        return [str(error)]
    return []


def _tell(
    args: argparse.Namespace,
    tasks: Sequence[Task],
    played: Sequence[Mapping[str, Any]],
    guessed: Guesses | None,
    findings: Sequence[str],
    due: Sequence[str],
) -> None:
    if args.json:
        said = {
            "tasks": [task.id for task in tasks],
            "played": list(played),
            "guessed": guessed and asdict(guessed),
            "findings": list(findings),
            "due": list(due),
        }
        print(json.dumps(said, indent=1))
        return
    if played:
        bots = ("reference", "nothing", "lazy")
        rows = [[each["task"], each["variant"], *(f"{each[bot]:.0%}" for bot in bots)] for each in played]
        print(format_table(["task", "variant", *bots], rows))
    if guessed:
        print(f"items: {guessed}")
    for finding in findings:
        print(finding)
    if due:
        print("To be read again before they are drawn:")
    for each in due:
        print(f"  {each}")
    if not findings:
        print(f"{', '.join(task.id for task in tasks) or 'the exam'}: nothing to mend")
