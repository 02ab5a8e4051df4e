"""``labkit build``: make the notebooks of the labs from their sources."""

from __future__ import annotations

import argparse

from labkit.course.builder import build, stale
from labkit.course.catalogue import find_lab, labs
from labkit.course.commands.progress_line import ProgressLine
from labkit.course.declaration import read_lab
from labkit.course.lab import Lab

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("labs", nargs="*", metavar="LAB", help="labs to build; all by default")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; build again, and return 1 if something differs"
    )
    parser.add_argument("--no-run", action="store_true", help="do not run the solutions")


def run(args: argparse.Namespace) -> int:
    """Build or check, and return 1 when something is out of date."""
    chosen = [find_lab(name) for name in args.labs] or labs()
    if args.check:
        return _check(chosen, run=not args.no_run)
    for lab in chosen:
        with ProgressLine() as tell:
            built = build(lab, run=not args.no_run, progress=tell)
        print(f"{lab.id}: {'built' if built.changed else 'unchanged'}")
    return 0


def _check(chosen: list[Lab], *, run: bool) -> int:
    findings = []
    for lab in chosen:
        # What is fit to publish has its thresholds backed by recorded runs.
        read_lab(lab.folder, references=True)
        with ProgressLine() as tell:
            findings += [f"{lab.id}: {problem}" for problem in stale(lab, run=run, progress=tell)]
    for finding in findings:
        print(finding)
    print(f"{len(findings)} out of date; mend it with: labkit build" if findings else "all up to date")
    return 1 if findings else 0
