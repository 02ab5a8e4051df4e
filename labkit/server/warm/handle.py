"""The server's end of one process that forks: the warm parent itself, or a branch of it."""

from __future__ import annotations

import base64
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from labkit.server.warm.process import ForkedProcess, GoneError
from labkit.server.warm.wire import Receiver, send

__all__ = ["Handle", "launched"]

_GRACE = 2.0  # seconds for a parent that was told to end


def launched(environment: Mapping[str, str]) -> Handle:
    """Start a warm parent with this environment; it imports first.

    Raises
    ------
    OSError
        When the system starts no process.
    """
    mine, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603
            # -P: the folder that the server was started in is nowhere to import from.
            [sys.executable, "-P", "-m", "labkit.server.warm.parent", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Handle(mine, process)


class Handle:
    """Asks one process for kernels; knows whether it is ready, and whether it lives.

    Parameters
    ----------
    control : socket.socket
        The server's end; closing it ends the process and its kernels.
    process : subprocess.Popen or None
        To be reaped; a branch is reaped by the warm parent.

    Attributes
    ----------
    settled : threading.Event
        Set as soon as the process is ready, or has ended without getting there.
    report : dict
        What it said of itself: ``seconds``, ``failed`` imports, ``threads``; ``refused`` when it failed.
    record : bytes
        What a preparation left for the server.
    """

    def __init__(self, control: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._control, self._process = control, process
        self._receiver = Receiver(control)
        self._lock = threading.Lock()
        self._over = False
        self.settled = threading.Event()
        self.report: dict[str, Any] = {}
        self.record = b""

    @property
    def ready(self) -> bool:
        """Whether it can fork."""
        return self.settled.is_set() and not self._over

    @property
    def alive(self) -> bool:
        """Whether the process is there, ready or not."""
        return not self._over

    @property
    def pid(self) -> int | None:
        """The number of the process; of a branch, None."""
        return self._process.pid if self._process else None

    def attend(self) -> None:
        """Wait until it is ready, and then until it ends; for a thread of its own."""
        try:
            said = self._receiver.line()
            if said is not None:
                self.record = base64.b64decode(said.pop("record", ""))
                self.report = said
                if said.get("ready") and said.get("threads") == 1:
                    self.settled.set()
                while self._receiver.line() is not None:
                    pass
        except (OSError, ValueError):
            pass
        finally:
            self._over = True
            self.settled.set()
            self.close()
            with self._lock:
                self._receiver.close()

    def fork(
        self, message: Mapping[str, Any], files: tuple[int, ...] = (), timeout: float = 15.0
    ) -> ForkedProcess:
        """Fork a kernel.

        Raises
        ------
        RefusedError
            When there is none; the message says why.
        """
        mine = self._ask({"op": "kernel", **message}, files)
        return ForkedProcess(mine, lambda: self.alive, timeout)

    def branch(self, name: str, call: str) -> Handle:
        """Fork a process that runs a preparation and then forks kernels itself."""
        return Handle(self._ask({"op": "branch", "name": name, "call": call}, ()))

    def retire(self) -> None:
        """Fork no more, and end with the last kernel."""
        with contextlib.suppress(OSError), self._lock:
            send(self._control, {"op": "retire", "files": 0})

    def close(self) -> None:
        """End the process and every kernel that it forked."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if self._process is not None:
            try:
                self._process.wait(timeout=_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _ask(self, message: dict[str, Any], files: tuple[int, ...]) -> socket.socket:
        mine, theirs = socket.socketpair()
        try:
            with self._lock, theirs:
                send(self._control, {**message, "files": 1 + len(files)}, (theirs.fileno(), *files))
        except OSError as error:
            mine.close()
            self._over = True
            raise GoneError(f"the warm parent has gone: {error.strerror}") from None
        return mine
