"""The victims that are trained while the participant reads, and how far they are."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass

__all__ = ["Trainer", "VictimState"]


@dataclass(frozen=True, slots=True)
class VictimState:
    """How far one victim is: ``waiting``, ``training``, ``ready`` or ``failed``; share from 0 to 1."""

    name: str
    state: str
    share: float


class Trainer:
    """A process of its own at low priority, and the last it said about each victim."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._states: dict[str, VictimState] = {}

    def start(self) -> None:
        """Start the process and listen to it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "labkit.server.training"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def stop(self) -> None:
        """End the process; what was finished is kept, and the rest is trained when it is needed."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()

    @property
    def states(self) -> list[VictimState]:
        """The victims, in the order of the labs; empty until the first was looked at."""
        return list(self._states.values())

    @property
    def summary(self) -> str:
        """One line for the catalogue; empty when there is nothing to wait for."""
        states = self.states
        ready = sum(each.state == "ready" for each in states)
        if not states or ready == len(states):
            return ""
        busy = next((each for each in states if each.state == "training"), None)
        doing = f"; {busy.name} is being trained, {busy.share:.0%}" if busy else ""
        return f"{ready} of {len(states)} models are ready{doing}. You can begin meanwhile."

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        for line in process.stdout:
            try:
                said = VictimState(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self._states[said.name] = said
        process.stdout.close()
        process.wait()
        # A process that ended early leaves nothing half said: what it did not finish is trained on demand.
        unfinished = [each for each in self.states if each.state in ("waiting", "training")]
        for each in unfinished:
            self._states[each.name] = VictimState(each.name, "failed", 0.0)
