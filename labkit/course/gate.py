"""Which labs an instructor has frozen or closed: the last word in the log of the class counts."""

from __future__ import annotations

from labkit.core.errors import InvalidInputError
from labkit.course.progress import ProgressLog

__all__ = ["INSTRUCTOR", "LAB_STATES", "lab_states", "record_state", "refuse_while_frozen"]

INSTRUCTOR = "instructor"
"""Under this name stands what the instructor does; participants' ids never look like it."""

LAB_STATES = ("open", "frozen", "closed")
_KIND = "lab state"


def record_state(log: ProgressLog, lab: str, state: str) -> None:
    """Keep that a lab is open, frozen or closed from now on."""
    log.append(INSTRUCTOR, lab, _KIND, {"state": state})


def lab_states(log: ProgressLog) -> dict[str, str]:
    """Return the state of every lab that an instructor ever set."""
    return {
        event.lab: str(event.payload.get("state")) for event in log.events(learner=INSTRUCTOR, kind=_KIND)
    }


def refuse_while_frozen(log: ProgressLog, lab: str) -> None:
    """Refuse a check while the instructor talks.

    Raises
    ------
    InvalidInputError
        When the lab is frozen; that is no attempt.
    """
    if lab_states(log).get(lab) == "frozen":
        raise InvalidInputError(
            "Your instructor has frozen this lab for a moment. Everything on the page stays; "
            "press the button again when it goes on."
        )
