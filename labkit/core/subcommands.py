"""Commands with commands of their own: one table each, a module imported when it is chosen."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping

__all__ = ["add_subcommands", "run_subcommand"]

Table = Mapping[str, tuple[str, str]]
"""Name to module and summary; the module has ``add_arguments(parser)`` and ``run(args) -> int``."""


def add_subcommands(parser: argparse.ArgumentParser, table: Table) -> None:
    """Declare that one of the commands of ``table`` follows, with arguments of its own."""
    width = max(map(len, table))
    listed = [f"  {name:<{width}}  {summary}" for name, (_, summary) in table.items()]
    parser.epilog = "\n".join(["commands:", *listed])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=tuple(table), metavar="COMMAND", help="one of the commands below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="--help after a command says more")


def run_subcommand(table: Table, args: argparse.Namespace, program: str) -> int:
    """Import the module of the chosen command, read its arguments, and run it."""
    name, summary = table[args.command]
    loaded = importlib.import_module(name)
    parser = argparse.ArgumentParser(
        prog=f"{program} {args.command}", description=f"{summary[0].upper()}{summary[1:]}."
    )
    loaded.add_arguments(parser)
    status: int = loaded.run(parser.parse_args(args.arguments))
    return status
