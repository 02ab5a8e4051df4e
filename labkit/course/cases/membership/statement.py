"""The privacy statement: what a budget says, and what it does not, one choice a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.core.checks import size
from labkit.core.errors import InvalidInputError, UnknownNameError

__all__ = ["FIELDS", "Choice", "Field", "Verdict", "judge_statement"]

SLACK = 0.02
"""How far a stated figure may lie off the accountant's, as a share of it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a field may say, and why that is right or wrong."""

    key: str
    text: str
    why: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the statement."""

    key: str
    title: str
    choices: tuple[Choice, ...]

    def find(self, key: str) -> Choice:
        """Return the choice with this key."""
        found = next((each for each in self.choices if each.key == key), None)
        if found is None:
            raise UnknownNameError(f"choice for {self.key}", str(key), [each.key for each in self.choices])
        return found


FIELDS: tuple[Field, ...] = (
    Field(
        "unit",
        "What is protected",
        (
            Choice(
                "pixel",
                "every pixel of a form",
                "The clip bounds what a whole form adds: the form is what is hidden, and not a part of it.",
            ),
            Choice(
                "record",
                "one form",
                "Clipping is per form, and so is the sampling: one form is the unit.",
                right=True,
            ),
            Choice(
                "patient",
                "one patient, with all of their forms",
                "A patient who filled in five forms adds five clipped gradients, so their budget is larger. "
                "To protect patients, clip and sample by patient.",
            ),
            Choice(
                "clinic",
                "one clinic, with all of its patients",
                "A clinic adds hundreds of forms, and each of them has a budget of its own.",
            ),
        ),
    ),
    Field(
        "neighbours",
        "Neighbouring data sets",
        (
            Choice(
                "add_or_remove",
                "have one record more or less",
                "That is what accounting for Poisson samples assumes.",
                right=True,
            ),
            Choice(
                "replace",
                "have the same size, and one record is another",
                "Replacing is leaving out and putting in: the sum moves by twice the clip, so the same noise "
                "has a larger budget under this definition.",
            ),
            Choice(
                "any",
                "are any two data sets",
                "Then nothing could be learned at all. The promise is about neighbours only.",
            ),
        ),
    ),
    Field(
        "composition",
        "What epsilon covers",
        (
            Choice(
                "step",
                "one step of training",
                "The released weights come out of all steps. A budget adds up over them.",
            ),
            Choice(
                "training",
                "the whole training, all steps together",
                "The budget is that of everything that was computed from the records.",
                right=True,
            ),
            Choice(
                "query",
                "one question to the service",
                "The weights are protected already, so questions cost nothing more, however many there are.",
            ),
        ),
    ),
    Field(
        "delta",
        "What delta says",
        (
            Choice(
                "confidence",
                "the confidence of the measurement",
                "Epsilon and delta follow from the settings; nothing was estimated, so no confidence is due.",
            ),
            Choice(
                "share",
                "the share of records that the attack finds",
                "That is what an attack measures. Delta is a property of the training, whoever attacks.",
            ),
            Choice(
                "failure",
                "how far a probability may exceed epsilon's bound",
                "It is added to the bound, and has to lie far below 1 / records: with a delta of one over "
                "their number one could publish one record in full.",
                right=True,
            ),
        ),
    ),
    Field(
        "attacker",
        "Against whom it holds",
        (
            Choice(
                "tried",
                "against the attacks that were tried",
                "Then it would be a measurement. The bound holds for every attack, also for those to come.",
            ),
            Choice(
                "outsider",
                "against somebody who sees answers only",
                "The weights themselves are covered, and whatever is computed from them.",
            ),
            Choice(
                "anybody",
                "against anybody with the weights and all other records",
                "The definition assumes that all records but one are known.",
                right=True,
            ),
        ),
    ),
    Field(
        "not_covered",
        "What it does not promise",
        (
            Choice(
                "membership",
                "that nobody becomes sure who was in",
                "Exactly that is what is bounded: how much surer anybody may become of it.",
            ),
            Choice(
                "population",
                "silence on what holds for people in general",
                "A model that learns that smokers fall ill says so about smokers outside the data, too.",
                right=True,
            ),
            Choice(
                "nothing",
                "nothing is left out: all that is personal is safe",
                "No definition can promise that and leave anything to learn.",
            ),
        ),
    ),
    Field(
        "tuning",
        "Settings tried before",
        (
            Choice(
                "free",
                "cost nothing, because those models were thrown away",
                "What was chosen by looking at them depends on the records, and was not counted.",
            ),
            Choice(
                "not_counted",
                "are not in the figure, and are listed beside it",
                "Either they are accounted for, or the statement says that they are not.",
                right=True,
            ),
            Choice(
                "covered",
                "are covered by the same epsilon",
                "Each training has a budget of its own, and they add up.",
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which lines of a statement are wrong, and why.

    Attributes
    ----------
    right : int
        Lines that say what was proven, the figure among them.
    lines : int
    wrong : tuple of (str, str)
        Title of each wrong line, and why it is wrong.
    """

    right: int
    lines: int
    wrong: tuple[tuple[str, str], ...]

    @property
    def value(self) -> float:
        """Share of the lines that are right."""
        return self.right / self.lines


def judge_statement(statement: Mapping[str, Any], privacy_epsilon: float, spent: float) -> Verdict:
    """Hold a statement against what settings really buy.

    Parameters
    ----------
    statement : mapping
        For each key of ``FIELDS`` the key of a choice.
    privacy_epsilon : float
        What is stated.
    spent : float
        What the accountant says.

    Raises
    ------
    InvalidInputError
        When a line is missing or unknown, or the figure is none.
    """
    if not isinstance(statement, Mapping) or set(statement) != {field.key for field in FIELDS}:
        got = ", ".join(map(str, statement)) if isinstance(statement, Mapping) else type(statement).__name__
        raise InvalidInputError(
            f"expected one choice for each of {', '.join(field.key for field in FIELDS)}; got {got or 'none'}"
        )
    stated = size("privacy_epsilon", privacy_epsilon)
    wrong = []
    for field in FIELDS:
        chosen = field.find(statement[field.key])
        if not chosen.right:
            wrong.append((field.title, chosen.why))
    if stated < spent * (1 - SLACK):
        wrong.append(
            (
                "Epsilon",
                f"{stated:.2f} promises more than the settings keep by Rényi accounting: {spent:.2f}.",
            )
        )
    elif stated > spent * (1 + SLACK):
        wrong.append(
            (
                "Epsilon",
                f"{stated:.2f} is true and not what the settings buy: {spent:.2f} by Rényi accounting.",
            )
        )
    return Verdict(len(FIELDS) + 1 - len(wrong), len(FIELDS) + 1, tuple(wrong))
