"""``labkit credential verify``: each question about a credential, answered by itself."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from labkit.core.errors import InvalidInputError
from labkit.credentials.commands._shared import read_file, say
from labkit.credentials.office import default_office

__all__ = ["add_arguments", "run"]

_MARKS = {"passed": "yes", "failed": "NO", "not asked": "–"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("badge", type=Path, metavar="BADGE", help="badge.json or badge.jwt")
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
        read_file(args.badge),
        [read_published(folder) for folder in folders],
        at=moment(args.at) if args.at else None,
        recipient=args.recipient,
        practice=args.practice,
        signature=_beside(args.signature, args.badge, "signature"),
        log_proof=_beside(args.log, args.badge, "log"),
    )
    lines = [f"{name:<12}{value}" for name, value in report.facts.items()]
    lines += [""] if lines else []
    for check in report.checks:
        head = f"{check.name:<18}{_MARKS[check.state]:<5}"
        lines += textwrap.wrap(check.say, 100, initial_indent=head, subsequent_indent=" " * len(head))
    lines += ["", "VALID" if report.valid else "NOT VALID"]
    say(args, report.as_json(), "\n".join(lines))
    return 0 if report.valid else 1


def _beside(named: Path | None, badge: Path, kind: str) -> bytes | None:
    if named is not None:
        return read_file(named)
    # The detached signature is over the JSON form; beside a JWT it is somebody else's business.
    beside = badge.with_name(f"{badge.stem}.{kind}.json")
    wanted = beside.is_file() and (kind == "log" or badge.suffix == ".json")
    return read_file(beside) if wanted else None
