"""A process that ends with another one: when the far end of a socket closes, its group is killed.

Linux itself delivers the signal, so it reaches a process whose interpreter is busy in a single
long computation.  Where the system does not offer that, a thread waits for the same.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading

__all__ = ["cut", "tie", "untie"]

_SET_SIGNAL = 10  # F_SETSIG of fcntl(2), which Python does not name
_ASYNC = getattr(os, "O_ASYNC", 0o20000)


def tie(line: socket.socket, *, threads: bool) -> bool:
    """Kill this process and its group as soon as the far end of ``line`` closes.

    Parameters
    ----------
    line : socket.socket
        Nothing may arrive on it any more: whatever does, kills.
    threads : bool
        Whether a thread may do it where the system cannot.

    Returns
    -------
    bool
        Whether it is tied.
    """
    import fcntl  # here, since Windows has none

    try:
        fcntl.fcntl(line, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(line, _SET_SIGNAL, int(signal.SIGKILL))
        fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | _ASYNC)
    except OSError:
        if threads:
            threading.Thread(target=_watch, args=(line,), name="lifeline", daemon=True).start()
        return threads
    if cut(line):  # before it was tied
        _end()
    return True


def untie(line: socket.socket) -> None:
    """Let go of it again, so that it can be read."""
    import fcntl

    fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) & ~_ASYNC)


def cut(line: socket.socket) -> bool:
    """Whether the far end has closed, with nothing left to read."""
    try:
        return not line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _watch(line: socket.socket) -> None:
    while not cut(line):
        select.select([line], [], [])
    _end()


def _end() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
