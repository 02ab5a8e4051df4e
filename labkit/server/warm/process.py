"""A forked kernel as the server sees it, with what jupyter_client asks of a ``Popen``."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable

from labkit.server.warm.wire import Receiver

__all__ = ["ForkedProcess", "GoneError", "RefusedError"]

_PAUSE = 0.01  # seconds between two looks


class RefusedError(RuntimeError):
    """The parent did not fork; the message says why."""


class GoneError(RefusedError):
    """The parent has died; another one may do it."""


class ForkedProcess:
    """One kernel, a child of the warm parent.

    Parameters
    ----------
    line : socket.socket
        The server's end of the lifeline; closing it kills the kernel and its group.
    parent_lives : function
        Whether somebody is there who will tell how the kernel ended.
    timeout : float
        Seconds until a kernel that does not report is given up.

    Raises
    ------
    RefusedError
        When there is no kernel.

    Attributes
    ----------
    pid : int
        Also the number of its process group and session.
    returncode : int or None
        As of :class:`subprocess.Popen`.  A kernel that a signal ended after its parent had
        died counts as killed, since nobody was there to hear by which.
    """

    stdin = stdout = stderr = None
    prepared = False  # whether it began with a prepared state

    def __init__(self, line: socket.socket, parent_lives: Callable[[], bool], timeout: float = 15.0) -> None:
        self._line, self._parent_lives = line, parent_lives
        self._receiver = Receiver(line)
        self.returncode: int | None = None
        line.settimeout(timeout)
        try:
            first = self._receiver.line()
        except OSError:
            first = {"refused": "it took too long"}
        if first is None:
            line.close()
            raise GoneError("the warm parent has died")
        if "pid" not in first:
            line.close()
            raise RefusedError(first.get("refused", "the kernel ended at once"))
        line.setblocking(False)
        self.pid: int = first["pid"]
        self._handle = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Return the exit code, or None while the kernel runs."""
        if self.returncode is None and self._gone():
            self._hear()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises
        ------
        subprocess.TimeoutExpired
            When the kernel still runs after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                assert timeout is not None  # noqa: S101 - there is no deadline otherwise
                raise subprocess.TimeoutExpired("kernel", timeout)
            time.sleep(_PAUSE)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel alone; one that has ended is left in peace."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def signal_group(self, number: int) -> None:
        """Send a signal to the kernel and to what it started."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _gone(self) -> bool:
        ended = select.poll()  # takes any number of open files; select does not
        ended.register(self._handle, select.POLLIN)
        return bool(ended.poll(0))

    def _hear(self) -> None:
        """Take down how it ended, and let its number go."""
        try:
            said = self._receiver.line()
        except OSError:  # nothing yet: the parent is about to tell, unless it has died as well
            if self._parent_lives():
                return
            said = None
        if said is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self.returncode = int(said["exit"]) if said else -signal.SIGKILL
        self._close()

    def _close(self) -> None:
        self._line.close()
        os.close(self._handle)
        self._handle = -1

    def __del__(self) -> None:
        if getattr(self, "_handle", -1) >= 0:
            self._close()
