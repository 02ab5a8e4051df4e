"""``labkit data``: list, verify, add, show or remove data sets."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path

from labkit import data
from labkit.core.tables import format_table
from labkit.data.card import DatasetCard

__all__ = ["add_arguments", "run"]

_FORMATS = {
    "idx": "MNIST's IDX files, gzipped or not, in a folder",
    "cifar": "CIFAR-10's binary version, as a folder or tar.gz",
    "folder": "a sub-folder of images for each class, under train/ and test/ or not",
    "csv": "a table with a label column and numbers",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="list the data sets")
    listing.add_argument("--json", action="store_true", help="print JSON for scripts")
    listing.set_defaults(action=_list)

    verify = actions.add_parser("verify", help="compare data sets with the digests of their cards")
    verify.add_argument("names", nargs="*", metavar="NAME", help="which; all of them by default")
    verify.add_argument("--json", action="store_true", help="print JSON for scripts")
    verify.set_defaults(action=_verify)

    show = actions.add_parser("show", help="show the card of a data set")
    show.add_argument("name", metavar="NAME")
    show.add_argument("--sheet", type=Path, metavar="FILE.png", help="write some pictures of every class")
    show.add_argument("--split", choices=("train", "test"), default="train", help="for the sheet")
    show.set_defaults(action=_show)

    _add_arguments_of_add(actions.add_parser("add", help="take in data of your own"))

    remove = actions.add_parser("remove", help="delete a data set of yours; its source stays")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(action=_remove)


def _add_arguments_of_add(add: argparse.ArgumentParser) -> None:
    kinds = "; ".join(f"{name}: {text}" for name, text in _FORMATS.items())
    add.add_argument("source", type=Path, metavar="SOURCE", help="a file or folder; it is only read")
    add.add_argument("name", metavar="NAME", help="small letters, digits, - and _")
    add.add_argument("--format", choices=sorted(_FORMATS), help=f"guessed by default. {kinds}")
    add.add_argument("--label-column", metavar="COLUMN", help="csv: the column that names the class")
    add.add_argument(
        "--shape", type=_numbers, metavar="C,H,W", help="csv: the columns are pixels of such an image"
    )
    add.add_argument("--size", type=_numbers, metavar="H[,W]", help="folder: resize every image")
    add.add_argument(
        "--test-share", type=float, default=0.2, metavar="SHARE", help="held out for the test: %(default)s"
    )
    add.set_defaults(action=_add)


def run(args: argparse.Namespace) -> int:
    """Do what the chosen action says."""
    status: int = args.action(args)
    return status


def _numbers(text: str) -> tuple[int, ...]:
    """Read ``3,32,32`` or ``3x32x32``."""
    parts = re.split(r"[,x]", text)
    if not all(part.strip().isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"expected whole numbers with commas between, got {text!r}")
    return tuple(int(part) for part in parts)


def _list(args: argparse.Namespace) -> int:
    cards = data.cards()
    if args.json:
        print(json.dumps([_row(card) for card in cards], indent=1, ensure_ascii=False))
        return 0
    headings = ["name", "classes", "train", "test", "shape", "origin", "licence", "title"]
    rows = [
        [
            card.name,
            len(card.classes),
            card.samples("train"),
            card.samples("test"),
            " × ".join(map(str, card.shape)),
            card.origin,
            card.licence,
            card.title,
        ]
        for card in cards
    ]
    print(format_table(headings, rows))
    return 0


def _row(card: DatasetCard) -> dict[str, object]:
    return {
        "name": card.name,
        "title": card.title,
        "shape": list(card.shape),
        "classes": list(card.classes),
        "train": card.samples("train"),
        "test": card.samples("test"),
        "source": card.source,
        "licence": card.licence,
        "origin": card.origin,
    }


def _verify(args: argparse.Namespace) -> int:
    chosen = dict.fromkeys(args.names) or dict.fromkeys(data.names())
    verdicts = [verdict for name in chosen for verdict in data.verify(name)]
    if args.json:
        print(json.dumps([dataclasses.asdict(verdict) for verdict in verdicts], indent=1))
    else:
        rows = [
            [each.name, "ok" if each.ok else "FAILED", each.problem or f"sha256 {each.got[:16]}…"]
            for each in verdicts
        ]
        print(format_table(["name", "result", "details"], rows))
    return 0 if all(verdict.ok for verdict in verdicts) else 1


def _show(args: argparse.Namespace) -> int:
    card = data.find_card(args.name)
    facts = {
        "title": card.title,
        "description": card.description,
        "source": card.source,
        "licence": card.licence,
        "citation": card.citation,
        "shape": " × ".join(map(str, card.shape)),
        "samples": f"{card.samples('train')} to learn from, {card.samples('test')} to test on",
        "classes": f"{len(card.classes)}: {', '.join(card.classes)}",
        "features": "; ".join(f"{f.name} ({f.unit}, {f.low:g} to {f.high:g})" for f in card.features),
        "protected": card.protected or "",
        "hazards": card.hazards,
        "made by": f"python -m {card.generator}, seed {card.seed}" if card.generator else "",
        "sha256": card.sha256,
        "folder": card.path.parent,
    }
    print(format_table([card.name, card.origin], [[key, text] for key, text in facts.items() if text]))
    if args.sheet:
        data.save_sheet(data.load(args.name), args.sheet, split=args.split)
        print(f"\nSome pictures of every class: {args.sheet}")
    return 0


def _add(args: argparse.Namespace) -> int:
    size = args.size[0] if args.size and len(args.size) == 1 else args.size
    card = data.add(
        args.source,
        args.name,
        format=args.format,
        test_share=args.test_share,
        label_column=args.label_column,
        shape=args.shape,
        size=size,
    )
    train, test = (card.samples(split) for split in ("train", "test"))
    shape, classes = " × ".join(map(str, card.shape)), ", ".join(card.classes)
    print(f"Added {card.name}: {train} samples to learn from and {test} to test on, each {shape}.")
    print(f"{len(card.classes)} classes: {classes}.")
    if len(card.shape) == 3:
        print(f"Look at it: labkit data show {card.name} --sheet {card.name}.png")
    return 0


def _remove(args: argparse.Namespace) -> int:
    data.remove(args.name)
    print(f"Removed {args.name}. What it was made from is untouched.")
    return 0
