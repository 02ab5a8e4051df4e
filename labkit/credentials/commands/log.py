"""``labkit credential log``: what the issuer did, and proofs that it did not change it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.core.files import write_whole
from labkit.core.tables import format_table
from labkit.credentials.commands._shared import (
    add_office,
    add_password,
    keys_of,
    office_of,
    read_file,
    say,
    show,
)
from labkit.credentials.encoding import strict_json
from labkit.credentials.office import Office

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--checkpoint", action="store_true", help="sign size and root as they are now")
    what.add_argument("--prove", metavar="NUMBER", help="prove that a credential is in the log")
    what.add_argument(
        "--since", type=Path, metavar="FILE", help="prove that the log only grew since this checkpoint"
    )
    what.add_argument(
        "--check", action="store_true", help="hold entries against every checkpoint; 1 if they differ"
    )
    what.add_argument("--check-growth", type=Path, metavar="FILE", help="check a proof that --since wrote")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where a proof or checkpoint is written")
    parser.add_argument(
        "--issuer",
        type=Path,
        metavar="FOLDER",
        help="what the issuer publishes, for --check and --check-growth",
    )
    add_password(parser)
    add_office(parser)


def run(args: argparse.Namespace) -> int:
    """Show the log, or do one of the things named."""
    if args.check or args.check_growth:
        return _check(args)
    office = office_of(args)
    if args.checkpoint:
        return _hand_out(args, office.log.sign_checkpoint(office.issuer, keys_of(office, args), _now()))
    if args.prove:
        return _hand_out(args, office.log.prove(office.find(args.prove).credential, _latest(office)))
    if args.since:
        earlier = strict_json(read_file(args.since), "the checkpoint")
        return _hand_out(args, office.log.prove_growth(_checkpoint(earlier), _latest(office)))
    entries, checkpoints = office.log.entries(), office.log.checkpoints()
    rows = [[each["n"], each["at"], each["event"], each["credential"][:16]] for each in entries]
    signed = checkpoints[-1]["checkpoint"] if checkpoints else None
    said = (
        f"last checkpoint: {signed['size']} entries, root {signed['root']}" if signed else "no checkpoint yet"
    )
    text = (
        f"{format_table(['n', 'at', 'event', 'credential'], rows)}\n\n{said}" if rows else f"No entry. {said}"
    )
    say(args, {"entries": entries, "checkpoint": checkpoints[-1] if checkpoints else None}, text)
    return 0


def _check(args: argparse.Namespace) -> int:
    from labkit.credentials.log import Log, consistency_problem
    from labkit.credentials.published import read_published

    public = args.issuer or office_of(args).public
    issuer = read_published(public).issuer
    if args.check_growth:
        proof = strict_json(read_file(args.check_growth), "the proof")
        problem = consistency_problem(proof, issuer) if isinstance(proof, dict) else "it is no proof"
        problems = [problem] if problem else []
        fine = "The log only grew between the two checkpoints, and both are signed."
    else:
        log = Log(public / "log")
        problems = log.problems(issuer)
        fine = f"{len(log.entries())} entries stand as {len(log.checkpoints())} signed checkpoints say."
    say(args, {"problems": problems}, "\n".join(problems) or fine)
    return 1 if problems else 0


def _hand_out(args: argparse.Namespace, content: dict[str, Any]) -> int:
    text = json.dumps(content, indent=1, ensure_ascii=False)
    if args.out:
        write_whole(args.out, text.encode() + b"\n")
        say(args, {"file": show(args.out)}, f"wrote {show(args.out)}")
    else:
        print(text)
    return 0


def _latest(office: Office) -> dict[str, Any]:
    checkpoints = office.log.checkpoints()
    if not checkpoints:
        raise InvalidInputError("there is no checkpoint yet: make one with --checkpoint")
    return checkpoints[-1]


def _checkpoint(content: Any) -> dict[str, Any]:
    """A checkpoint, or the proof of a credential, which holds one."""
    if not isinstance(content, dict) or not isinstance(content.get("checkpoint"), dict):
        raise InvalidInputError("expected a checkpoint, or a badge.log.json, which holds one")
    size = content["checkpoint"].get("size")
    if not isinstance(size, int) or size < 1:
        raise InvalidInputError(f"expected a checkpoint over one entry or more, got {size!r}")
    return {name: content[name] for name in ("checkpoint", "signature") if name in content}


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
