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
        "--answer", nargs=2, action="append", default=[], metavar=("ITEM", "JSON"), help="such as D1-03 [2]"
    )
    parser.add_argument("--confidence", metavar="WORD", help="guess, think or know, for these answers")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Hand in, and print a receipt for each."""
    from labkit.exams.sitting import Sitting

    sitting = Sitting(args.folder)
    fields = _fields(args, sitting) if args.task else {}
    answers = _read(args.answers) if args.answers else {}
    answers |= {item: _value(text) for item, text in args.answer}
    if not fields and not answers:
        raise InvalidInputError(
            "nothing to hand in: name a task with --values, --tensors or --set, or give --answer"
        )
    receipts: list[Any] = [sitting.hand_in(args.task, **fields)] if fields else []
    receipts += [sitting.answer(item, answer, args.confidence) for item, answer in answers.items()]
    if args.json:
        print(json.dumps([each.as_json() for each in receipts], indent=1))
    else:
        print("\n".join(map(str, receipts)))
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
