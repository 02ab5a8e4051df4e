"""What the instructor says, and everything else that open pages are told as it happens."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labkit.course import ProgressLog
from labkit.course.events import Event
from labkit.course.gate import INSTRUCTOR
from labkit.server.room.people import People

__all__ = ["Bulletin", "Message"]

_SAID = "said"
_KEPT_MESSAGES = 100
_MOST_WAITING = 50  # news for one page
_QUIET = 15.0  # seconds, then a sign of life
_CURRENT = 2 * 3600.0  # seconds, after which nobody needs to be told any more


@dataclass(frozen=True, slots=True)
class Message:
    """Something the instructor said.

    Attributes
    ----------
    key : str
        Different for every message of every class.
    participant : str or None
        Whom it is for; None for everybody.
    lab : str or None
        The lab that it is about; None for all.
    to : str
        Whom it is for, in words.
    at : float
        Seconds since the epoch.
    """

    key: str
    text: str
    participant: str | None
    lab: str | None
    to: str
    at: float


class Bulletin:
    """Keeps what was said, and passes news on to open pages.

    Parameters
    ----------
    log : ProgressLog
        The log of the class.
    people : People
    clock : function
        Returns seconds since the epoch.
    """

    def __init__(self, log: ProgressLog, people: People, clock: Callable[[], float] = time.time) -> None:
        self._log, self._people, self._clock = log, people, clock
        self._listeners: dict[asyncio.Queue[dict[str, Any]], str] = {}
        self._messages: deque[Message] = deque(maxlen=_KEPT_MESSAGES)
        for event in log.events(kind=_SAID):
            self._remember(event)

    def push(self, text: str, *, participant: str | None = None, lab: str | None = None) -> None:
        """Say something to one participant, or to everybody (in a lab); whoever comes soon reads it then."""
        payload = {"text": text, "participant": participant, "to_lab": lab}
        message = self._remember(self._log.append(INSTRUCTOR, "", _SAID, payload))
        self.tell(participant, _as_news(message))

    def pushed(self) -> list[Message]:
        """Return what was said, newest last."""
        return list(self._messages)

    def messages_for(self, participant: str) -> list[dict[str, Any]]:
        """Return what was said to a participant of late, since they came, as their page takes it."""
        person = self._people.find(participant)
        since = max(person.since if person else 0.0, self._clock() - _CURRENT)
        return [
            _as_news(message)
            for message in self._messages
            if message.participant in (None, participant) and message.at >= since
        ]

    def tell(self, participant: str | None, news: dict[str, Any]) -> None:
        """Send news to the open pages of a participant, or of everybody."""
        for queue, who in self._listeners.items():
            if participant in (None, who) and not queue.full():
                queue.put_nowait(news)

    @contextmanager
    def listening(self, participant: str) -> Iterator[Callable[[], Awaitable[dict[str, Any] | None]]]:
        """Collect news for a participant inside the block, from its beginning.

        Yields
        ------
        function
            Waits for the next news; returns None now and then, when there are none.
        """
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=_MOST_WAITING)
        self._listeners[queue] = participant

        async def following() -> dict[str, Any] | None:
            try:
                return await asyncio.wait_for(queue.get(), timeout=_QUIET)
            except TimeoutError:
                return None

        try:
            yield following
        finally:
            del self._listeners[queue]

    def _remember(self, event: Event) -> Message:
        about = event.payload
        participant = about["participant"]
        person = self._people.find(participant) if participant else None
        to = "everybody" if participant is None else "somebody who left" if person is None else person.name
        message = Message(event.uid, about["text"], participant, about["to_lab"], to, event.time)
        self._messages.append(message)
        return message


def _as_news(message: Message) -> dict[str, Any]:
    return {
        "kind": "message",
        "key": message.key,
        "text": message.text,
        "lab": message.lab or "",
        "personal": message.participant is not None,
    }
