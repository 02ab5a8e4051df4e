"""Which labs an instructor has frozen or closed: the last word in the log of the class counts."""

from __future__ import annotations

from labkit.core.errors import InvalidInputError
from labkit.course.progress import ProgressLog

__all__ = ["DEMONSTRATION", "INSTRUCTOR", "LAB_STATES", "lab_states", "record_state", "refuse_unless_open"]

INSTRUCTOR = "instructor"
"""Under this name stands what the instructor does; participants' ids never look like it."""

DEMONSTRATION = "demonstration"
"""Whoever shows a lab to the room: has no seat, and goes on while the class waits."""

LAB_STATES = ("open", "frozen", "closed")
_KIND = "lab state"

_REFUSED = {
    "frozen": "Your instructor has frozen this lab for a moment. Everything on the page stays; "
    "press the button again when it goes on.",
    "closed": "Your instructor has closed this lab. Everything on the page stays; checks are taken again "
    "when it is open.",
}


def record_state(log: ProgressLog, lab: str, state: str) -> None:
    """Keep that a lab is open, frozen or closed from now on."""
    log.append(INSTRUCTOR, lab, _KIND, {"state": state})


def lab_states(log: ProgressLog) -> dict[str, str]:
    """Return the state of every lab that an instructor ever set."""
    return {
        event.lab: str(event.payload.get("state")) for event in log.events(learner=INSTRUCTOR, kind=_KIND)
    }


def refuse_unless_open(log: ProgressLog, lab: str, learner: str) -> None:
    """Refuse a check or an answer of a participant while the instructor talks, and when the lab is over.

    Raises
    ------
    InvalidInputError
        When the lab is frozen or closed; nothing is recorded then.
    """
    if learner != DEMONSTRATION and (why := _REFUSED.get(lab_states(log).get(lab, "open"))):
        raise InvalidInputError(why)
