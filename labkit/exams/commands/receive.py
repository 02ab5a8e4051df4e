"""``labkit exam receive``: run the service that receives submissions, prepare it, or add time."""

from __future__ import annotations

import argparse
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError
from labkit.core.tables import format_table
from labkit.course.commands.types import count
from labkit.exams.commands.password import asked, given

if TYPE_CHECKING:
    from labkit.exams.receiving import Receiving

__all__ = ["add_arguments", "run"]

_VARIABLE = "LABKIT_RECEIVING_PASSWORD"
_LAST_WORDS = 2.0  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("examiner", type=Path, metavar="EXAMINER", help="the examiner's folder")
    parser.add_argument(
        "--prepare", action="store_true", help="make the key of the service, before the first form"
    )
    parser.add_argument("--url", metavar="URL", help="with --prepare: its address, as candidates reach it")
    parser.add_argument("--list", action="store_true", help="say what arrived, and what did not yet")
    parser.add_argument("--extend", nargs="*", metavar="SESSION", help="add time to these sittings")
    parser.add_argument(
        "--all", action="store_true", help="with --extend: to every sitting that is under way"
    )
    parser.add_argument("--minutes", type=count, metavar="N", help="how much time")
    parser.add_argument("--reason", metavar="TEXT", help="why; candidates read it")
    parser.add_argument("--by", metavar="NAME", help="who decided it")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1: this machine alone)")
    parser.add_argument("--port", type=int, default=8870, metavar="N", help="(8870)")
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="certificate for TLS, with its chain (PEM)"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="key of the certificate (PEM)")
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        help="a proxy on this machine takes HTTPS and passes it on to here",
    )
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"for a sealed key; {_VARIABLE} or the keyboard without it",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Prepare, add time, say what arrived, or receive until it is stopped."""
    from labkit.exams.receiving import Receiving

    if args.prepare:
        return _prepare(args)
    receiving = Receiving(args.examiner)
    if args.extend is not None or args.all:
        return _extend(args, receiving)
    if args.list:
        return _list(args, receiving)
    from labkit.exams.receiving.serving import Place, serve

    place = Place(args.host, args.port, args.certificate, args.key, args.behind_proxy)
    place.insist()
    keys = receiving.keys(_password(args, receiving))
    with _voice() as tell:
        serve(receiving, keys, place, tell)
    return 0


@contextmanager
def _voice() -> Iterator[Callable[[str], None]]:
    """Give a function that prints a line, in a thread of its own.

    Whoever holds the window that it prints to, or closed it, has not stopped the exam.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def print_all() -> None:
        while (line := lines.get()) is not None:
            with suppress(OSError):
                print(line, flush=True)

    thread = threading.Thread(target=print_all, name="printing", daemon=True)
    thread.start()
    try:
        yield lines.put
    finally:
        lines.put(None)
        thread.join(_LAST_WORDS)


def _prepare(args: argparse.Namespace) -> int:
    from labkit.exams.receiving import Receiving

    if not args.url:
        raise InvalidInputError(
            "expected --url ADDRESS with --prepare, such as https://exam.example.org:8870"
        )
    if not (args.examiner / "examiner.json").is_file():
        raise InvalidInputError(f"{args.examiner} is no folder of an examiner; see labkit exam examiner")
    receiving = Receiving.prepare(args.examiner, args.url, given(args.password_file, _VARIABLE))
    about = {
        "url": receiving.receiver.url,
        "public_key": receiving.receiver.public_key,
        "sealed": receiving.is_sealed,
    }
    if args.json:
        print(json.dumps(about, indent=1))
        return 0
    print(f"Forms that are opened from now on name {about['url']} and the key {about['public_key']}.")
    print(f"Run it with: labkit exam receive {args.examiner}")
    return 0


def _list(args: argparse.Namespace, receiving: Receiving) -> int:
    from labkit.exams.form import GRACE, parse_time, said_time
    from labkit.exams.receiving.agreement import due_at

    arrivals = receiving.arrivals()
    rows = []
    for each in receiving.sessions():
        files = arrivals.files(each.session)
        first = files[0].payload if files else {}
        due = due_at(each.deadline, arrivals.minutes(each.session))
        row = {
            "session": each.session,
            "owner": each.owner,
            "due": said_time(due),
            "received": first.get("announced_at"),
            # Time may have been added since its receipt was written.
            "late": parse_time(first["announced_at"]) > due + GRACE if first else None,
            "set_aside": max(0, len(files) - 1),
        }
        rows.append(row)
    if args.json:
        told = {"entries": len(arrivals.lines), "head": arrivals.head, "sittings": rows}
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return 0
    words: dict[Any, str] = {None: "", True: "yes", False: "no"}
    shown = [
        [*list(row.values())[:3], row["received"] or "", words[row["late"]], row["set_aside"]] for row in rows
    ]
    print(format_table(["session", "owner", "due", "received", "late", "set aside"], shown))
    print(f"\n{len(arrivals.lines)} entries, head {arrivals.head}")
    return 0


def _extend(args: argparse.Namespace, receiving: Receiving) -> int:
    from labkit.exams.receiving.extending import extend

    if not (args.minutes and args.reason and args.by) or bool(args.extend) == args.all:
        raise InvalidInputError(
            "expected --extend SESSION, or --extend --all, with --minutes, --reason and --by"
        )
    keys = receiving.keys(_password(args, receiving))
    line = extend(
        receiving,
        keys,
        args.extend or None,
        args.minutes,
        reason=args.reason,
        by=args.by,
        now=datetime.now(UTC),
    )
    about = line.payload
    if args.json:
        print(json.dumps(line.as_json(), indent=1))
        return 0
    count = len(about["sessions"])
    sittings = "1 sitting" if count == 1 else f"{count} sittings"
    print(f"{about['minutes']} minutes were added to {sittings}: {about['reason']}")
    print("\n".join(f"  {session}" for session in about["sessions"]))
    return 0


def _password(args: argparse.Namespace, receiving: Receiving) -> str | None:
    if not receiving.is_sealed:
        return None
    return given(args.password_file, _VARIABLE) or asked("Password of the service's key: ", _VARIABLE)
