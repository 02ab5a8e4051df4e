"""``labkit exam submit``: seal a sitting, and send it to the server that its form names."""

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
    parser.add_argument(
        "--offline", action="store_true", help="only seal; the file is handed over, or sent another time"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Seal, send, and print the receipt; 1 when it was not sent.  Practice shows its result as well."""
    from labkit.exams.sitting import Sitting
    from labkit.exams.sitting.making import find_folder

    sitting = Sitting(args.folder or find_folder())
    receipt = sitting.submit(send=not args.offline)
    result = None if sitting.form.mode == "exam" else sitting.result()
    if args.json:
        told = {"receipt": receipt.as_json(), "sheet": None if result is None else result.sheet}
        print(json.dumps(told, indent=1))
    else:
        print(receipt)
        print("The result comes from the examiner." if result is None else result)
    return 1 if receipt.problem else 0
