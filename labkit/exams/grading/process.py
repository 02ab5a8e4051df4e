"""One grading process seen from outside: ask it, wait no longer than allowed, begin it anew."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import labkit
from labkit.core.errors import LabkitError

__all__ = ["GradingProcess", "GradingStopped"]

_START_SECONDS = 180.0
_MEMORY = 12 << 30

# Of the environment: a password that stands there is none of its business.
_TOLD = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
_TOLD += ("LABKIT_HOME", "LABKIT_DATA", "LABKIT_DATASETS", "LABKIT_NOTEBOOKS")
_MOST_LINE = 64 << 20
_TRIES_TO_OPEN = 2


class GradingStopped(LabkitError):
    """The process that graded ended, or took too long; ``slot`` is the task it was at."""

    def __init__(self, reason: str, slot: str | None) -> None:
        self.reason, self.slot = reason, slot
        super().__init__(reason)


class GradingProcess:
    """A grading process, started when it is first asked and again after it ended.

    Parameters
    ----------
    seconds : float
        How long one submission may take.
    """

    def __init__(self, seconds: float = 120.0) -> None:
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._errors: IO[bytes] | None = None
        self._late = False

    def grade(self, request: Mapping[str, Any], content: bytes | None = None) -> dict[str, Any]:
        """Return the result of a submission, whatever it does to the process.

        A task that ends the process, or its time, is left out and the rest is graded; the
        reason stands in the sheet.  When no task is to blame, the submission is refused.
        """
        asked = dict(request)
        if content is not None:
            asked["base64"] = base64.b64encode(content).decode()
        unmeasured: dict[str, str] = {}
        opened = 0
        while True:
            try:
                return self._ask({**asked, "unmeasured": unmeasured})
            except GradingStopped as stopped:
                opened += stopped.slot is None
                if stopped.slot is None and opened >= _TRIES_TO_OPEN:
                    return {"status": "failed", "session": None, "reasons": [stopped.reason]}
                if stopped.slot is not None:
                    unmeasured[stopped.slot] = f"not measured: {stopped.reason}"

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    # What was still to be written has nobody to read it.
                    with suppress(OSError):
                        pipe.close()
        if self._errors is not None:
            self._errors.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._process = self._folder = self._errors = None

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._running()
        timer = self._timer(self.seconds)
        slot = None
        try:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            while True:
                message = self._line()
                if message is None:
                    raise GradingStopped(self._ended(), slot)
                if "result" in message:
                    return message["result"]
                if "problem" in message:
                    return {"status": "failed", "session": None, "reasons": [message["problem"]]}
                slot = message["at"]
        finally:
            timer.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        # A folder of its own, empty: no file beside a submission is ever in its way.
        self._folder = tempfile.TemporaryDirectory(prefix="labkit-grader-")
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "labkit.exams.grading.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._folder.name,
            env=_environment(),
        )
        timer = self._timer(_START_SECONDS)
        try:
            if self._line() is None:
                raise GradingStopped(f"no grading process could be started: {self._ended()}", None)
        finally:
            timer.cancel()
        return self._process

    def _timer(self, seconds: float) -> threading.Timer:
        self._late = False
        process = self._process
        assert process is not None

        def stop() -> None:
            self._late = True
            process.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        return timer

    def _line(self) -> dict[str, Any] | None:
        """Return the next message; None when the process ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline(_MOST_LINE)
        return json.loads(line) if line.endswith(b"\n") else None

    def _ended(self) -> str:
        assert self._process is not None
        assert self._errors is not None
        if self._late:
            return f"it took longer than {self.seconds:g} s"
        status = self._process.wait()
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 400))
        said = self._errors.read().decode(errors="replace").strip()
        return f"the process that graded it ended with status {status}" + (f": {said}" if said else "")


def _environment() -> dict[str, str]:
    """Return what the process is told: where labkit is, and nothing that names a key."""
    kept = {name: os.environ[name] for name in _TOLD if name in os.environ}
    package = str(Path(labkit.__file__).resolve().parent.parent)
    return {
        **kept,
        "PYTHONPATH": package,
        "OMP_NUM_THREADS": "1",
        "LABKIT_GRADER_MEMORY": os.environ.get("LABKIT_GRADER_MEMORY", str(_MEMORY)),
    }
