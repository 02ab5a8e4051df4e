"""The ``labkit`` command: one table, each command imported when it is chosen."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from labkit import __version__
from labkit.core.errors import LabkitError
from labkit.core.tables import harmless

__all__ = ["COMMANDS", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    "lab": ("labkit.server.launch", "start the lab in the browser"),
    "serve": ("labkit.server.serve", "serve a class on this machine, with a board for the instructor"),
    "labs": ("labkit.course.commands.labs", "list the labs"),
    "progress": ("labkit.course.commands.progress", "show how far you are, or begin a lab again"),
    "evidence": ("labkit.course.commands.evidence", "show or check your evidence pack"),
    "glossary": ("labkit.course.commands.glossary", "look up a word"),
    "standards": ("labkit.course.commands.standards", "look up an entry of a standard and the labs about it"),
    "quiz": ("labkit.course.commands.quiz", "practise governance, or take the test before and after"),
    "review": ("labkit.course.commands.review", "repeat what you missed before it is forgotten"),
    "exam": ("labkit.exams.commands", "sit, grade and study the certification exam"),
    "credential": ("labkit.credentials.commands", "issue and verify credentials"),
    "data": ("labkit.data.commands", "list, verify, add, show or remove data sets"),
    "doctor": ("labkit.doctor", "say what is missing or slow here, and how to mend it"),
    "bot": ("labkit.course.commands.bot", "let a bot play a lab (authors)"),
    "build": ("labkit.course.commands.build", "build the notebooks of the labs (authors)"),
    "new": ("labkit.course.commands.new", "make a new lab from the template (authors)"),
}
"""Command to the module that holds ``add_arguments(parser)`` and ``run(args) -> int``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 fine, 1 a finding, 2 an error, 130 stopped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that this terminal has no letters for must not end the command.
            stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        args = _parser(next((word for word in given if not word.startswith("-")), "")).parse_args(given)
        status: int = args.run(args)
        sys.stdout.flush()
    except LabkitError as error:
        print(f"labkit: {harmless(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("labkit: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing is left to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parser(chosen: str) -> argparse.ArgumentParser:
    """Return a parser in which only the chosen command has been imported."""
    parser = argparse.ArgumentParser(
        prog="labkit",
        description="Learn, teach and certify AI security: hands-on, offline.",
        epilog=_overview(),
        formatter_class=_Plain,
    )
    parser.add_argument("--version", action="version", version=f"labkit {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, help="one of the commands below")
    for name, (module, summary) in COMMANDS.items():
        if name == chosen:
            loaded = importlib.import_module(module)
            command = commands.add_parser(
                name, description=f"{summary[0].upper()}{summary[1:]}.", formatter_class=_Plain
            )
            loaded.add_arguments(command)
            command.set_defaults(run=loaded.run)
        else:
            commands.add_parser(name)
    return parser


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(["commands:", *lines, "", "labkit COMMAND --help says what a command takes."])


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Help in lines of up to 100 characters."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


if __name__ == "__main__":
    sys.exit(main())
