"""The loop of the warm parent: wait for orders, fork, and tell how each kernel ended.

``serve`` returns only in a process that was just forked, with what that process is to be.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.server.warm.lifeline import cut
from labkit.server.warm.wire import Receiver, send

__all__ = ["Forker", "Order", "threads_of_this_process"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a process that was just forked is to be.

    Attributes
    ----------
    message : dict
        The request: ``op`` is ``"kernel"`` or ``"branch"``, and the rest belongs to it.
    line : socket.socket
        A kernel's lifeline, or the control socket of a branch.
    files : list of int
        What a kernel uses as standard output and standard error.
    """

    message: dict[str, Any]
    line: socket.socket
    files: list[int]


@dataclass(slots=True)
class _Child:
    pid: int
    ended: bool = False


def threads_of_this_process() -> int:
    """Return how many threads the operating system sees, Python's and others'."""
    return len(list(Path("/proc/self/task").iterdir()))


class Forker:
    """Forks for one server, whose end of ``control`` keeps it alive.

    Parameters
    ----------
    control : socket.socket
    """

    def __init__(self, control: socket.socket) -> None:
        self._receiver = Receiver(control)
        self._selector = selectors.DefaultSelector()
        self._control = control
        self._selector.register(control, selectors.EVENT_READ)
        self._children: dict[socket.socket, _Child] = {}
        self._branches: set[int] = set()
        self._retired = False
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (
            signal.SIGINT,
            signal.SIGHUP,
        ):  # they are for the server, which ends us in its own time
            signal.signal(number, signal.SIG_IGN)

    def serve(self) -> Order:
        """Fork until the server goes; return in each process that was forked."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                    self._look()
                elif key.fileobj is self._control:
                    order = self._obey()
                    if order is not None:
                        return order
                elif key.fileobj in self._children:
                    self._let_go(key.fileobj)

    # ------------------------------------------------------------------ orders

    def _obey(self) -> Order | None:
        """Take the orders that have come; an :class:`Order` is returned in a forked process only."""
        while True:
            message = self._receiver.line()
            if message is None:
                self._end()
            assert message is not None  # noqa: S101 - _end does not return
            if message["op"] == "retire":
                self._retired = True
                self._leave_when_idle()
                return None
            line, *files = self._receiver.files(message["files"])
            order = Order(message, socket.socket(fileno=line), files)
            if self._fork(order):
                return order
            if not self._receiver.waiting:
                return None

    def _fork(self, order: Order) -> bool:
        """Fork, and say whether this is the new process."""
        number = threads_of_this_process()
        pid = -1
        if number != 1:
            # A lock that another thread holds at the fork would be held for ever in the child.
            self._refuse(order, f"the warm parent has {number} threads")
        else:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
                pid = os.fork()
            except OSError as error:
                self._refuse(order, f"the system did not fork: {error.strerror}")
        if pid == 0:
            self._leave()
            return True
        for file in order.files:
            os.close(file)
        if pid < 0:
            order.line.close()
        elif order.message["op"] == "branch":
            order.line.close()
            self._branches.add(pid)
        else:
            self._children[order.line] = _Child(pid)
            self._selector.register(order.line, selectors.EVENT_READ)
        return False

    def _refuse(self, order: Order, why: str) -> None:
        with contextlib.suppress(OSError):
            send(order.line, {"refused": why})

    def _leave(self) -> None:
        """Close, in a forked process, everything that belongs to the parent alone."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._selector.close()
        self._receiver.close()
        for line in [*self._children, self._woken, self._wake]:
            line.close()

    # ------------------------------------------------------------------ ends

    def _look(self) -> None:
        """Tell the server which kernels have ended; each stays a zombie until it was heard."""
        for line, child in self._children.items():
            if child.ended:
                continue
            state = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is None:
                continue
            child.ended = True
            _kill_group(child.pid)  # what the kernel started ends with it
            code = state.si_status if state.si_code == os.CLD_EXITED else -state.si_status
            with contextlib.suppress(OSError):
                send(line, {"exit": code})
        for pid in list(self._branches):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._branches.discard(pid)

    def _let_go(self, line: socket.socket) -> None:
        """The server has closed a lifeline: the kernel's number may be used again."""
        if not cut(line):
            return
        child = self._children.pop(line)
        self._selector.unregister(line)
        if not child.ended:
            _kill_group(child.pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)
        line.close()
        self._leave_when_idle()

    def _leave_when_idle(self) -> None:
        if self._retired and not self._children:
            self._end()

    def _end(self) -> None:
        """The server has gone; nothing of it may stay."""
        for child in self._children.values():
            if not child.ended:
                _kill_group(child.pid)
        os._exit(0)


def _kill_group(pid: int) -> None:
    """Kill a kernel that nobody has reaped yet, and whatever shares its group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
