"""Add time to sittings that are under way, because something happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.exams.receiving.agreement import due_at
from labkit.exams.receiving.arrivals import Arrivals, Line
from labkit.exams.receiving.folder import Receiving
from labkit.exams.signing import Keys

__all__ = ["extend"]

_MOST = 480
_LONGEST = 200


def extend(
    receiving: Receiving,
    keys: Keys,
    sessions: Sequence[str] | None,
    minutes: int,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Line:
    """Write down that time was added, and to whom.

    Parameters
    ----------
    receiving : Receiving
    keys : Keys
    sessions : sequence of str or None
        None is every sitting that is under way and has sent nothing yet.
    minutes : int
    reason, by : str
        Why, which candidates read, and who decided it.
    now : datetime

    Raises
    ------
    UnknownNameError
        When a sitting is not known.
    InvalidInputError
        When no sitting is under way, or the minutes or the words will not do.
    """
    if not 1 <= minutes <= _MOST:
        raise InvalidInputError(f"expected 1 to {_MOST} minutes, got {minutes}")
    reason, by = (" ".join(text.split()) for text in (reason, by))
    for text in (reason, by):
        if not text or len(text) > _LONGEST or not text.isprintable():
            raise InvalidInputError(
                f"expected a reason and a name of at most {_LONGEST} characters, got {text!r:.220}"
            )
    arrivals = receiving.arrivals()
    with arrivals.held():
        chosen = _under_way(receiving, arrivals, now) if sessions is None else list(dict.fromkeys(sessions))
        for session in chosen:
            if receiving.find(session) is None:
                raise UnknownNameError("sitting of this service", session, ())
        if not chosen:
            raise InvalidInputError("no sitting is under way; name one that is over with --extend SESSION")
        about = {"sessions": chosen, "minutes": minutes, "reason": reason, "by": by}
        return arrivals.append(keys, "extended", about, now)


def _under_way(receiving: Receiving, arrivals: Arrivals, now: datetime) -> list[str]:
    found = []
    for each in receiving.sessions():
        until = due_at(each.deadline, arrivals.minutes(each.session))
        if each.runs(now, until) and arrivals.first(each.session) is None:
            found.append(each.session)
    return found
