"""``labkit exam submit``: seal a sitting, and send it to the server that its form names."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.exams.sitting import Sitting

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="the sitting; by default the one you are in"
    )
    parser.add_argument(
        "--offline", action="store_true", help="only seal; the file is handed over, or sent another time"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask when something is still open")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Seal, send, and print the receipt; 1 when it was not sent.  Practice shows its result as well."""
    from labkit.exams.sitting import Sitting
    from labkit.exams.sitting.making import find_folder

    sitting = Sitting(args.folder or find_folder())
    if not args.yes and not args.json and sys.stdin.isatty() and not _is_meant(sitting):
        print("Nothing was submitted.")
        return 1
    receipt = sitting.submit(send=not args.offline)
    result = None if sitting.form.mode == "exam" else sitting.result()
    if args.json:
        told = {"receipt": receipt.as_json(), "sheet": None if result is None else result.sheet}
        print(json.dumps(told, indent=1))
    else:
        print(receipt)
        print("The result comes from the examiner." if result is None else result)
    return 1 if receipt.problem else 0


def _is_meant(sitting: Sitting) -> bool:
    """Ask at the keyboard before a sitting is sealed in which something is open."""
    from labkit.exams.sitting.state import open_places

    places = () if sitting.submitted else open_places(sitting)
    if not places:
        return True
    print(
        f"Still open: {', '.join(places)}.\nAfterwards nothing can be changed. Type yes to submit: ", end=""
    )
    try:
        return input().strip().lower() == "yes"
    except EOFError:
        return False
