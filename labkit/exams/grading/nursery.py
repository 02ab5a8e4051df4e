"""Where grading processes come from: one process imports what grading needs, and forks the others.

It has one thread and no key, and it never opens a submission: what is forked from it is as clean as
what is started anew, and is there in hundredths of a second instead of seconds.  Each process that
it forks hangs on a line of its own.  When the other end of a line is shut, that process is killed;
when the command that started the nursery goes, however it goes, all of them are.

``python -P -m labkit.exams.grading.nursery NUMBER`` is started by
:class:`labkit.exams.grading.starting.Nursery` with the number of a socket that it inherits.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from labkit.exams.grading.sheet import read_ahead
from labkit.exams.grading.worker import answer_requests, import_all

__all__ = ["main"]

_MOST_ORDER = 1 << 16
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def main() -> int:
    """Import, then fork whenever that is asked for, until the one who asks has gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    exam = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    import_all()
    if exam is not None:
        with contextlib.suppress(Exception):  # whoever measures with it will say what is wrong
            read_ahead(exam)
    gc.collect()
    gc.freeze()
    control.sendall(b"{}\n")
    return _Forker(control).serve()


class _Forker:
    """Forks for the process at the other end of ``control``."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lines: dict[socket.socket, int] = {}
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the command, which ends us in its own time
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def serve(self) -> int:
        """Serve until there is nobody to serve."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    order, files = _order(self._control)
                    if order is None:
                        return self._leave()
                    self._fork(order, files)
                elif key.fileobj is self._woken:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                elif (line := key.fileobj) in self._lines:
                    self._end(line)
            self._bury()

    def _fork(self, order: dict[str, Any], files: list[int]) -> None:
        line = socket.socket(fileno=files[0])
        pid, problem = -1, ""
        threads = len(list(Path("/proc/self/task").iterdir()))
        if threads != 1:
            # A lock that another thread holds at the fork would be held for ever in the child.
            problem = f"the nursery has {threads} threads"
        else:
            try:
                pid = os.fork()
            except OSError as error:
                problem = f"the system did not fork: {error.strerror}"
        if pid == 0:
            self._live(line, order["folder"], files[1:])
        for file in files[1:]:
            os.close(file)
        if problem:
            _tell(line, {"refused": problem})
            line.close()
            return
        _tell(line, {"pid": pid})
        self._lines[line] = pid
        self._selector.register(line, selectors.EVENT_READ)

    def _live(self, line: socket.socket, folder: str, files: list[int]) -> NoReturn:
        """Be a grading process, and end without taking apart what is shared with the others."""
        status = 1
        try:
            self._grow_up(line, folder, files)
            answer_requests()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _grow_up(self, line: socket.socket, folder: str, files: list[int]) -> None:
        """Take files and a folder of one's own, and let go of everything of the nursery."""
        nursery = os.getppid()
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != nursery:  # it has died in between
            os._exit(1)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for each in (line, self._control, self._woken, self._wake, *self._lines):
            each.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)

    def _bury(self) -> None:
        """Tell of those that have ended."""
        for line, pid in list(self._lines.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._drop(line, os.waitstatus_to_exitcode(status))

    def _end(self, line: socket.socket) -> None:
        """Kill what hangs on a line that was shut."""
        pid = self._lines[line]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._drop(line, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    def _drop(self, line: socket.socket, status: int) -> None:
        del self._lines[line]
        self._selector.unregister(line)
        _tell(line, {"status": status})
        line.close()

    def _leave(self) -> int:
        for line in list(self._lines):
            self._end(line)
        return 0


def _order(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    try:
        message, files, _, _ = socket.recv_fds(control, _MOST_ORDER, 4)
    except OSError:
        message, files = b"", []
    return (json.loads(message) if message else None), files


def _tell(line: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        line.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
