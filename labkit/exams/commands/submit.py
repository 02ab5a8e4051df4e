"""``labkit exam submit``: seal a sitting."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="the sitting; by default the one you are in"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Seal, and print the receipt; practice shows its result as well."""
    from labkit.exams.sitting import Sitting
    from labkit.exams.sitting.making import find_folder

    sitting = Sitting(args.folder or find_folder())
    receipt = sitting.submit()
    result = None if sitting.form.mode == "exam" else sitting.result()
    if args.json:
        told = {"receipt": receipt.as_json(), "sheet": None if result is None else result.sheet}
        print(json.dumps(told, indent=1))
        return 0
    print(receipt)
    print("The result comes from the examiner." if result is None else result)
    return 0
