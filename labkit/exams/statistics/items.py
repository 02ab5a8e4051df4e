"""What each question did: how hard, how well it tells candidates apart, who chose what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labkit.exams.statistics.intervals import Share, wilson
from labkit.exams.statistics.reliability import Matrix, as_scores
from labkit.exams.statistics.responses import Responses

__all__ = ["LIMITS", "Distractor", "QuestionStatistics", "corrected_point_biserial", "question_statistics"]

LIMITS: Mapping[str, float] = {"hard": 0.20, "easy": 0.95, "weak": 0.15, "unused": 0.05}
"""Conventions from which on a question is flagged for a person to look at; no verdicts."""

_FEWEST = 10
_FEWEST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Distractor:
    """One option of an item: who chose it, and how it goes with the rest of the score.

    ``text`` begins with the variant where an item has several.
    """

    text: str
    right: bool
    chosen: Share
    discrimination: float
    mean_rest: float


@dataclass(frozen=True, slots=True)
class QuestionStatistics:
    """Statistics of an item or a task.

    ``difficulty`` is the mean credit (so a low one is hard), ``discrimination`` the
    correlation with the rest of the score.
    """

    name: str
    domain: str
    difficulty: Share
    discrimination: float
    flags: tuple[str, ...]
    distractors: tuple[Distractor, ...] = ()


def corrected_point_biserial(scores: ArrayLike) -> Matrix:
    """Return each question's correlation with the sum of the others, ``(questions,)``.

    With the question left in its own total, every one would seem to go with it.

    Parameters
    ----------
    scores : array of shape ``(candidates, questions)``
        Without NaN; one that nobody scored differently on gets NaN.

    References
    ----------
    Henrysson, "Correction of Item-Total Correlations in Item Analysis", Psychometrika 1963.
    """
    table = as_scores(scores)
    total = table.sum(axis=1)
    return np.array([correlation(column, total - column) for column in table.T], dtype=float)


def question_statistics(responses: Responses) -> list[QuestionStatistics]:
    """Return the statistics of every question, with flags for a person to look at."""
    return [_one(responses, column) for column in range(len(responses.names))]


def option_text(reason: Mapping[str, Any]) -> str:
    """Return the text of an option, with the question of a scenario that it belongs to."""
    part = reason.get("part") or 0
    return f"{part + 1}. {reason.get('text')}" if part else str(reason.get("text"))


def correlation(x: Matrix, y: Matrix) -> float:
    """Return Pearson's correlation; NaN where one of the two is constant."""
    if x.size < 2:
        return math.nan
    dx, dy = x - x.mean(), y - y.mean()
    spread = math.sqrt(float(dx @ dx) * float(dy @ dy))
    # A spread of rounding alone is none.
    return math.nan if spread <= 1e-12 * x.size else float(dx @ dy) / spread


def _one(responses: Responses, column: int) -> QuestionStatistics:
    asked = ~np.isnan(responses.credit[:, column])
    credit, rest = responses.credit[asked, column], responses.rest(column)[asked]
    difficulty = wilson(float(credit.sum()), int(credit.size))
    discrimination = correlation(credit, rest)
    entries = [row[column] for row in responses.entries if row[column] is not None]
    distractors = _distractors(entries, rest)
    flags = (
        _flags(difficulty, discrimination, distractors) if credit.size >= _FEWEST else ("too few to tell",)
    )
    return QuestionStatistics(
        responses.names[column], responses.domains[column], difficulty, discrimination, flags, distractors
    )


def _distractors(entries: list[Any], rest: Matrix) -> tuple[Distractor, ...]:
    """Return who chose which option; options are known by their text, since their order is drawn."""
    options: dict[tuple[str, str], bool] = {}
    for entry in entries:
        for reason in entry.get("reasons") or ():
            options[_variant(entry), option_text(reason)] = bool(reason.get("right"))
    several = len({variant for variant, _ in options}) > 1
    found = []
    for (variant, text), right in options.items():
        shown = [position for position, entry in enumerate(entries) if _variant(entry) == variant]
        chosen = np.array([_chose(entries[position], text) for position in shown], dtype=float)
        theirs = rest[shown]
        found.append(
            Distractor(
                f"{variant}: {text}" if several else text,
                right,
                wilson(float(chosen.sum()), len(shown)),
                correlation(chosen, theirs),
                float(theirs[chosen > 0].mean()) if chosen.any() else math.nan,
            )
        )
    return tuple(found)


def _variant(entry: Mapping[str, Any]) -> str:
    return str(entry.get("variant") or "")


def _chose(entry: Mapping[str, Any], text: str) -> bool:
    reasons = entry.get("reasons") or ()
    return any(reason.get("given") is True for reason in reasons if option_text(reason) == text)


def _flags(difficulty: Share, discrimination: float, distractors: tuple[Distractor, ...]) -> tuple[str, ...]:
    unused = [
        each
        for each in distractors
        if not each.right and each.chosen.n >= _FEWEST_SHOWN and each.chosen.value < LIMITS["unused"]
    ]
    tempting = [
        each
        for each in distractors
        # Half a dozen people who chose it can go with anything.
        if not each.right and each.discrimination > 0.1 and each.chosen.value * each.chosen.n >= _FEWEST
    ]
    told = {
        "hard": difficulty.value < LIMITS["hard"],
        "easy": difficulty.value > LIMITS["easy"],
        "suspect the key": discrimination < 0,
        "weak": 0 <= discrimination < LIMITS["weak"],
        "distractor unused": bool(unused),
        "distractor draws the strong": bool(tempting),
    }
    return tuple(name for name, is_so in told.items() if is_so)
