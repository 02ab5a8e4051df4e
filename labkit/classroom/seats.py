"""Who sits in the room, under the name they gave or under none."""

from __future__ import annotations

import hashlib
import hmac
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
    """

    id: str
    name: str
    connected: bool = False
    last_seen: float = 0.0


def anonymised(seats: Sequence[Seat], secret: bytes) -> tuple[Seat, ...]:
    """Return the seats as ``Participant 1`` and so on, in an order that tells nothing.

    The order follows a keyed digest of the ids: it stays the same while the projector is on,
    and neither the time of arrival nor the alphabet can be read from it.
    """
    mixed = sorted(seats, key=lambda seat: hmac.new(secret, seat.id.encode(), hashlib.sha256).digest())
    return tuple(replace(seat, name=f"Participant {place}") for place, seat in enumerate(mixed, start=1))
