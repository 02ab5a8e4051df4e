"""Sessions of nobody, which write nothing: one to rehearse a page with, one to record it.

Whatever would make a recorded page belong to somebody (a name, a seed, a case, an event) ends
in an error, and a lab whose page needs it is not recorded.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast

from labkit.core.errors import LabkitError
from labkit.course import Lab, Session
from labkit.course.events import Event
from labkit.course.progress import ProgressLog

__all__ = ["NeutralSession", "NotNeutralError", "Rehearsal"]


class NotNeutralError(LabkitError):
    """A page asked, while it was recorded, for something that differs between participants."""


class _NoLog:
    """A log that is empty and stays so; ``read`` counts who looked."""

    notice = None
    read = 0

    def keep(self, event: Event) -> NoReturn:
        raise NotNeutralError(f"the page recorded a {event.kind!r} event before anybody had opened it")

    def events(self, **_: object) -> list[Event]:
        self.read += 1
        return []


class _Forgetful(_NoLog):
    """A log that keeps nothing of what it is told."""

    def keep(self, event: Event) -> None:  # type: ignore[override]
        pass


class Rehearsal(Session):
    """A session like any other, with a variant, whose events are forgotten.

    Parameters
    ----------
    lab : Lab
    scenario : str or None
        Id of the scenario; None means the first.
    """

    def __init__(self, lab: Lab, scenario: str | None = None) -> None:
        log = cast("ProgressLog", _Forgetful())
        super().__init__(lab, scenario, learner="nobody", seed=0, log=log, opened=False)


class NeutralSession(Session):
    """A session that has nothing to say about a participant.

    Parameters
    ----------
    lab : Lab
    scenario : str or None
        Id of the scenario; None means the first.
    """

    _allowed = False  # while the session is made, its parts may be set and looked at

    def __init__(self, lab: Lab, scenario: str | None = None) -> None:
        self._allowed = True
        self._nothing = _NoLog()
        log = cast("ProgressLog", self._nothing)
        super().__init__(lab, scenario, learner="nobody", seed=0, log=log, opened=False)
        self._allowed = False

    @property
    def looked(self) -> int:
        """How often somebody asked what the learner has done."""
        return self._nothing.read

    def __getattribute__(self, name: str) -> Any:
        if name in _PERSONAL and not object.__getattribute__(self, "_allowed"):
            raise NotNeutralError(f"the page asked for the {name} of a participant before there was one")
        return super().__getattribute__(name)


_PERSONAL = frozenset({"learner", "seed", "case", "evidence_path"})
