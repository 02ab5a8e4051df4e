"""Who sits in the room, under the name they gave or under none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Seat", "anonymised"]


@dataclass(frozen=True, slots=True)
class Seat:
    """One participant, as the room knows them.

    Attributes
    ----------
    id : str
        What their events carry; never shown.
    name : str
        What they gave on entry.
    connected : bool
        Whether a page of theirs is open now.
    last_seen : float
        Seconds since the epoch; 0 when they never came.
    number : int
        What stands for the name where names are hidden.
    """

    id: str
    name: str
    connected: bool = False
    last_seen: float = 0.0
    number: int = 0


def anonymised(seats: Sequence[Seat]) -> tuple[Seat, ...]:
    """Return the seats as ``Participant 7`` and so on, by number.

    Numbers were drawn when people entered and stay with them, so nothing moves when somebody
    comes, and neither the time of arrival nor the alphabet can be read from them.
    """
    known = sorted(seats, key=lambda seat: (seat.number, seat.id))
    return tuple(replace(seat, name=f"Participant {seat.number}") for seat in known)
