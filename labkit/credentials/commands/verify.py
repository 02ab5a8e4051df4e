"""``labkit credential verify``: each question about a credential, answered by itself."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.core.errors import InvalidInputError
from labkit.credentials.carriers import MAX_FILE
from labkit.credentials.commands._shared import read_file, say
from labkit.credentials.office import default_office

if TYPE_CHECKING:
    from labkit.credentials.verify import Report

__all__ = ["add_arguments", "run"]

_MARKS = {"passed": "yes", "failed": "NO", "not asked": "–"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "badge",
        type=Path,
        metavar="FILE",
        help="badge.json or badge.jwt, or the certificate that carries it: PDF, SVG or HTML",
    )
    parser.add_argument(
        "--issuer",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="what an issuer that you trust publishes: issuer.json and status/; may be given again. "
        "Without it, your own office",
    )
    parser.add_argument(
        "--recipient", metavar="WHO", help="whose it should be: e-mail address, DID, or number"
    )
    parser.add_argument(
        "--practice", action="store_true", help="let a practice issuer do, whose key vouches for itself"
    )
    parser.add_argument("--at", metavar="MOMENT", help="judge by this moment, such as 2027-01-31T12:00:00Z")
    parser.add_argument(
        "--signature", type=Path, metavar="FILE", help="detached signature; badge.signature.json beside it"
    )
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="proof from the log; badge.log.json beside it"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Verify without a network; return 1 unless everything that was asked holds."""
    from labkit.credentials.published import read_published
    from labkit.credentials.times import moment
    from labkit.credentials.verify import verify

    own = default_office() / "public"
    folders = args.issuer or ([own] if (own / "issuer.json").is_file() else [])
    if args.recipient is not None and not args.recipient.strip():
        raise InvalidInputError("expected --recipient with an e-mail address, a DID or a number")
    report = verify(
        read_file(args.badge, MAX_FILE),
        [read_published(folder) for folder in folders],
        at=moment(args.at) if args.at else None,
        recipient=args.recipient,
        practice=args.practice,
        signature=_beside(args.signature, args.badge, "signature"),
        log_proof=_beside(args.log, args.badge, "log"),
    )
    say(args, report.as_json(), "\n".join(_lines(report, args.badge.name)))
    return 0 if report.valid else 1


def _lines(report: Report, name: str) -> list[str]:
    lines = _facts(report, name)
    for check in report.checks:
        head = f"{check.name:<18}{_MARKS[check.state]:<5}"
        lines += textwrap.wrap(check.say, 100, initial_indent=head, subsequent_indent=" " * len(head))
    return [*lines, "", "VALID" if report.valid else "NOT VALID"]


def _facts(report: Report, name: str) -> list[str]:
    """Who, what and when first: with a certificate in hand, these are what to compare it with."""
    facts = dict(report.facts)
    if not facts:
        return []
    head = [facts.pop(each, "") for each in ("holder", "title")]
    since, until = facts.pop("valid_from", ""), facts.pop("valid_until", "")
    but = "" if report.valid else " It is NOT VALID all the same, for the reasons below."
    lines = [f"What the issuer signed.{but}", "", *(f"    {each}" for each in head if each)]
    lines += [f"    valid from {since[:10]} to {until[:10]}"] if since and until else []
    lines += ["", *(f"{each:<12}{value}" for each, value in facts.items())]
    if report.carrier:
        note = (
            f"Only the badge inside {name} was verified. What the file shows beside it, a name, a date, a "
            "seal, proves nothing: go by the lines above, and where they differ, the file was changed."
        )
        lines += ["", *textwrap.wrap(note, 100)]
    return [*lines, ""]


def _beside(named: Path | None, badge: Path, kind: str) -> bytes | None:
    if named is not None:
        return read_file(named)
    # The detached signature is over the JSON form; beside a JWT it is somebody else's business.
    beside = badge.with_name(f"{badge.stem}.{kind}.json")
    wanted = beside.is_file() and (kind == "log" or badge.suffix == ".json")
    return read_file(beside) if wanted else None
