"""``labkit credential revoke``: for good."""

from __future__ import annotations

import argparse

from labkit.credentials.commands._shared import add_office, add_password, keys_of, office_of, say, show

__all__ = ["add_arguments", "add_which", "changed", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_which(parser)


def add_which(parser: argparse.ArgumentParser) -> None:
    """Declare which credential, why, and where the keys are."""
    parser.add_argument(
        "which", metavar="NUMBER", help="number of the certificate, or address of the credential"
    )
    parser.add_argument("--reason", required=True, help="why; kept in the private register")
    add_password(parser)
    add_office(parser)


def run(args: argparse.Namespace) -> int:
    """Set the bit and publish the lists."""
    return changed(args, "revoked")


def changed(args: argparse.Namespace, event: str) -> int:
    """Change the state of a credential and say what is to be published."""
    from labkit.credentials.issuing import change_status

    office = office_of(args)
    held = change_status(office, keys_of(office, args), args.which, event, args.reason)
    result = {"number": held.number, "id": held.id, "state": held.state, "publish": show(office.public)}
    text = f"{held.number} is {held.state} now. Others learn it once {show(office.public)} is published."
    say(args, result, text)
    return 0
