"""What an evidence pack says about a session: setting, seed and measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.course.session import Session

__all__ = ["session_facts"]


def session_facts(session: Session) -> dict[str, Any]:
    """Return the facts that make the measurements of ``session`` repeatable, as JSON can hold them."""
    scenario = session.scenario
    return {
        "scenario": scenario.title,
        "dataset": scenario.dataset,
        "victim": scenario.victim,
        "threat_model": {"norm": scenario.norm, "epsilon": scenario.epsilon},
        "seed": session.seed,
        "checkpoints": _checks(session),
    }


def _checks(session: Session) -> dict[str, Any]:
    found = {}
    for checkpoint in session.lab.checkpoints:
        if attempts := session.attempts(checkpoint.id):
            last = attempts[-1]
            found[checkpoint.id] = {
                "title": checkpoint.title,
                "measured": last.measured,
                "target": str(checkpoint.target),
                "passed": last.passed,
                "attempts": len(attempts),
                "at": last.at,
            }
    return found
