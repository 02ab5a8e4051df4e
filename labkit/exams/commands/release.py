"""``labkit exam release``: the gradebook, from score sheets to results that a second person let go."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.core.paths import ensure_dir
from labkit.core.tables import format_table
from labkit.exams.commands import _appealing, _keeping
from labkit.exams.commands._shown import say, write_json

if TYPE_CHECKING:
    from labkit.exams.records import Records

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (summary, arguments, _) in _ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        arguments(action)
        action.add_argument(
            "--records",
            metavar="URL",
            help="the gradebook: a file, or postgresql://USER@HOST/NAME (default: LABKIT_RECORDS, or a file "
            "among your own)",
        )
        action.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Do one action on the gradebook: 0 when all of it was done, 1 when something was refused."""
    from labkit.exams.records import open_records

    perform = _ACTIONS[args.action][2]
    if args.action in ("migrate", "practice"):
        return perform(None, args)
    with open_records(args.records) as records:
        return perform(records, args)


_SUBMISSIONS = ("submissions", "graded/submissions")
"""Where the submissions lie, from a grading folder and from that of an examiner."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sheets", nargs="+", type=Path, help="score sheets, folders of them, or a grading folder"
    )
    parser.add_argument("--by", required=True, metavar="GRADER", help="who graded, and so decides")
    parser.add_argument("--blueprint", type=Path, help="blueprint.toml; the one of labkit by default")


def _add(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.records import add_sheets, read_sheets

    sheets = read_sheets(args.sheets)
    added = add_sheets(
        records,
        sheets,
        read_blueprint(args.blueprint),
        by=args.by,
        commitments=_forms([path / inside for path in args.sheets for inside in _SUBMISSIONS]),
    )
    rows = [[each.session, each.outcome, each.why or "-"] for each in added]
    say(args, [asdict(each) for each in added], lambda: format_table(["session", "outcome", "why"], rows))
    return int(any(each.outcome == "refused" for each in added))


def _forms(folders: list[Path]) -> dict[str, str]:
    """Return the digest of the form in every submission of grading folders, by that of the envelope."""
    from labkit.exams.envelope.reading import read_envelope, read_submission_bytes

    found = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.zip"))):
        try:
            envelope = read_envelope(read_submission_bytes(path))
        except DataFormatError:
            # What was refused when it was graded has no sheet either.
            continue
        found[envelope.sha256] = envelope.form_sha256
    return found


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=("waiting", "released"), help="only these")


def _list(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import results

    found = results(records, state=args.state)
    rows = [
        [
            each.session,
            each.candidate,
            each.number or "-",
            f"{each.share:.1%}",
            "passed" if each.passed else "not passed" if each.verified else "not verified",
            each.state if each.mode == "exam" else f"{each.state}, {each.mode}",
        ]
        for each in found
    ]
    headings = ["session", "candidate", "number", "points", "decision", "state"]
    say(args, [asdict(each) for each in found], lambda: format_table(headings, rows))
    return 0


def _approve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sessions", nargs="*", help="sessions to release")
    parser.add_argument("--all", action="store_true", help="every session that waits")
    parser.add_argument("--by", required=True, metavar="RELEASER", help="who releases: not who graded")
    parser.add_argument("--awards", type=Path, metavar="FOLDER", help="write an award for each that passed")


def _approve(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import award_of, release, results

    waiting = [each.session for each in results(records, state="waiting") if each.mode != "rehearsal"]
    sessions = [*args.sessions, *(waiting if args.all else [])]
    if not sessions:
        raise InvalidInputError("expected sessions to release, or --all; got none that waits")
    done = release(records, list(dict.fromkeys(sessions)), by=args.by)
    written = {}
    if args.awards is not None:
        folder = ensure_dir(args.awards)
        for each in done:
            if each.passed and each.outcome != "refused":
                written[each.session] = write_json(
                    folder / f"{each.session}.json", award_of(records, each.session)
                )
    rows = [
        [each.session, each.outcome, _passed(each.passed), each.number or "-", each.why or "-"]
        for each in done
    ]
    found = [{**asdict(each), "award": written.get(each.session)} for each in done]
    say(args, found, lambda: format_table(["session", "outcome", "decision", "number", "why"], rows))
    return int(any(each.outcome == "refused" for each in done))


def _award_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="a session that passed and is released")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it")


def _award(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import award_of

    return _give(award_of(records, args.session), args)


def _practice_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sheet", type=Path, help="score sheet of a practice exam")
    parser.add_argument("--name", required=True, help="name on the award")
    parser.add_argument("--identifier", default="", metavar="ID", help="such as a mail address, on the award")
    parser.add_argument("--blueprint", type=Path, help="blueprint.toml; the one of labkit by default")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it")


def _practice(_: Records | None, args: argparse.Namespace) -> int:
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.records import practice_award, read_sheet

    sheet, blueprint = read_sheet(args.sheet), read_blueprint(args.blueprint)
    award = practice_award(sheet, blueprint, name=args.name, identifier=args.identifier)
    return _give(award, args)


_Action = tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[Any, argparse.Namespace], int]]

_ACTIONS: dict[str, _Action] = {
    "people": (
        "show or appoint graders, releasers and others",
        _keeping.people_arguments,
        _keeping.people,
    ),
    "candidates": ("enter the names of candidates", _keeping.candidates_arguments, _keeping.candidates),
    "add": ("enter score sheets, each envelope once", _add_arguments, _add),
    "list": ("show results", _list_arguments, _list),
    "approve": ("release results, as a second person", _approve_arguments, _approve),
    "award": ("print the award of a released result, for a credential", _award_arguments, _award),
    "practice": ("print the award of a practice exam", _practice_arguments, _practice),
    "appeal": ("open an appeal and freeze its evidence", _appealing.appeal_arguments, _appealing.appeal),
    "answer": ("take an appeal to its next state", _appealing.answer_arguments, _appealing.answer),
    "appeals": ("show appeals, or check their evidence", _appealing.appeals_arguments, _appealing.appeals),
    "export": ("write results as CSV", _keeping.export_arguments, _keeping.export),
    "erase": ("erase the name of a candidate", _keeping.erase_arguments, _keeping.erase),
    "verify": ("compute the chain of events again", _keeping.verify_arguments, _keeping.verify),
    "migrate": ("make or renew the tables on a server, as their owner", _keeping.nothing, _keeping.migrate),
}


def _passed(passed: bool | None) -> str:
    return "-" if passed is None else "passed" if passed else "not passed"


def _give(award: dict[str, Any], args: argparse.Namespace) -> int:
    if args.out is None:
        print(json.dumps(award, indent=1, ensure_ascii=False))
    else:
        path = write_json(args.out, award)
        say(args, {"award": path}, lambda: f"award in {path}")
    return 0
