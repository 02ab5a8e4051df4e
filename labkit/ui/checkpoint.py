"""The card of a checkpoint: what is asked, where one stands, help in small steps, own attempts."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from labkit.course import Checkpoint, Hint
from labkit.ui import plots
from labkit.ui.cards import say_value, status_badge
from labkit.ui.controls import button, output, panel, row
from labkit.ui.html import callout, card, details, escape
from labkit.ui.work import guarded, in_kernel

if TYPE_CHECKING:
    from labkit.ui.session import LabSession

__all__ = ["CheckpointCard", "say_goal"]


def say_goal(checkpoint: Checkpoint) -> str:
    """Return the target of a checkpoint in words."""
    side = "at least" if checkpoint.target.at_least is not None else "at most"
    name = checkpoint.metric.replace("_", " ")
    return f"{name} of {side} {say_value(checkpoint.target.threshold, checkpoint.unit)}"


class CheckpointCard:
    """What is asked, the hint ladder, the worked solution, and the timeline."""

    def __init__(self, lab: LabSession, checkpoint: Checkpoint) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.head, self.help, self.solution, self.timeline = output(), output(), output(), output()
        self.ask = button("Hint", self.hint, tip="One more step of help; there are four")
        self.show = button("Worked solution", self.solve, tip="Opens after your first attempt")
        self.clock = output()
        self.view = panel(
            self.head, row(self.ask, self.show, self.clock), self.help, self.solution, self.timeline
        )
        lab.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Bring status, buttons and timeline up to date."""
        attempts = self.lab.session.attempts(self.checkpoint.id)
        passed = any(attempt.passed for attempt in attempts)
        objective = self.lab.lab.find_objective(self.checkpoint.objective)
        body = (
            f"<p>{escape(objective.text)}</p>"
            f"<p><strong>Target:</strong> {escape(say_goal(self.checkpoint))}.</p>"
        )
        self.head.value = card(
            f"Checkpoint: {self.checkpoint.title}", body, level=3, aside=status_badge(passed, len(attempts))
        )
        self.show.disabled = not attempts
        self.ask.description = self._next_hint()
        self.timeline.value = self._draw(attempts)
        self._show_help()

    def hint(self) -> None:
        """Show the next rung of the ladder, or how long to think first."""
        with guarded(self.help):
            given = self.lab.session.hint(self.checkpoint.id)
            self._show_help()
            self.ask.description = self._next_hint()
            if given.text is None and given.wait_seconds > 0:
                self._count_down(given.wait_seconds)

    def solve(self) -> None:
        """Show the worked solution of the checkpoint."""
        with guarded(self.solution):
            code = self.lab.session.worked_solution(self.checkpoint.id)
            lines = f'<h4>Worked solution</h4><pre tabindex="0">{escape(code)}</pre>'
            self.solution.value = f'<div class="lk" role="status">{lines}</div>'

    def _next_hint(self) -> str:
        state = self.lab.session.hint_state(self.checkpoint.id)
        return f"Hint {state.level + 1} of {state.total}" if state.more else "All hints shown"

    def _show_help(self) -> None:
        shown = self.lab.session.hint_state(self.checkpoint.id).shown
        lines = "".join(map(_hint, shown))
        step = self.lab.session.offer(self.checkpoint.id)
        words = f"Take this step and go on from there: {step}"
        offered = callout("info", words, title="Three attempts, and not there yet.") if step else ""
        self.help.value = f'<div class="lk" role="status">{lines}</div>{offered}' if lines or offered else ""

    def _count_down(self, seconds: float) -> None:
        """Count down beside the button; only the end is announced, not every second."""
        self.ask.disabled = in_kernel()
        self.clock.value = _clock(seconds)
        if in_kernel():
            threading.Thread(target=self._tick, args=(time.monotonic() + seconds,), daemon=True).start()

    def _tick(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            self.clock.value = _clock(left)
            time.sleep(min(1.0, left))
        self.ask.disabled = False
        self.clock.value = '<span class="lk" role="status">The next hint is ready.</span>'

    def _draw(self, attempts: Any) -> str:
        attempts = [attempt for attempt in attempts if attempt.measured is not None]
        if not attempts:
            return ""
        target = self.checkpoint.target
        picture = plots.attempts(
            [a.measured for a in attempts],
            [a.passed for a in attempts],
            target.threshold,
            unit=self.checkpoint.unit,
            rising=target.at_least is not None,
        )
        return f'<div class="lk">{details(f"Your attempts: {len(attempts)}", picture.markup())}</div>'


def _hint(hint: Hint) -> str:
    head = f"<strong>{hint.level}, {escape(hint.kind)}:</strong>"
    return f'<div class="lk-hint">{head} {escape(hint.text)}</div>'


def _clock(seconds: float) -> str:
    return f'<span class="lk lk-muted">Think first: the next hint opens in {max(1, round(seconds))} s.</span>'
