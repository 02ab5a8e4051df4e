"""``labkit exam``: a sitting, its grading, and what is learned from many of them."""

from __future__ import annotations

import argparse

from labkit.core.subcommands import add_subcommands, run_subcommand

__all__ = ["SUBCOMMANDS", "add_arguments", "run"]

_HERE = "labkit.exams.commands"

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "open": (f"{_HERE}.open", "make a sitting: the practice exam, the rehearsal, or one for a candidate"),
    "tasks": (f"{_HERE}.tasks", "say what a sitting asks for, and what is answered"),
    "hand-in": (f"{_HERE}.hand_in", "hand in the files of a task, or answers to items"),
    "submit": (f"{_HERE}.submit", "seal what was handed in, and send it"),
    "examiner": (f"{_HERE}.examiner", "make an examiner: sealed keys, a private pool, a register"),
    "receive": (f"{_HERE}.receive", "receive submissions during an exam, and add time (examiners)"),
    "grade": (f"{_HERE}.grade", "grade submissions (examiners)"),
    "regrade": (f"{_HERE}.regrade", "grade a frozen submission again, for an appeal (examiners)"),
    "release": (f"{_HERE}.release", "release results, by a second person (examiners)"),
    "itemstats": (f"{_HERE}.itemstats", "statistics of items, tasks and forms (examiners)"),
    "angoff": (f"{_HERE}.angoff", "set a cut score with a panel (examiners)"),
    "simulate": (f"{_HERE}.simulate", "try a blueprint on simulated candidates (examiners)"),
    "check": (f"{_HERE}.check", "check blueprint, tasks and items (authors)"),
}
"""Command to its module and summary."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_subcommands(parser, SUBCOMMANDS)


def run(args: argparse.Namespace) -> int:
    """Run one of :data:`SUBCOMMANDS`."""
    return run_subcommand(SUBCOMMANDS, args, "labkit exam")
