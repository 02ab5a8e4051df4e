"""Answers that look shared, and times nobody needs: for a person to look at, never a verdict."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

import numpy as np

from labkit.exams.records.sheets import Sheet
from labkit.exams.statistics.items import option_text

__all__ = ["Hasty", "Pair", "answer_seconds", "impossible_times", "similar_pairs"]

Answer = tuple[str, str, str, bool]
"""Item, variant, what was answered, and whether that is right."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates whose answers are more alike than their scores explain.

    Attributes
    ----------
    first, second : str
        Sessions.
    shared_wrong : int
        Items on which both gave the same wrong answer to the same variant.
    expected : float
        How many that would be by chance among the items both got wrong, given how popular each
        wrong answer is.
    p : float
        Chance of so many or more, times the number of pairs that were compared.
    foreign : tuple of str
        Items with different variants where one's wrong answer is the right one of the other.
    """

    first: str
    second: str
    shared_wrong: int
    expected: float
    p: float
    foreign: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hasty:
    """A right answer that came sooner than one can read the question."""

    session: str
    item: str
    seconds: float


def similar_pairs(sheets: Sequence[Sheet], *, most_p: float = 0.01) -> list[Pair]:
    """Return the pairs of a cohort that a person should look at, the most alike first.

    Only items that both got wrong are compared: there, two candidates who know nothing of each
    other choose alike as often as any two of the cohort who erred.  The number of equal choices
    is then a sum of such chances (Poisson-binomial), and p is multiplied by the number of pairs.

    A popular misconception, a shared teacher or a flawed key make innocent pairs; who studied
    together learned the same mistakes.

    Parameters
    ----------
    sheets : sequence of Sheet
    most_p : float
        Corrected chance up to which a pair is reported; three foreign answers are reported
        whatever their chance.

    References
    ----------
    Bellezza & Bellezza, "Detection of Cheating on Multiple-Choice Tests by Using
    Error-Similarity Analysis", Teaching of Psychology 1989; here with each item's own chance.
    """
    answers = [
        {item: (variant, given, right) for item, variant, given, right in _answers(each)} for each in sheets
    ]
    popular = _popularity(answers)
    compared = max(1, len(sheets) * (len(sheets) - 1) // 2)
    found = []
    for i, j in combinations(range(len(sheets)), 2):
        pair = _compare(answers[i], answers[j], popular)
        p = min(1.0, pair[2] * compared)
        if (p <= most_p and pair[0] >= 3) or len(pair[3]) >= 3:
            first, second = sheets[i].content["session"], sheets[j].content["session"]
            found.append(Pair(first, second, pair[0], pair[1], p, pair[3]))
    return sorted(found, key=lambda pair: (-len(pair.foreign), pair.p))


def answer_seconds(log: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return how long each item took: from the entry before its first answer to that answer.

    Parameters
    ----------
    log : iterable of mapping
        Entries of a sitting's log, in order; the candidate's machine wrote the times.
    """
    found: dict[str, float] = {}
    before: datetime | None = None
    for entry in log:
        try:
            at = datetime.fromisoformat(str(entry.get("at")))
            taken = math.inf if before is None else (at - before).total_seconds()
        except (ValueError, TypeError):
            # A clock that cannot be read says nothing; the chain was checked when it was graded.
            continue
        before = at
        payload = entry.get("payload")
        if (
            entry.get("kind") == "answered"
            and isinstance(payload, Mapping)
            and payload.get("answer") is not None
        ):
            found.setdefault(str(payload.get("item")), taken)
    return found


def impossible_times(
    seconds: Mapping[str, Mapping[str, float]], sheets: Sequence[Sheet], *, least: float = 4.0
) -> list[Hasty]:
    """Return right answers that came within ``least`` seconds.

    Parameters
    ----------
    seconds : mapping of session to (item to seconds)
        From the entry before to the answer, as the candidate's machine wrote it: a hint.
    sheets : sequence of Sheet
    least : float
        Seconds that reading takes at least.
    """
    found = []
    for sheet in sheets:
        session = sheet.content["session"]
        for item, _, _, right in _answers(sheet):
            taken = seconds.get(session, {}).get(item, math.inf)
            if right and taken < least:
                found.append(Hasty(session, item, taken))
    return found


_COMPARED = ("single", "multiple", "scenario", "numeric")
"""Kinds whose sheet says which wrong answer was given; of pairs and orders it says which are right."""


def _answers(sheet: Sheet) -> list[Answer]:
    """Return what was answered to the items that were answered at all."""
    found = []
    for item in sheet.content["items"]:
        given = _given(item)
        if given is not None and item["kind"] in _COMPARED:
            found.append((item["id"], str(item.get("variant") or ""), given, float(item["credit"]) >= 1))
    return found


def _given(item: Mapping[str, Any]) -> str | None:
    """Return the answer by the texts of its options, since their order is drawn; None for none."""
    chosen = sorted(option_text(each) for each in item.get("reasons") or () if each.get("given") is True)
    if chosen:
        return json.dumps(chosen, ensure_ascii=False)
    answer = item.get("answer")
    return None if answer in (None, [], "", {}) else json.dumps(answer, ensure_ascii=False, sort_keys=True)


_Answers = Mapping[str, tuple[str, str, bool]]


def _popularity(answers: Sequence[_Answers]) -> dict[tuple[str, str], Counter[str]]:
    """Return how often each wrong answer was given, by item and variant."""
    popular: dict[tuple[str, str], Counter[str]] = {}
    for each in answers:
        for item, (variant, given, right) in each.items():
            if not right:
                popular.setdefault((item, variant), Counter())[given] += 1
    return popular


def _compare(
    mine: _Answers, theirs: _Answers, popular: Mapping[tuple[str, str], Counter[str]]
) -> tuple[int, float, float, tuple[str, ...]]:
    shared, chances, foreign = 0, [], []
    for item in mine.keys() & theirs.keys():
        (variant, given, right), (other, answer, is_right) = mine[item], theirs[item]
        if variant != other:
            if given == answer and right != is_right:
                foreign.append(item)
        elif not right and not is_right:
            wrong = popular[item, variant]
            chances.append(sum((count / wrong.total()) ** 2 for count in wrong.values()))
            shared += given == answer
    return shared, float(sum(chances)), _at_least(shared, chances), tuple(sorted(foreign))


def _at_least(count: int, chances: Sequence[float]) -> float:
    """Return the chance of ``count`` or more of independent events."""
    distribution = np.array([1.0])
    for chance in chances:
        distribution = np.convolve(distribution, (1 - chance, chance))
    return float(min(1.0, max(0.0, distribution[count:].sum())))
