"""A class that is being served: who is in it, what runs for whom, what the instructor said.

What has to outlive the server (people, messages, which labs are open) are events in the log
of the class; what is true only now (kernels, open pages) is kept in memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labkit.classroom import Seat
from labkit.core.errors import UnknownNameError
from labkit.course import ProgressLog, find_lab
from labkit.course.gate import INSTRUCTOR, LAB_STATES, lab_states, record_state
from labkit.server.room.people import People, Person

__all__ = ["Message", "Room"]

_SAID = "said"
_KEPT_MESSAGES = 100
_OWN_KERNELS = 3  # of one participant: the newest stay


@dataclass(frozen=True, slots=True)
class Message:
    """Something the instructor said: ``participant`` is None when it is for everybody."""

    id: int
    text: str
    participant: str | None
    lab: str | None
    to: str
    at: float


class Room:
    """One class on one server.

    Parameters
    ----------
    name : str
        What the class is called.
    log : ProgressLog
        The log of the class.
    secret : bytes
        Of this class alone: cookies, return codes and hidden names rest on it.
    board_token : str
        What opens the board.
    capacity : int
        Labs that may be open at once.
    join_code : str
        What participants must know to enter; empty when the address is enough.
    """

    def __init__(
        self,
        name: str,
        log: ProgressLog,
        secret: bytes,
        *,
        board_token: str,
        capacity: int,
        join_code: str = "",
    ) -> None:
        self.name, self.log, self.secret = name, log, secret
        self.board_token, self.capacity, self.join_code = board_token, capacity, join_code
        self.people = People(log, secret)
        self._kernels: dict[str, tuple[str, str]] = {}
        self._open_pages: dict[str, int] = {}
        self._last_seen: dict[str, float] = {}
        self._listeners: dict[asyncio.Queue[dict[str, Any]], str] = {}
        self._messages: deque[Message] = deque(maxlen=_KEPT_MESSAGES)
        self._next_message = 1
        for event in log.events(kind=_SAID):
            self._remember(event.payload, event.time)

    # ------------------------------------------------------------ people

    def seats(self) -> list[Seat]:
        """Return everybody, with whether a page of theirs is open."""
        return [
            Seat(person.id, person.name, self.connected(person.id), self._last_seen.get(person.id, 0.0))
            for person in self.people.everybody()
        ]

    def connected(self, participant: str) -> bool:
        """Whether a page of theirs is open."""
        return self._open_pages.get(participant, 0) > 0

    @contextmanager
    def present(self, participant: str) -> Iterator[None]:
        """Count a page of theirs as open inside the block."""
        self._open_pages[participant] = self._open_pages.get(participant, 0) + 1
        self.seen(participant)
        try:
            yield
        finally:
            self._open_pages[participant] -= 1
            self.seen(participant)

    def seen(self, participant: str) -> None:
        """Note that they did something just now."""
        self._last_seen[participant] = time.time()

    # ------------------------------------------------------------ kernels

    def owns(self, participant: str, kernel: str) -> bool:
        """Whether a kernel was started for this participant."""
        return kernel in self._kernels and self._kernels[kernel][0] == participant

    def started(self, participant: str, kernel: str, lab: str) -> list[str]:
        """Keep whose kernel it is; return those of theirs that must give way to it."""
        self._kernels[kernel] = (participant, lab)
        own = self.kernels_of(participant)
        too_many = min(len(own) - 1, len(self._kernels) - self.capacity)
        return own[: max(0, too_many, len(own) - _OWN_KERNELS)]

    def ended(self, kernel: str) -> None:
        """Forget a kernel that is gone."""
        self._kernels.pop(kernel, None)

    def kernels_of(self, participant: str, lab: str | None = None) -> list[str]:
        """Return the kernels of a participant, oldest first; of one lab when it is given."""
        return [
            kernel
            for kernel, (owner, of_lab) in self._kernels.items()
            if owner == participant and lab in (None, of_lab)
        ]

    def is_full(self, participant: str, coming: int = 0) -> bool:
        """Whether somebody who has nothing open yet finds no place, with so many labs about to open."""
        return not self.kernels_of(participant) and len(self._kernels) + coming >= self.capacity

    def known_kernels(self) -> list[str]:
        """Return every kernel that was started for somebody."""
        return list(self._kernels)

    # ------------------------------------------------------------ what the instructor does

    def lab_state(self, lab: str) -> str:
        """Return ``"open"``, ``"frozen"`` or ``"closed"``."""
        return lab_states(self.log).get(lab, "open")

    def set_lab_state(self, lab: str, state: str) -> None:
        """Open, freeze or close a lab for everybody, from now on and after a restart."""
        if state not in LAB_STATES:
            raise UnknownNameError("state of a lab", state, LAB_STATES)
        record_state(self.log, lab, state)
        self._tell(None, {"kind": "state", "lab": lab, "title": find_lab(lab).title, "state": state})

    def push(self, text: str, *, participant: str | None = None, lab: str | None = None) -> None:
        """Say something to one participant, or to everybody; whoever comes later reads it then."""
        payload = {"text": text, "participant": participant, "to_lab": lab}
        event = self.log.append(INSTRUCTOR, "", _SAID, payload)
        message = self._remember(payload, event.time)
        self._tell(participant, _as_news(message))

    def pushed(self) -> list[Message]:
        """Return what was said, newest last."""
        return list(self._messages)

    def messages_for(self, participant: str, after: int = 0) -> list[dict[str, Any]]:
        """Return what was said to a participant since they came, as their page takes it."""
        person = self.people.find(participant)
        since = person.since if person else 0.0
        return [
            _as_news(message)
            for message in self._messages
            if message.id > after and message.participant in (None, participant) and message.at >= since
        ]

    def reset(self, participant: str, lab: str | None = None) -> list[str]:
        """Begin a lab, or all, anew for a participant; return their kernels, which have to go."""
        labs = [lab] if lab else sorted({event.lab for event in self.log.events(learner=participant)} - {""})
        for each in labs:
            self.log.append(participant, each, "reset", {})
        kernels = self.kernels_of(participant, lab)
        self._tell(participant, {"kind": "reset", "lab": lab or ""})
        return kernels

    # ------------------------------------------------------------ live pages

    async def listen(self, participant: str) -> AsyncIterator[dict[str, Any] | None]:
        """Yield news for a participant as they come; None now and then, when there are none."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=50)
        self._listeners[queue] = participant
        try:
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), timeout=15)
                except TimeoutError:
                    yield None
        finally:
            del self._listeners[queue]

    def tell(self, participant: str | None, news: dict[str, Any]) -> None:
        """Send news to the open pages of a participant, or of everybody."""
        self._tell(participant, news)

    def _tell(self, participant: str | None, news: dict[str, Any]) -> None:
        for queue, who in self._listeners.items():
            if participant in (None, who) and not queue.full():
                queue.put_nowait(news)

    def _remember(self, payload: Any, at: float) -> Message:
        participant = payload["participant"]
        person: Person | None = self.people.find(participant) if participant else None
        message = Message(
            id=self._next_message,
            text=payload["text"],
            participant=participant,
            lab=payload["to_lab"],
            to=person.name if person else "everybody",
            at=at,
        )
        self._next_message += 1
        self._messages.append(message)
        return message


def _as_news(message: Message) -> dict[str, Any]:
    return {
        "kind": "message",
        "id": message.id,
        "text": message.text,
        "personal": message.participant is not None,
    }
