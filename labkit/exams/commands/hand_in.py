"""``labkit exam hand-in``: hand in the files of a task, or answer items, without a browser."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the sitting")
    parser.add_argument("task", nargs="?", metavar="TASK", help="such as T5")
    parser.add_argument("--values", type=Path, metavar="FILE", help="JSON: field to value")
    parser.add_argument("--tensors", type=Path, metavar="FILE", help="safetensors: tensors by their field")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="a value as JSON, or a plain word"
    )
    parser.add_argument("--answers", type=Path, metavar="FILE", help="JSON: item to answer")
    parser.add_argument(
        "--answer", nargs=2, action="append", default=[], metavar=("ITEM", "JSON"), help="such as d1-003 [2]"
    )
    parser.add_argument("--confidence", metavar="WORD", help="guess, think or know, for these answers")
    parser.add_argument(
        "--flag", action="append", default=[], metavar="PLACE", help="mark a task or item to come back to"
    )
    parser.add_argument(
        "--unflag", action="append", default=[], metavar="PLACE", help="take the mark away again"
    )
    parser.add_argument(
        "--note",
        nargs=2,
        action="append",
        default=[],
        metavar=("PLACE", "TEXT"),
        help="keep a note for yourself; it is not handed in",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Hand in, and print a receipt for each."""
    from labkit.exams.sitting import Sitting

    sitting = Sitting(args.folder)
    fields = _fields(args, sitting) if args.task else {}
    answers = _read(args.answers) if args.answers else {}
    answers |= {item: _value(text) for item, text in args.answer}
    marks = [*((place, True) for place in args.flag), *((place, False) for place in args.unflag)]
    if not (fields or answers or marks or args.note):
        raise InvalidInputError(
            "nothing to hand in: name a task with --values, --tensors or --set, or give --answer, --flag "
            "or --note"
        )
    for item, answer in answers.items():  # all or none
        sitting.checked(item, answer, args.confidence)
    receipts: list[Any] = [sitting.hand_in(args.task, **fields)] if fields else []
    receipts += [sitting.answer(item, answer, args.confidence) for item, answer in answers.items()]
    said = [each.as_json() for each in receipts]
    for place, flagged in marks:
        sitting.flag(place, flagged)
        said.append({"place": place, "flagged": flagged})
    for place, text in args.note:
        sitting.note(text, place)
        said.append({"place": place, "note": text})
    if args.json:
        print(json.dumps(said, indent=1))
    else:
        words = {True: "marked to come back to", False: "not marked any more"}
        lines = [f"{place}: {words[flagged]}." for place, flagged in marks]
        print("\n".join([*map(str, receipts), *lines, *(f"{place}: noted." for place, _ in args.note)]))
    return 0


def _fields(args: argparse.Namespace, sitting: Any) -> dict[str, Any]:
    from labkit.exams.envelope.strict import read_tensors
    from labkit.exams.task.packing import unpack

    values = _read(args.values) if args.values else {}
    for pair in args.set:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InvalidInputError(f"expected FIELD=VALUE, got {pair!r}")
        values[name] = _value(text)
    tensors = read_tensors(args.tensors.name, _bytes(args.tensors)) if args.tensors else {}
    return unpack(sitting.task(args.task), values, tensors)


def _read(path: Path) -> dict[str, Any]:
    from labkit.exams.envelope.strict import read_json

    found = read_json(path.name, _bytes(path))
    if not isinstance(found, dict):
        raise DataFormatError(f"{path.name}: expected a table of names and values")
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataFormatError(f"cannot read {path}: {error.strerror}") from None


def _value(text: str) -> Any:
    from labkit.exams.envelope.strict import read_json

    try:
        return read_json("the value", text.encode())
    except DataFormatError:
        return text
