"""What a class learned in the governance quiz, by domain, from the tests before and after."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from labkit.classroom.gains import ClassGain
from labkit.classroom.seats import Seat
from labkit.course.events import Event
from labkit.course.quiz import Forms, Gain, bank, gains, given_answers
from labkit.course.quiz.answers import PLACE, since_reset

__all__ = ["quiz_gains", "quiz_results"]


def quiz_results(seats: Sequence[Seat], events: Iterable[Event]) -> Mapping[str, Mapping[str, Gain]]:
    """Return the gains of everybody who began the quiz: by participant, then by domain and ``"all"``.

    Parameters
    ----------
    seats : sequence of Seat
        Those in the room; events of others are passed over.
    events : iterable of Event
        Of any learner, oldest first.
    """
    of: dict[str, list[Event]] = {seat.id: [] for seat in seats}
    for event in events:
        if event.lab == PLACE and event.learner in of:
            of[event.learner].append(event)
    return {learner: found for learner, own in of.items() if (found := _own(own))}


def quiz_gains(results: Mapping[str, Mapping[str, Gain]]) -> Mapping[str, ClassGain]:
    """Return the gain of a class by domain, and under ``"all"``; over those who finished both tests."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for own in results.values():
        for domain, gain in own.items():
            if gain.before is not None and gain.after is not None:
                pairs.setdefault(domain, []).append((gain.before, gain.after))
    return {domain: _mean(found) for domain, found in pairs.items()}


def _own(events: Sequence[Event]) -> Mapping[str, Gain]:
    drawn = [event.payload for event in since_reset(events) if event.kind == "forms"]
    if not drawn:
        return {}
    forms = Forms(tuple(drawn[0]["pre"]), tuple(drawn[0]["post"]))
    return gains(given_answers(events), forms, bank())


def _mean(pairs: Sequence[tuple[float, float]]) -> ClassGain:
    before, after = (statistics.fmean(column) for column in zip(*pairs, strict=True))
    return ClassGain(len(pairs), before, after, None if before == 1 else (after - before) / (1 - before))
