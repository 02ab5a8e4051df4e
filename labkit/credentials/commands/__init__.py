"""``labkit credential``: keys, credentials, and their verification."""

from __future__ import annotations

import argparse

from labkit.core.subcommands import add_subcommands, run_subcommand

__all__ = ["SUBCOMMANDS", "add_arguments", "run"]

_HERE = "labkit.credentials.commands"

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "keygen": (f"{_HERE}.keygen", "make the keys of an issuer"),
    "issue": (f"{_HERE}.issue", "issue a credential from a released result"),
    "verify": (f"{_HERE}.verify", "verify a credential, offline"),
    "revoke": (f"{_HERE}.revoke", "revoke a credential for good"),
    "suspend": (f"{_HERE}.suspend", "suspend a credential, or lift a suspension"),
    "renew": (f"{_HERE}.renew", "issue the successor of a credential"),
    "publish": (f"{_HERE}.publish", "sign the status lists anew, with the verification page"),
    "page": (f"{_HERE}.page", "write the verification page to a folder"),
    "log": (f"{_HERE}.log", "show the log, sign a checkpoint, prove that an entry is in it"),
}
"""Command to its module and summary."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_subcommands(parser, SUBCOMMANDS)


def run(args: argparse.Namespace) -> int:
    """Run one of :data:`SUBCOMMANDS`."""
    return run_subcommand(SUBCOMMANDS, args, "labkit credential")
