"""``labkit exam release``: the gradebook, from score sheets to results that a second person let go."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.core.tables import format_table

if TYPE_CHECKING:
    from labkit.exams.records import Records, Ticket

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


def _people_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--add", metavar="NAME", help="appoint somebody; a login name on a server")
    parser.add_argument("--role", choices=("grader", "releaser", "appeals"), help="what they may do")
    parser.add_argument("--called", default="", metavar="NAME", help="how an award names them")


def _people(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import add_officer, officers

    if (args.add is None) != (args.role is None):
        raise InvalidInputError("expected --add NAME and --role together")
    if args.add is not None:
        add_officer(records, args.add, args.role, name=args.called)
    found = officers(records)
    _say(args, [list(each) for each in found], lambda: format_table(["who", "name", "role"], found))
    return 0


def _candidates_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="CSV with the columns identifier,name")


def _candidates(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import add_candidates

    new = add_candidates(records, args.file)
    _say(args, {"new": new}, lambda: f"{new} new candidates")
    return 0


def _erase_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("candidate", help="identifier")
    parser.add_argument("--by", required=True, metavar="NAME", help="who does it")


def _erase(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import erase_candidate

    erase_candidate(records, args.candidate, by=args.by)
    _say(
        args, {"erased": args.candidate}, lambda: f"the name of {args.candidate} is erased; the results stay"
    )
    return 0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sheets", nargs="+", type=Path, help="score sheets, folders of them, or a grading folder"
    )
    parser.add_argument("--by", required=True, metavar="GRADER", help="who graded, and so decides")
    parser.add_argument("--blueprint", type=Path, help="blueprint.toml; the one of labkit by default")
    parser.add_argument(
        "--standard", action="append", default=[], metavar="ID", help="an award is aligned with it"
    )


def _add(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.records import add_sheets, read_sheets

    folders = [path / "sheets" if (path / "sheets").is_dir() else path for path in args.sheets]
    sheets = read_sheets(folders)
    added = add_sheets(
        records,
        sheets,
        read_blueprint(args.blueprint),
        by=args.by,
        commitments=_forms([path / "submissions" for path in args.sheets]),
        standards=args.standard,
    )
    rows = [[each.session, each.outcome, each.why or "-"] for each in added]
    _say(args, [asdict(each) for each in added], lambda: format_table(["session", "outcome", "why"], rows))
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
            each.mode,
            f"{each.share:.1%}",
            "passed" if each.passed else "not passed" if each.verified else "not verified",
            each.state,
            each.decided_by,
            each.number or "-",
        ]
        for each in found
    ]
    headings = ["session", "candidate", "mode", "points", "decision", "state", "graded by", "number"]
    _say(args, [asdict(each) for each in found], lambda: format_table(headings, rows))
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
                written[each.session] = _write(
                    folder / f"{each.session}.json", award_of(records, each.session)
                )
    rows = [
        [each.session, each.outcome, _passed(each.passed), each.number or "-", each.why or "-"]
        for each in done
    ]
    found = [{**asdict(each), "award": written.get(each.session)} for each in done]
    _say(args, found, lambda: format_table(["session", "outcome", "decision", "number", "why"], rows))
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
    parser.add_argument("--blueprint", type=Path, help="blueprint.toml; the one of labkit by default")
    parser.add_argument("--standard", action="append", default=[], metavar="ID", help="it is aligned with it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it")


def _practice(_: Records | None, args: argparse.Namespace) -> int:
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.records import practice_award, read_sheet

    sheet, blueprint = read_sheet(args.sheet), read_blueprint(args.blueprint)
    return _give(practice_award(sheet, blueprint, name=args.name, standards=args.standard), args)


def _appeal_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="a session that is released")
    parser.add_argument("--reason", required=True, help="what the candidate objects to")
    parser.add_argument("--by", required=True, metavar="NAME", help="who writes it down (role appeals)")
    parser.add_argument(
        "--envelope", required=True, type=Path, metavar="ZIP", help="the submission, as it was graded"
    )
    parser.add_argument(
        "--pack", type=Path, metavar="JSON", help="pack.json of the grading folder, to regrade from"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="FOLDER", help="where the frozen evidence goes"
    )


def _appeal(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import open_appeal

    ticket, path = open_appeal(
        records,
        args.session,
        reason=args.reason,
        by=args.by,
        envelope=args.envelope,
        out=args.out,
        pack=args.pack,
    )
    _say(
        args,
        {**asdict(ticket), "evidence": str(path)},
        lambda: f"appeal {ticket.id} against {ticket.session}, due {ticket.due}\nevidence: {path}",
    )
    return 0


def _answer_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("appeal", type=int, help="its number")
    parser.add_argument("state", choices=("review", "upheld", "rejected", "withdrawn"))
    parser.add_argument("--why", required=True, help="what the candidate is told")
    parser.add_argument("--by", required=True, metavar="NAME", help="who decides: had no part in the result")
    parser.add_argument(
        "--sheet", type=Path, metavar="JSON", help="the corrected score sheet, when it is upheld"
    )


def _answer(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import answer_appeal, read_sheet

    sheet = read_sheet(args.sheet) if args.sheet is not None else None
    ticket = answer_appeal(records, args.appeal, args.state, by=args.by, why=args.why, sheet=sheet)
    _say(args, asdict(ticket), lambda: _tickets_table([ticket]))
    return 0


def _appeals_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", type=Path, metavar="ZIP", help="say whose evidence a file is, unaltered")


def _appeals(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import check_pack, tickets

    found = [check_pack(records, args.check)] if args.check is not None else tickets(records)
    _say(args, [asdict(each) for each in found], lambda: _tickets_table(found))
    return 0


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: print)")
    parser.add_argument("--all", action="store_true", help="those that wait for a second person, too")


def _export(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import as_csv, results

    found = results(records, state=None if args.all else "released")
    text = as_csv(found)
    if args.out is None:
        _say(args, [asdict(each) for each in found], lambda: text.rstrip("\n"))
        return 0
    write_whole(args.out, text.encode())
    _say(args, {"file": str(args.out), "rows": len(found)}, lambda: f"{len(found)} results in {args.out}")
    return 0


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--length", type=int, help="how many events there were when the head was noted")
    parser.add_argument("--head", help="digest of the last of them, kept elsewhere")


def _verify(records: Records, args: argparse.Namespace) -> int:
    from labkit.exams.records import check_chain

    if (args.length is None) != (args.head is None):
        raise InvalidInputError("expected --length and --head together")
    state = check_chain(records, length=args.length, head=args.head)
    said = (
        f"{state.length} events, head {state.head}\nKeep both where the owner of the gradebook cannot reach."
    )
    if state.broken_at is not None:
        said = (
            f"the chain is broken at event {state.broken_at}: it, or one before it, is not what was written"
        )
    _say(args, asdict(state), lambda: said)
    return int(state.broken_at is not None)


def _migrate(_: Records | None, args: argparse.Namespace) -> int:
    from labkit.exams.records import upgrade

    version = upgrade(args.records)
    _say(args, {"version": version}, lambda: f"the gradebook is of version {version}")
    return 0


def _nothing(parser: argparse.ArgumentParser) -> None:
    """Declare no argument of its own."""


_Action = tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[Any, argparse.Namespace], int]]

_ACTIONS: dict[str, _Action] = {
    "people": ("show or appoint who may grade, release, and answer appeals", _people_arguments, _people),
    "candidates": ("enter the names of candidates", _candidates_arguments, _candidates),
    "add": ("enter score sheets, each envelope once", _add_arguments, _add),
    "list": ("show results", _list_arguments, _list),
    "approve": ("release results, as a second person", _approve_arguments, _approve),
    "award": ("print the award of a released result, for a credential", _award_arguments, _award),
    "practice": ("print the award of a practice exam", _practice_arguments, _practice),
    "appeal": ("open an appeal and freeze its evidence", _appeal_arguments, _appeal),
    "answer": ("take an appeal to its next state", _answer_arguments, _answer),
    "appeals": ("show appeals, or check their evidence", _appeals_arguments, _appeals),
    "export": ("write results as CSV", _export_arguments, _export),
    "erase": ("erase the name of a candidate", _erase_arguments, _erase),
    "verify": ("compute the chain of events again", _verify_arguments, _verify),
    "migrate": ("make or renew the tables on a server, as their owner", _nothing, _migrate),
}


def _tickets_table(found: list[Ticket]) -> str:
    rows = [
        [each.id, each.session, each.state, each.due or "-", each.by, each.note or each.reason]
        for each in found
    ]
    return format_table(["appeal", "session", "state", "due", "by", "why"], rows)


def _passed(passed: bool | None) -> str:
    return "-" if passed is None else "passed" if passed else "not passed"


def _give(award: dict[str, Any], args: argparse.Namespace) -> int:
    if args.out is None:
        print(json.dumps(award, indent=1, ensure_ascii=False))
    else:
        path = _write(args.out, award)
        _say(args, {"award": path}, lambda: f"award in {path}")
    return 0


def _write(path: Path, content: Any) -> str:
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")
    return str(path)


def _say(args: argparse.Namespace, found: Any, words: Callable[[], str]) -> None:
    print(json.dumps(found, indent=1, ensure_ascii=False) if args.json else words())
