"""How far one comes by the surface of the options, without reading what they say.

Habits that are too small to be found one by one add up.  So a conditional logit (McFadden,
"Conditional Logit Analysis of Qualitative Choice Behavior", 1973, one Newton step from zero, which is a
ridge regression) learns from nine tenths of the items how the cues of an option go with being right,
and guesses in the rest.  Whoever has studied a practice pool may do as well in an exam.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.course.quiz import Item, Part
from labkit.exams.bank.cues import CUES, single_questions

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Guesses", "guess"]

FOLDS, ROUNDS = 10, 10
"""Parts into which the items fall, and how often they do so anew; counted is the mean."""

RIDGE = 30.0
"""Penalty on the squared weights of the standardised cues."""

SHUFFLES = 500
"""So many keys are drawn by lot, to see how far chance comes."""

SELDOM = 0.01
"""Too many are guessed where this share of the keys drawn by lot, or less, lets guess as many."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """What guessing by the surface came to.

    Attributes
    ----------
    right, asked : int
        Questions with one right answer that were guessed, and how many there are.
    chance : float
        Mean share that was guessed where the key was drawn by lot.
    limit : int
        So many or more were guessed with one in a hundred of the keys drawn by lot, or fewer.
    """

    right: int
    asked: int
    chance: float
    limit: int

    def __str__(self) -> str:
        share = self.right / max(self.asked, 1)
        return (
            f"by the surface alone {self.right} of {self.asked} questions are guessed "
            f"({share:.1%}; by chance {self.chance:.1%}, too many from {self.limit})"
        )


def guess(items: Iterable[Item], seed: int = 0) -> Guesses:
    """Learn the look of right options from nine tenths of the items, and guess in the rest.

    Parameters
    ----------
    items : iterable of Item
        Their questions with one right answer are taken; those of one item stay together.
    seed : int
        Of the parts into which the items fall, and of the keys drawn by lot.

    Returns
    -------
    Guesses
    """
    import numpy as np

    held = [(place, each) for place, item in enumerate(items) for each in single_questions(item)]
    if not held:
        return Guesses(0, 0, 0.0, 1)
    lots, parts = (np.random.default_rng([seed, stream]) for stream in range(2))
    looks, there = _looks([each for _, each in held])
    keys = np.column_stack(
        [
            [part.right[0] for _, (_, part) in held],
            lots.integers(0, there.sum(axis=1)[:, None], size=(len(held), SHUFFLES)),
        ]
    )
    owner = np.array([place for place, _ in held])
    won = np.zeros(1 + SHUFFLES)
    for _ in range(ROUNDS):
        fold = parts.permutation(owner.max() + 1)[owner] % FOLDS
        for part in range(FOLDS):
            known, new = fold != part, fold == part
            weights = _learned(looks[known], there[known], keys[known])
            won += _won(looks[new], there[new], keys[new], weights) / ROUNDS
    limit = int(np.quantile(won[1:], 1 - SELDOM, method="higher") + 1)
    return Guesses(round(float(won[0])), len(held), float(won[1:].mean() / len(held)), limit)


def _looks(asked: list[tuple[str, Part]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return cues of shape (questions, options, cues), and which options there are.

    The mean over the options of a question is taken off, as only what tells them apart may count.
    """
    import numpy as np

    most = max(len(part.options) for _, part in asked)
    looks, there = np.zeros((len(asked), most, len(CUES))), np.zeros((len(asked), most), dtype=bool)
    for row, (question, part) in enumerate(asked):
        own = np.array([[cue(question, option.text) for cue in CUES.values()] for option in part.options])
        looks[row, : len(own)], there[row, : len(own)] = own - own.mean(axis=0), True
    return looks / (looks[there].std(axis=0) + 1e-9), there


def _learned(looks: NDArray[Any], there: NDArray[Any], keys: NDArray[Any]) -> NDArray[Any]:
    """Return weights of shape (cues, keys): one Newton step of the penalised conditional logit."""
    import numpy as np

    slope = looks[np.arange(len(looks))[:, None], keys].sum(axis=0)
    shares = there / there.sum(axis=1, keepdims=True)
    spread = np.einsum("qo,qoc,qod->cd", shares, looks, looks, optimize=True)
    weights: NDArray[Any] = np.linalg.solve(spread + RIDGE * np.eye(len(spread)), slope.T)
    return weights


def _won(looks: NDArray[Any], there: NDArray[Any], keys: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return how many guesses are right with each key; options that look alike share a guess."""
    import numpy as np

    scores = np.where(there[:, :, None], looks @ weights, -np.inf)
    best = scores >= scores.max(axis=1, keepdims=True) - 1e-9
    hit = np.take_along_axis(best, keys[:, None, :], axis=1)[:, 0, :]
    won: NDArray[Any] = (hit / best.sum(axis=1)).sum(axis=0)
    return won
