"""``labkit new lab``: a lab that already passes its contract, to be made your own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labkit.core.paths import content_dir
from labkit.course.scaffold import new_lab

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("what", choices=["lab"], help="what to make")
    parser.add_argument(
        "id", metavar="ID", help="id of the lab: a letter or more and two digits, such as L19"
    )
    parser.add_argument("--title", default="", help="title; by default made from the id")
    parser.add_argument("--dir", type=Path, help="folder of the labs; by default notebooks/")
    parser.add_argument("--seeds", type=int, default=5, help="variants to record as reference runs")


def run(args: argparse.Namespace) -> int:
    """Make the lab, record its reference runs and build its notebooks."""
    folder = new_lab(
        args.id,
        title=args.title,
        root=args.dir or content_dir("notebooks"),
        seeds=args.seeds,
        progress=lambda message: print(message, file=sys.stderr),
    )
    print(f"made {folder}")
    print("next: edit lab.toml, lab.py, case.py and bots.py, then")
    print(f"  labkit bot {args.id} --record   (after changing what is measured)")
    print(f"  labkit build {args.id}")
    return 0
