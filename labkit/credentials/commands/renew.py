"""``labkit credential renew``: the successor of a credential, for a new award."""

from __future__ import annotations

import argparse

from labkit.credentials.commands._shared import add_office, add_password, keys_of, office_of, read_file
from labkit.credentials.commands.issue import add_award, written_out

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("which", metavar="NUMBER", help="number of the certificate that is continued")
    add_award(parser)
    add_password(parser)
    add_office(parser)


def run(args: argparse.Namespace) -> int:
    """Issue a new credential that names the old one; the old one stays as it is."""
    from labkit.credentials.award import read_award
    from labkit.credentials.documents import check_pdf
    from labkit.credentials.issuing import renew

    award = read_award(read_file(args.award), args.supervision)
    if args.pdf:
        check_pdf()
    office = office_of(args)
    folder = renew(office, keys_of(office, args), args.which, award, domains=args.domains)
    return written_out(args, folder)
