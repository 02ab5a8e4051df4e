"""A class that is being served: who is in it, what runs for whom, what the instructor does.

What has to outlive the server (people, messages, which labs are open) are events in the log
of the class; what is true only now (kernels, open pages) is kept in memory.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from labkit.classroom import ClassView, Seat
from labkit.core.errors import UnknownNameError
from labkit.course import ProgressLog, find_lab
from labkit.course.gate import DEMONSTRATION, LAB_STATES, lab_states, record_state
from labkit.course.quiz.answers import PLACE as QUIZ
from labkit.server.room.bulletin import Bulletin
from labkit.server.room.people import People

__all__ = ["Room"]

_OWN_KERNELS = 3  # of one participant: the newest stay
_LEAST_PEOPLE, _PEOPLE_FOR_A_PLACE = 100, 5  # who enters anew and anew must not fill the log


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

    Attributes
    ----------
    people : People
    bulletin : Bulletin
    view : ClassView
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
        self.people = People(log, secret, most=max(_LEAST_PEOPLE, _PEOPLE_FOR_A_PLACE * capacity))
        self.bulletin = Bulletin(log, self.people)
        self.view = ClassView(log)
        self._kernels: dict[str, tuple[str, str]] = {}
        self._open_pages: dict[str, int] = {}
        self._last_seen: dict[str, float] = {}

    # ------------------------------------------------------------ people

    def seats(self) -> list[Seat]:
        """Return everybody, with whether a page of theirs is open."""
        return [
            Seat(
                person.id,
                person.name,
                self.connected(person.id),
                self._last_seen.get(person.id, 0.0),
                person.number,
            )
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

    def labs_now(self) -> Counter[str]:
        """Return how many participants who are here have each lab in front of them: their newest."""
        newest = {owner: lab for owner, lab in self._kernels.values() if self.connected(owner)}
        newest.pop(DEMONSTRATION, None)
        return Counter(newest.values())

    def remove(self, participant: str) -> list[str]:
        """Take somebody out of the class, at once and for good; return their kernels, which have to go.

        Their cookie and their code open nothing from now on; what they did stays in the log.
        """
        self.bulletin.tell(participant, {"kind": "removed"})
        self.people.remove(participant)
        return self.kernels_of(participant)

    # ------------------------------------------------------------ kernels

    def owns(self, participant: str, kernel: str) -> bool:
        """Whether a kernel was started for this participant."""
        return kernel in self._kernels and self._kernels[kernel][0] == participant

    def started(self, participant: str, kernel: str, lab: str) -> list[str]:
        """Keep whose kernel it is; return those of theirs that must give way to it."""
        self._kernels[kernel] = (participant, lab)
        own = self.kernels_of(participant)
        too_many = min(len(own) - 1, self.taken - self.capacity)
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

    @property
    def taken(self) -> int:
        """How many places are taken; what the instructor shows takes none."""
        return sum(owner != DEMONSTRATION for owner, _ in self._kernels.values())

    def is_full(self, participant: str, coming: int = 0) -> bool:
        """Whether somebody who has nothing open yet finds no place, with so many labs about to open."""
        return not self.kernels_of(participant) and self.taken + coming >= self.capacity

    def known_kernels(self) -> list[str]:
        """Return every kernel that was started for somebody."""
        return list(self._kernels)

    # ------------------------------------------------------------ what the instructor does

    def lab_state(self, lab: str) -> str:
        """Return ``"open"``, ``"frozen"`` or ``"closed"``."""
        return lab_states(self.log).get(lab, "open")

    def restricted(self) -> dict[str, str]:
        """Return the state of every lab that is not open."""
        return {lab: state for lab, state in lab_states(self.log).items() if state != "open"}

    def set_lab_state(self, lab: str, state: str) -> None:
        """Open, freeze or close a lab for everybody, from now on and after a restart."""
        if state not in LAB_STATES:
            raise UnknownNameError("state of a lab", state, LAB_STATES)
        record_state(self.log, lab, state)
        self.bulletin.tell(None, {"kind": "state", "lab": lab, "title": find_lab(lab).title, "state": state})

    def reset(self, participant: str, lab: str | None = None) -> list[str]:
        """Begin a lab, the quiz (``"quiz"``) or everything anew for a participant.

        Returns
        -------
        list of str
            Their kernels that show what no longer counts, and have to go.
        """
        done = {event.lab for event in self.log.events(learner=participant)} - {""}
        for each in [lab] if lab else sorted(done):
            self.log.append(participant, each, "reset", {})
        title = "everything" if lab is None else "the quiz" if lab == QUIZ else find_lab(lab).title
        self.bulletin.tell(participant, {"kind": "reset", "title": title})
        # Any lab may show the quiz.
        return self.kernels_of(participant, None if lab == QUIZ else lab)
