"""How a grading process comes to be: forked from a nursery where there is one, started anew elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

import labkit
from labkit.core.errors import LabkitError

__all__ = ["START_SECONDS", "ForkedProcess", "Nursery", "environment", "start"]

START_SECONDS = 180.0
_MEMORY = 8 << 30
_FORK_SECONDS = 30.0

# Of the environment: a password that stands there is none of its business.
_TOLD = (
    "PATH",
    "HOME",
    "LANG",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LABKIT_HOME",
    "LABKIT_DATA",
    "LABKIT_DATASETS",
    "LABKIT_NOTEBOOKS",
)


def environment() -> dict[str, str]:
    """Return what a grading process is told: where labkit is, and nothing that names a key.

    It keeps no trained model, so that nothing it did is read by another process.
    """
    kept = {name: os.environ[name] for name in _TOLD if name in os.environ}
    package = str(Path(labkit.__file__).resolve().parent.parent)
    return {
        **kept,
        "PYTHONPATH": package,
        "OMP_NUM_THREADS": "1",
        "LABKIT_KEEP": "no",
        "LABKIT_GRADER_MEMORY": os.environ.get("LABKIT_GRADER_MEMORY", str(_MEMORY)),
    }


def start(folder: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a grading process anew, in ``folder``; what it says of errors goes to ``errors``."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "labkit.exams.grading.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        cwd=folder,
        env=environment(),
    )


class RefusedError(LabkitError):
    """The nursery did not fork."""


class Nursery:
    """One process that has imported everything, and forks the others (see :mod:`.nursery`).

    It is started when it is first asked.  Where it cannot be had (elsewhere than on Linux, or when it
    does not start) processes are started anew, as without it.

    Parameters
    ----------
    exam : str, optional
        Folder of the frozen exam that will be graded: its tasks are read ahead.
    """

    def __init__(self, exam: str | None = None) -> None:
        self._exam = exam
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._useless = sys.platform != "linux"
        self._closed = False

    def process(self, folder: str, errors: IO[bytes]) -> subprocess.Popen[bytes] | ForkedProcess:
        """Return a new grading process in ``folder``: forked, or started anew."""
        try:
            return self._fork(folder, errors)
        except (RefusedError, OSError):
            if self._closed:
                raise
            return start(folder, errors)

    def close(self) -> None:
        """End the nursery, and with it every process that was forked from it."""
        with self._lock:
            self._closed = True
            self._end()

    def _fork(self, folder: str, errors: IO[bytes]) -> ForkedProcess:
        if self._closed or self._useless:
            raise RefusedError("there is no nursery")
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            line, far = socket.socketpair()
            ours.callback(line.close)
            theirs.callback(far.close)
            (requests, stdin), (stdout, answers) = os.pipe(), os.pipe()
            for stack, end in ((theirs, requests), (ours, stdin), (ours, stdout), (theirs, answers)):
                stack.callback(os.close, end)
            with self._lock:
                try:
                    order = json.dumps({"folder": folder}).encode()
                    files = [far.fileno(), requests, answers, errors.fileno()]
                    socket.send_fds(self._running(), [order], files)
                except OSError:
                    self._end()  # it has died: the next process has a new one
                    raise
            ours.pop_all()
        return ForkedProcess(line, os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"))

    def _running(self) -> socket.socket:
        if self._control is not None:
            return self._control
        self._folder = tempfile.TemporaryDirectory(prefix="labkit-nursery-")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        told = [str(theirs.fileno()), *([self._exam] if self._exam else [])]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves, and a folder of ours
                [sys.executable, "-P", "-m", "labkit.exams.grading.nursery", *told],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._folder.name,
                env=environment(),
                pass_fds=[theirs.fileno()],
            )
        self._control.settimeout(START_SECONDS)
        if not self._control.recv(64):
            self._useless = True
            self._end()
            raise RefusedError("no nursery could be started")
        return self._control

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(_FORK_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._folder is not None:
            self._folder.cleanup()
        self._control = self._process = self._folder = None


class ForkedProcess:
    """A process that was forked from a nursery, with what is asked of a ``Popen``.

    Parameters
    ----------
    line : socket.socket
        Our end of its line; shutting it kills the process.
    stdin, stdout : binary file
        Our ends of its pipes.

    Raises
    ------
    RefusedError
        When there is no process.

    Attributes
    ----------
    pid : int
    returncode : int or None
        As of :class:`subprocess.Popen`.
    lost : bool
        Whether it ended because its nursery did, and not by anything of its own.
    """

    def __init__(self, line: socket.socket, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self._line, self.stdin, self.stdout = line, stdin, stdout
        self._heard = b""
        self._lock = threading.Lock()
        self.returncode: int | None = None
        self.lost = False
        line.settimeout(_FORK_SECONDS)
        try:
            first = self._listen()
        except TimeoutError:
            first = {"refused": "it took too long"}
        if first is None or "pid" not in first:
            for each in (line, stdin, stdout):
                each.close()
            raise RefusedError((first or {}).get("refused", "the nursery has died"))
        self.pid: int = first["pid"]

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        with self._lock:
            if self.returncode is None:
                self._line.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    self._hear()
        return self.returncode

    def wait(self) -> int:
        """Wait for the end, and return the exit status."""
        with self._lock:
            if self.returncode is None:
                self._line.settimeout(None)
                self._hear()
        assert self.returncode is not None  # noqa: S101 - that is what it waited for
        return self.returncode

    def kill(self) -> None:
        """Have it killed; one that has ended is left in peace."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    def _hear(self) -> None:
        last = self._listen()
        self.lost = last is None
        self.returncode = -int(signal.SIGKILL) if last is None else int(last["status"])
        self._line.close()

    def _listen(self) -> dict[str, Any] | None:
        """Return the next message of the nursery; None when it has gone."""
        while b"\n" not in self._heard:
            try:
                more = self._line.recv(4096)
            except ConnectionError:
                more = b""
            if not more:
                return None
            self._heard += more
        message, _, self._heard = self._heard.partition(b"\n")
        return json.loads(message)
