"""``labkit credential issue``: a credential for a released result."""

from __future__ import annotations

import argparse
from pathlib import Path

from labkit.credentials.commands._shared import (
    add_office,
    add_password,
    keys_of,
    office_of,
    read_file,
    say,
    show,
)

__all__ = ["add_arguments", "add_award", "run", "written_out"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_award(parser)
    add_password(parser)
    add_office(parser)


def add_award(parser: argparse.ArgumentParser) -> None:
    """Declare the award and what is told of it."""
    parser.add_argument("award", type=Path, metavar="AWARD", help="JSON that the release of a result wrote")
    parser.add_argument(
        "--supervision",
        choices=("proctored", "unproctored"),
        help="how the exam was sat, where the award does not say it",
    )
    parser.add_argument("--domains", action="store_true", help="tell the share of each domain, too")
    parser.add_argument("--pdf", action="store_true", help="fail where the certificate cannot be made as PDF")


def run(args: argparse.Namespace) -> int:
    """Issue, and write the certificate beside the badge."""
    from labkit.credentials.award import read_award
    from labkit.credentials.documents import check_pdf
    from labkit.credentials.issuing import issue

    award = read_award(read_file(args.award), args.supervision)
    if args.pdf:
        check_pdf()
    office = office_of(args)
    folder = issue(office, keys_of(office, args), award, domains=args.domains)
    return written_out(args, folder)


def written_out(args: argparse.Namespace, folder: Path) -> int:
    """Write the documents of a credential that was just issued, and say where everything lies."""
    from labkit.core.errors import DataFormatError, EngineNotInstalledError
    from labkit.credentials.documents import write_documents

    missing = ""
    try:
        write_documents(folder, pdf=True)
    except (DataFormatError, EngineNotInstalledError) as error:
        # The badge is issued, and the other documents were written before the PDF was tried.
        missing = str(error)
    files = sorted(path.name for path in folder.iterdir())
    text = [f"Issued: {show(folder)}", *(f"  {name}" for name in files)]
    if missing:
        text.append(f"No certificate as PDF: {missing}")
    say(args, {"folder": show(folder), "files": files, "pdf": not missing}, "\n".join(text))
    return 1 if missing and args.pdf else 0
