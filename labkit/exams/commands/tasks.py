"""``labkit exam tasks``: what a sitting asks for, and how far it is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="the sitting; by default the one you are in"
    )
    parser.add_argument("--task", metavar="TASK", help="say what one task asks for")
    parser.add_argument("--item", metavar="ITEM", help="show one item")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Show the state, one task, or one item."""
    from labkit.exams.sitting import Sitting
    from labkit.exams.sitting.making import find_folder
    from labkit.exams.task.asking import form_of

    sitting = Sitting(args.folder or find_folder())
    if args.task:
        task = sitting.task(args.task)
        facts = sitting.materials(task.id).facts
        asked = [{**_field(field), "form": form_of(field, facts)} for field in task.fields]
        if args.json:
            about = {"id": task.id, "title": task.title, "minutes": task.minutes, "points": task.points}
            print(json.dumps({**about, "brief": sitting.brief(task.id), "fields": asked}, indent=1))
            return 0
        print(sitting.brief(task.id))
        for each in asked:
            print(f"\n{each['name']}: {each['about']}")
            print(f"  {each['form']}")
        for question in task.justifications:
            print(f"\n{question.field}: {question.question}")
            for number, option in enumerate(question.options, start=1):
                print(f"  {number}  {option.text}")
        return 0
    if args.item:
        from labkit.core.tables import harmless
        from labkit.exams.commands._item import item_lines
        from labkit.exams.sitting.answering import answer_form

        view = sitting.items().get(args.item)
        if view is None:
            from labkit.core.errors import UnknownNameError

            raise UnknownNameError("item of this sitting", args.item, sitting.items())
        given = sitting.answers().get(args.item)
        told = {"item": view, "answer": given, "takes": answer_form(view)}
        print(json.dumps(told, indent=1) if args.json else harmless("\n".join(item_lines(view, given))))
        return 0
    # A command looks once, so it waits for the answer.
    state = sitting.state(ask=True)
    print(json.dumps(state.as_json(), indent=1) if args.json else state)
    return 0


def _field(field: Any) -> dict[str, Any]:
    """Return what a candidate has to know of a field, without what does not apply to it."""
    from dataclasses import asdict

    return {name: value for name, value in asdict(field).items() if value not in ("", (), None, 0)}
