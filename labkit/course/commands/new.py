"""``labkit new lab``: a lab that already passes its contract, to be made your own."""

from __future__ import annotations

import argparse
from pathlib import Path

from labkit.core.paths import content_dir
from labkit.course.commands.progress_line import ProgressLine
from labkit.course.commands.types import count
from labkit.course.scaffold import new_lab

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("what", choices=["lab"], help="what to make")
    parser.add_argument("id", metavar="ID", help="capital letters and digits, such as L19")
    parser.add_argument("--title", default="", help="by default made from the id")
    parser.add_argument("--dir", type=Path, help="folder of the labs; by default notebooks/")
    parser.add_argument(
        "--seeds", type=count, default=30, metavar="N", help="how many variants to record; by default 30"
    )


def run(args: argparse.Namespace) -> int:
    """Make the lab, record its reference runs and build its notebooks."""
    usual = content_dir("notebooks")
    root = (args.dir or usual).expanduser()
    with ProgressLine() as tell:
        folder = new_lab(args.id, title=args.title, root=root, seeds=args.seeds, progress=tell)
    print(f"made {folder}")
    elsewhere = root.resolve() != usual.resolve()
    if elsewhere:
        print(f"labkit finds it there when LABKIT_NOTEBOOKS={root.resolve()} is set")
    print("next: make it your own in lab.toml, lab.py, case.py and bots.py; then")
    print(f"  labkit bot {args.id} --record   whenever what is measured has changed")
    print(f"  labkit build {args.id}          whenever lab.py has changed")
    return 0
