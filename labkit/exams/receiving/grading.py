"""What grading takes from the service: files with their owner, their time, and the time that was added."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit.exams.receiving.arrivals import Arrivals, Line
from labkit.exams.receiving.folder import Receiving

__all__ = ["Received", "received"]


@dataclass(frozen=True, slots=True)
class Received:
    """A file that the service received.

    Attributes
    ----------
    path : Path
    session, sha256, owner, at : str
        ``at`` is when its digest was announced: from then on nothing about it could change.
    added_minutes : int
        Time that was added to the sitting.
    counts : bool
        Whether it is the first of its sitting.
    """

    path: Path
    session: str
    sha256: str
    owner: str
    at: str
    added_minutes: int
    counts: bool


def received(receiving: Receiving) -> list[Received]:
    """Return what arrived, in the order of arrival.

    Raises
    ------
    IntegrityError
        When the arrivals were edited.
    """
    arrivals = receiving.arrivals()
    return [
        _received(receiving, arrivals, line) for line in arrivals.lines if line.entry["kind"] != "extended"
    ]


def _received(receiving: Receiving, arrivals: Arrivals, line: Line) -> Received:
    about = line.payload
    session, sha256 = about["session"], about["sha256"]
    return Received(
        path=receiving.path_of(session, sha256),
        session=session,
        sha256=sha256,
        owner=about["owner"],
        at=about["announced_at"],
        added_minutes=arrivals.minutes(session),
        counts=line.entry["kind"] == "received",
    )
