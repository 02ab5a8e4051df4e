"""What can happen, and what it adds up to.

===========  =====================================================================
kind         payload
===========  =====================================================================
enrolled     ``seed``: the learner's own variant of every lab (``lab`` is empty)
opened       ``scenario``, ``seed``
checked      ``checkpoint``, ``scenario``, ``measured``, ``target``, ``passed``
hinted       ``checkpoint``, ``level``
offered      ``checkpoint``: the learner took the pre-filled step
solved       ``checkpoint``: the worked solution was shown
predicted    ``prediction``, ``value``, ``confidence`` (0 to 100)
outcome      ``prediction``, ``actual``, ``right``
recalled     ``position``, ``chosen``, ``right``
answered     ``form``, ``position``, ``chosen``, ``right``
evidence     ``name``
reset        nothing; what came before no longer counts
===========  =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labkit.course.lab import Lab

__all__ = ["Answer", "Attempt", "Event", "LabProgress", "Predicted", "fold"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; ``at`` is UTC in ISO 8601, ``uid`` is unique for all time."""

    uid: str
    at: str
    learner: str
    lab: str
    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def time(self) -> float:
        """Seconds since the epoch."""
        return datetime.fromisoformat(self.at).timestamp()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One check: when, what was measured (None: nothing could be), and whether it passed."""

    at: str
    measured: float | None
    passed: bool
    scenario: str = ""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction and, once it was looked at, what came out."""

    value: float | str
    confidence: float
    actual: float | str | None = None
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer to one question: positions of the options, and whether they were right."""

    chosen: tuple[int, ...]
    right: bool


@dataclass(frozen=True)
class LabProgress:
    """Where one learner stands in one lab, computed from the events since the last reset.

    Attributes
    ----------
    lab : str
        Id of the lab.
    checkpoints : int
        How many there are to pass.
    started, last : str or None
        When the first and the last event happened, ISO 8601.
    passed : frozenset of str
        Checkpoints that were passed, in any scenario; once passed stays passed.
    attempts : mapping of checkpoint to attempts
    hints : mapping of checkpoint to the highest level shown
    solved, offered : frozenset of str
        Checkpoints whose worked solution, or pre-filled step, was shown.
    predictions : mapping of prediction to :class:`Predicted`
    recalled : mapping of position to :class:`Answer`
    answered : mapping of (form, position) to :class:`Answer`
    evidence : tuple of str
        Names of what was added to the evidence pack.
    resets : int
    """

    lab: str
    checkpoints: int
    started: str | None = None
    last: str | None = None
    passed: frozenset[str] = frozenset()
    attempts: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict)
    hints: Mapping[str, int] = field(default_factory=dict)
    solved: frozenset[str] = frozenset()
    offered: frozenset[str] = frozenset()
    predictions: Mapping[str, Predicted] = field(default_factory=dict)
    recalled: Mapping[int, Answer] = field(default_factory=dict)
    answered: Mapping[tuple[str, int], Answer] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    resets: int = 0

    @property
    def fraction(self) -> float:
        """Share of the checkpoints that were passed, 0 to 1."""
        return len(self.passed) / self.checkpoints

    @property
    def finished(self) -> bool:
        return len(self.passed) == self.checkpoints

    def score(self, form: str) -> float | None:
        """Return the share of right answers in a form, ``"pre"`` or ``"post"``; None if none was given."""
        given = [answer.right for (of_form, _), answer in self.answered.items() if of_form == form]
        return sum(given) / len(given) if given else None

    @property
    def gain(self) -> float | None:
        """Normalised gain from pre to post, ``(post - pre) / (1 - pre)``; None where undefined."""
        before, after = self.score("pre"), self.score("post")
        return None if before is None or after is None or before == 1 else (after - before) / (1 - before)


# What the payload of each kind must hold to be counted; see the table at the top.
_NEEDED: Mapping[str, frozenset[str]] = {
    "opened": frozenset(),
    "checked": frozenset({"checkpoint", "measured", "passed"}),
    "hinted": frozenset({"checkpoint", "level"}),
    "offered": frozenset({"checkpoint"}),
    "solved": frozenset({"checkpoint"}),
    "predicted": frozenset({"prediction", "value", "confidence"}),
    "outcome": frozenset({"prediction", "actual", "right"}),
    "recalled": frozenset({"position", "chosen", "right"}),
    "answered": frozenset({"form", "position", "chosen", "right"}),
    "evidence": frozenset({"name"}),
    "reset": frozenset(),
}


def fold(lab: Lab, events: Iterable[Event]) -> LabProgress:
    """Return what ``events`` of one learner add up to in ``lab``.

    Events of other labs, of kinds that are not known here, and about checkpoints that the
    lab no longer has are passed over.
    """
    own = [event for event in events if event.lab == lab.id and _is_whole(event)]
    resets = [position for position, event in enumerate(own) if event.kind == "reset"]
    counted = own[resets[-1] + 1 :] if resets else own
    of: dict[str, list[Event]] = {}
    for event in counted:
        of.setdefault(event.kind, []).append(event)
    attempts = _attempts(lab, of.get("checked", []))
    return LabProgress(
        lab=lab.id,
        checkpoints=len(lab.checkpoints),
        started=counted[0].at if counted else None,
        last=counted[-1].at if counted else None,
        passed=frozenset(name for name, tried in attempts.items() if any(each.passed for each in tried)),
        attempts=attempts,
        hints=_hints(of.get("hinted", [])),
        solved=_checkpoints(of.get("solved", [])),
        offered=_checkpoints(of.get("offered", [])),
        predictions=_predictions(of.get("predicted", []), of.get("outcome", [])),
        recalled={event.payload["position"]: _answer(event) for event in of.get("recalled", [])},
        answered={
            (event.payload["form"], event.payload["position"]): _answer(event)
            for event in of.get("answered", [])
        },
        evidence=tuple(dict.fromkeys(event.payload["name"] for event in of.get("evidence", []))),
        resets=len(resets),
    )


def _is_whole(event: Event) -> bool:
    needed = _NEEDED.get(event.kind)
    return needed is not None and needed <= event.payload.keys()


def _attempts(lab: Lab, events: list[Event]) -> dict[str, tuple[Attempt, ...]]:
    known = {checkpoint.id for checkpoint in lab.checkpoints}
    found: dict[str, tuple[Attempt, ...]] = {}
    for event in events:
        name, about = event.payload["checkpoint"], event.payload
        if name in known:
            tried = Attempt(event.at, about["measured"], about["passed"], about.get("scenario", ""))
            found[name] = (*found.get(name, ()), tried)
    return found


def _hints(events: list[Event]) -> dict[str, int]:
    found: dict[str, int] = {}
    for event in events:
        name = event.payload["checkpoint"]
        found[name] = max(found.get(name, 0), event.payload["level"])
    return found


def _checkpoints(events: list[Event]) -> frozenset[str]:
    return frozenset(event.payload["checkpoint"] for event in events)


def _predictions(made: list[Event], outcomes: list[Event]) -> dict[str, Predicted]:
    seen = {event.payload["prediction"]: event.payload for event in outcomes}
    found = {}
    for event in made:
        about = event.payload
        came = seen.get(about["prediction"], {})
        found[about["prediction"]] = Predicted(
            about["value"], about["confidence"], came.get("actual"), came.get("right")
        )
    return found


def _answer(event: Event) -> Answer:
    return Answer(tuple(event.payload["chosen"]), event.payload["right"])
