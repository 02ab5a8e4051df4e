"""One grading process seen from outside: ask it, wait no longer than allowed, begin it anew."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from labkit.core.errors import LabkitError
from labkit.exams.grading.starting import START_SECONDS, Nursery, start

__all__ = ["GradingProcess", "StoppedError"]

_MOST_LINE = 64 << 20
_TRIES_TO_OPEN = 2


class StoppedError(LabkitError):
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
    nursery : Nursery, optional
        What forks it; without one it is started anew each time.
    """

    def __init__(self, seconds: float = 120.0, nursery: Nursery | None = None) -> None:
        self.seconds = seconds
        self._nursery = nursery
        self._child: _Child | None = None

    def grade(self, request: Mapping[str, Any], content: bytes | None = None) -> dict[str, Any]:
        """Return the result of a submission, whatever it does to the process.

        A task that ends the process, or its time, is left out and the rest is graded; the
        reason stands in the sheet.  When no task is to blame, the result says ``failed``.
        """
        asked = dict(request)
        if content is not None:
            asked["base64"] = base64.b64encode(content).decode()
        unmeasured: dict[str, str] = {}
        opened = 0
        while True:
            try:
                return self._ask({**asked, "unmeasured": unmeasured})
            except StoppedError as stopped:
                opened += stopped.slot is None
                if stopped.slot is None and opened >= _TRIES_TO_OPEN:
                    return _failed(stopped.reason)
                if stopped.slot is not None:
                    unmeasured[stopped.slot] = f"not measured: {stopped.reason}"

    def start(self) -> None:
        """Start the process, if it does not run, and wait until it is ready."""
        self._running()

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.close()
        self._child = None

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        child = self._running()
        slot = None
        with child.at_most(self.seconds):
            child.send(request)
            while (message := child.line()) is not None:
                if "result" in message:
                    return message["result"]
                if "problem" in message:
                    return _failed(message["problem"])
                slot = message["at"]
            stopped = StoppedError(child.ended(), slot)
            if child.lost:  # what ended with its nursery is not the fault of what it was at
                stopped.slot = None
        self.close()
        raise stopped

    def _running(self) -> _Child:
        if self._child is not None and self._child.process.poll() is None:
            return self._child
        self.close()
        self._child = _Child(self._nursery)
        with self._child.at_most(START_SECONDS):
            if self._child.line() is None:
                raise StoppedError(f"no grading process could be started: {self._child.ended()}", None)
        return self._child


class _Child:
    """The process itself, its pipes, and an empty folder: no file beside a submission is in its way."""

    def __init__(self, nursery: Nursery | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="labkit-grader-")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        self._allowed: float | None = None
        make = nursery.process if nursery is not None else start
        try:
            self.process = make(self._folder.name, self._errors)
        except BaseException:
            self._errors.close()
            self._folder.cleanup()
            raise

    @property
    def lost(self) -> bool:
        """Whether it ended because the process that forked it did."""
        return getattr(self.process, "lost", False)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a request; a process that is gone is noticed when it is listened to."""
        with suppress(BrokenPipeError):
            if self.process.stdin:
                self.process.stdin.write(json.dumps(message).encode() + b"\n")
                self.process.stdin.flush()

    def line(self) -> dict[str, Any] | None:
        """Return the next message; None when the process ended."""
        line = self.process.stdout.readline(_MOST_LINE) if self.process.stdout else b""
        return json.loads(line) if line.endswith(b"\n") else None

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Kill the process when what is done here takes longer."""

        def stop() -> None:
            self._allowed = seconds
            self.process.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def ended(self) -> str:
        """Return how the process ended."""
        # A process that was killed closes its pipes before it is gone; asked again meanwhile, it is silent.
        status = self.process.wait()
        if self._allowed is not None:
            return f"it took longer than {self._allowed:g} s"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 400))
        said = self._errors.read().decode(errors="replace").strip()
        return f"the process that graded it ended with status {status}" + (f": {said}" if said else "")

    def close(self) -> None:
        """Kill the process and leave nothing behind."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            # What was still to be written has nobody to read it.
            with suppress(OSError):
                if pipe:
                    pipe.close()
        self._errors.close()
        self._folder.cleanup()


def _failed(reason: str) -> dict[str, Any]:
    return {"status": "failed", "session": None, "reasons": [reason]}
