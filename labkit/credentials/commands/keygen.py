"""``labkit credential keygen``: make an issuer's office with new keys."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from labkit.core.errors import InvalidInputError
from labkit.credentials.commands._shared import add_office, add_password, new_password, say, show
from labkit.credentials.issuer import kind_of_id
from labkit.credentials.office import default_office, make_office, open_office, rotate_keys

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--id",
        metavar="ID",
        help="did:web:example.org, did:web:example.org:exams or https://example.org/exams/issuer.json",
    )
    who.add_argument(
        "--practice", action="store_true", help="an issuer whose key vouches for itself (did:key)"
    )
    who.add_argument(
        "--rotate",
        action="store_true",
        help="new keys for the office there is; the old password is not needed",
    )
    parser.add_argument(
        "--stolen", action="store_true", help="with --rotate: nothing that the old keys signed is to verify"
    )
    parser.add_argument("--name", default="", help="what the issuer is called")
    parser.add_argument("--url", default="", help="its home page, https://…")
    parser.add_argument(
        "--list-days", type=int, metavar="DAYS", help="how long a status list holds (30; for practice 400)"
    )
    add_password(parser)
    add_office(parser)


def run(args: argparse.Namespace) -> int:
    """Make the keys, and sign empty status lists."""
    from labkit.credentials.issuing import publish

    if args.id and kind_of_id(args.id) == "did:key":
        raise InvalidInputError("expected did:web or https: a did:key is made with --practice")
    folder = args.office or default_office()
    if args.stolen and not args.rotate:
        raise InvalidInputError("expected --stolen with --rotate")
    if args.rotate:
        return _rotate(args, folder)
    if not args.practice and not args.name:
        raise InvalidInputError("expected --name with what the issuer is called")
    name = args.name or "Practice issuer"
    password = new_password(args)
    office = make_office(
        folder, "" if args.practice else args.id, name, password, url=args.url, list_days=args.list_days
    )
    publish(office, office.keys(password))
    where = f"{office.base}" if not office.issuer.practice else ""
    text = [
        f"Keys of {office.issuer.id}",
        f"lie in {show(folder)}, sealed under your password. A password that is lost is lost: keep it apart.",
        f"To publish: everything in {show(office.public)}" + (f" under {where}" if where else ""),
    ]
    if office.issuer.id.startswith("did:web:") and office.issuer.id.count(":") == 2:
        text.append("and did.json under /.well-known/, where a did:web without a path is looked up")
    if office.issuer.practice:
        text.append("For practice only: anybody can make such an issuer, so it proves nothing to others.")
    result = {
        "id": office.issuer.id,
        "office": show(folder),
        "public": show(office.public),
        "base": office.base,
    }
    say(args, result, "\n".join(text))
    return 0


def _rotate(args: argparse.Namespace, folder: Path) -> int:
    from labkit.credentials.issuing import publish

    office = open_office(folder)
    password = new_password(args)
    office = rotate_keys(office, password, datetime.now(UTC), stolen=args.stolen)
    publish(office, office.keys(password))
    told = (
        "What the old keys signed no longer verifies."
        if args.stolen
        else "What the old keys signed still verifies."
    )
    text = f"New keys of {office.issuer.id}. {told}\nPublish everything in {show(office.public)} again."
    say(args, {"id": office.issuer.id, "office": show(folder), "public": show(office.public)}, text)
    return 0
