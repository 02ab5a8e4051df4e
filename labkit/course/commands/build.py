"""``labkit build``: make the notebooks of the labs from their sources."""

from __future__ import annotations

import argparse
import sys

from labkit.course.builder import build, stale
from labkit.course.catalogue import find_lab, labs

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("labs", nargs="*", metavar="LAB", help="labs to build; all by default")
    parser.add_argument("--check", action="store_true", help="change nothing, and say what is out of date")
    parser.add_argument(
        "--no-run", action="store_true", help="build lab.ipynb only, without running the solution"
    )


def run(args: argparse.Namespace) -> int:
    """Build or check, and return 1 when something is out of date."""
    chosen = [find_lab(name) for name in args.labs] or labs()
    if args.check:
        findings = [f"{lab.id}: {problem}" for lab in chosen for problem in stale(lab)]
        for finding in findings:
            print(finding)
        print(f"{len(findings)} out of date; mend it with: labkit build" if findings else "all up to date")
        return 1 if findings else 0
    for lab in chosen:
        built = build(lab, run=not args.no_run, progress=lambda message: print(message, file=sys.stderr))
        print(f"{lab.id}: {'built' if built.changed else 'unchanged'}")
    return 0
