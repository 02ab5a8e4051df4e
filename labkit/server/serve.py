"""``labkit serve --class NAME``: one machine, a room of participants, and a board for the instructor."""

from __future__ import annotations

import argparse
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError
from labkit.server import launch

if TYPE_CHECKING:
    from labkit.server.room import Room

__all__ = ["add_arguments", "run"]

_LEAST_MEMORY = 200  # MB


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes: what ``labkit lab`` takes, and what a class needs."""
    parser.add_argument(
        "--class", dest="name", required=True, metavar="NAME", help="the class, such as autumn-2026"
    )
    parser.add_argument(
        "--capacity",
        type=int,
        metavar="LABS",
        help="labs that may be open at once (by default what the memory of this machine holds)",
    )
    parser.add_argument(
        "--code", action="store_true", help="ask participants for a short code that you show them"
    )
    parser.add_argument(
        "--pause-after",
        type=float,
        metavar="MINUTES",
        help="pause a lab in which nothing happens for so long (45); it goes on where it was",
    )
    parser.add_argument(
        "--memory",
        type=int,
        metavar="MB",
        help="memory that one lab may take (by default a quarter of the machine's, 500 to 2000)",
    )
    parser.add_argument(
        "--behind-proxy",
        default="",
        metavar="NAME",
        help="the name, such as labs.example.org, for which a proxy on this machine passes HTTPS on to here",
    )
    launch.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the class until it is stopped; a class that was served before goes on."""
    launch.port_of(args)
    _check(args)
    from labkit.server.keeping import memory_total, room_limits
    from labkit.server.room.opening import class_folder, open_room

    room = open_room(args.name, capacity=args.capacity, with_code=args.code)
    # From here on, progress and evidence of this process and of its kernels are those of the class.
    os.environ["LABKIT_DATA"] = str(class_folder(args.name))
    limits = room_limits(
        memory_total(),
        room.capacity,
        idle=None if args.pause_after is None else 60 * args.pause_after,
        memory=None if args.memory is None else 1_000_000 * args.memory,
    )
    return launch.serve(args, room, partial(_announcement, room), limits, args.behind_proxy)


def _check(args: argparse.Namespace) -> None:
    if args.pause_after is not None and not 0 < args.pause_after < 10_000:
        raise InvalidInputError(f"expected --pause-after in minutes, more than 0, got {args.pause_after:g}")
    if args.memory is not None and args.memory < _LEAST_MEMORY:
        raise InvalidInputError(
            f"expected --memory of {_LEAST_MEMORY} MB or more, got {args.memory}: a lab takes 60 to 250"
        )
    if not args.behind_proxy:
        return
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?", args.behind_proxy):
        raise InvalidInputError(
            "expected --behind-proxy with the name that stands in the address, in small letters, such as "
            f"labs.example.org; got {args.behind_proxy!r}"
        )
    if not launch.is_loopback(args.host):
        raise InvalidInputError(
            "expected no --host beside --behind-proxy: the server listens on this machine alone, so that "
            f"nobody can pass the proxy by; got {args.host!r}"
        )


def _announcement(room: Room, server: Any) -> list[str]:
    board = launch.address(server, room.board_token, path="board/enter")
    known = len(room.people)
    before = f", {known} participants so far" if known else ""
    lines = [
        f"The board of {room.name}{before}, for you alone: {board}",
        f"For participants: {launch.address(server, outside=True)}",
    ]
    if room.join_code:
        lines.append(f"Code of the class: {room.join_code}")
    if proxy := server.web_app.settings["labkit_proxy"]:
        lines.append(f"{proxy} has to pass HTTPS on to {server.ip}, port {server.port}.")
    elif launch.is_loopback(server.ip):
        lines.append("Only this machine can reach it. For a room: labkit serve --host 0.0.0.0 …")
    else:
        lines.append("The connection is not encrypted: use a network that you trust.")
    limits = server.web_app.settings["labkit_keeper"].limits
    lines.append(
        f"Up to {room.capacity} labs can be open at once, with {limits.memory // 1_000_000} MB for each; "
        f"one in which nothing happens for {limits.idle / 60:g} minutes is paused."
    )
    return lines
