"""``labkit credential publish``: sign the status lists anew, before they grow stale."""

from __future__ import annotations

import argparse

from labkit.credentials.commands._shared import add_office, add_password, keys_of, office_of, say, show

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--no-page", action="store_true", help="leave the verification page out")
    add_password(parser)
    add_office(parser)


def run(args: argparse.Namespace) -> int:
    """Sign lists and a checkpoint, and write the verification page beside them."""
    from labkit.credentials.issuing import publish
    from labkit.credentials.page import write_page

    office = office_of(args)
    signed = publish(office, keys_of(office, args))
    if not args.no_page:
        write_page(office.public / "verify")
    result = {"public": show(office.public), "base": office.base, "list_days": office.list_days, **signed}
    where, days = show(office.public), office.list_days
    text = f"Signed. Put everything in {where} on the web server, and sign again within {days} days."
    say(args, result, text)
    return 0
