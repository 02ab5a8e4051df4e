"""What is judged: a copy handed in as weights, and verdicts that the judge's own questions must bear out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit import models
from labkit.core.errors import InvalidInputError
from labkit.course.cases.extraction.case import SUSPECTS, ExtractionCase
from labkit.course.cases.extraction.dispute import judge_models, truth_of
from labkit.defenses.ownership import match_rates
from labkit.metrics import OwnershipTest, holm, ownership_test
from labkit.models import TorchClassifier

__all__ = ["LEVEL", "MOST_KEYS", "VERDICTS", "Judged", "copy_from", "flat", "judge_verdicts"]

VERDICTS = ("stolen", "independent")
LEVEL = 0.05
"""Level of the test of a suspect, after the adjustment for six of them."""
MOST_KEYS = 200


def copy_from(case: ExtractionCase, architecture: str, weights: Mapping[str, Tensor]) -> TorchClassifier:
    """Build a copy out of what was handed in, and nothing else: a name and tensors.

    Raises
    ------
    InvalidInputError
        When the weights do not fit the network, or are not finite.
    UnknownNameError
        When there is no such network.
    """
    if not isinstance(architecture, str) or not isinstance(weights, Mapping):
        raise InvalidInputError(
            "expected architecture as a name and weights as a mapping from names to tensors, got "
            f"{type(architecture).__name__} and {type(weights).__name__}: use stolen.parts()"
        )
    module = models.build(architecture, tuple(case.reader.input_shape), case.reader.classes)
    wanted = {name: tuple(part.shape) for name, part in module.state_dict().items()}
    given = {name: torch.as_tensor(part).detach() for name, part in weights.items()}
    shapes = {name: tuple(part.shape) for name, part in given.items()}
    if shapes != wanted:
        wrong = sorted(name for name in {*wanted, *shapes} if wanted.get(name) != shapes.get(name))
        raise InvalidInputError(f"expected weights of a {architecture}; wrong or missing: {', '.join(wrong)}")
    if not all(bool(part.isfinite().all()) for part in given.values()):
        raise InvalidInputError("expected finite weights, got NaN or infinity")
    module.load_state_dict({name: part.clone() for name, part in given.items()})
    return TorchClassifier(module.requires_grad_(False), tuple(case.reader.input_shape), case.reader.classes)


def flat(weights: Mapping[str, Tensor]) -> Tensor:
    """Return all weights in one row, in the order of their names: what a hand-in is known by."""
    return torch.cat([torch.as_tensor(weights[name]).detach().double().flatten() for name in sorted(weights)])


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge makes of six verdicts.

    Attributes
    ----------
    right : tuple of bool
        Which verdicts count as right: they name what is true, agree with the p-value that was handed
        in, and, where they say ``"stolen"``, are borne out by the judge's own test.
    tests : tuple of OwnershipTest
        The judge's test of each suspect on the keys, against independent models of its own.
    adjusted : tuple of float
        Their p-values, adjusted for six suspects.
    truth : tuple of bool
    unproven, contradicted : int
        True accusations that the keys do not bear out; verdicts that say the opposite of
        their own p-value.
    usable : int
        Keys to which the owner's model itself gives the answer; the others are not asked.
    chance : float
        What the judge's independent models reach on them, at most.
    """

    right: tuple[bool, ...]
    tests: tuple[OwnershipTest, ...]
    adjusted: tuple[float, ...]
    truth: tuple[bool, ...]
    unproven: int
    contradicted: int
    usable: int
    chance: float


def judge_verdicts(
    case: ExtractionCase, verdicts: Sequence[str], p_values: Sequence[float], x: Tensor, y: Tensor
) -> Judged:
    """Judge verdicts with their evidence.

    Parameters
    ----------
    case : ExtractionCase
    verdicts : sequence of str
        ``"stolen"`` or ``"independent"`` for each suspect, in their order.
    p_values : sequence of float
        What the participant found for each.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The keys that they rest on, from 1 to 200.

    Raises
    ------
    InvalidInputError
        When something is missing, of the wrong shape or not finite.
    """
    said, claimed = _words(verdicts), _numbers(p_values)
    keys, answers = _keys(case, x, y)
    own = case.own.model
    usable = own.logits(keys).argmax(1) == answers if len(keys) else torch.zeros(0, dtype=torch.bool)
    keys, answers = keys[usable], answers[usable]
    truth = truth_of(case)
    if len(keys):
        chance = _honest(max(match_rates(judge_models(case.scenario), keys, answers)), len(keys))
        tests = tuple(ownership_test(each.service, keys, answers, chance=chance) for each in case.suspects)
        adjusted = tuple(holm([test.p_value for test in tests]))
    else:
        chance, tests, adjusted = 1.0, (), (1.0,) * SUSPECTS
    right, unproven, contradicted = [], 0, 0
    for verdict, p_value, mine, stolen in zip(said, claimed, adjusted, truth, strict=True):
        accused = verdict == "stolen"
        agrees = accused == (p_value <= LEVEL)
        proven = not accused or mine <= LEVEL
        contradicted += not agrees
        unproven += accused and stolen and not proven
        right.append(accused == stolen and agrees and proven)
    return Judged(tuple(right), tests, adjusted, truth, unproven, contradicted, len(keys), chance)


def _honest(rate: float, keys: int) -> float:
    """Return a chance that no set of keys makes zero: a match rate of 0 of n is still up to 1 of n."""
    return max(rate, 1 / (keys + 1))


def _words(verdicts: Sequence[str]) -> list[str]:
    said = [str(word) for word in verdicts] if not isinstance(verdicts, str) else []
    if len(said) != SUSPECTS or not set(said) <= set(VERDICTS):
        raise InvalidInputError(f"expected {SUSPECTS} verdicts, each one of {VERDICTS}; got {verdicts!r}")
    return said


def _numbers(p_values: Sequence[float]) -> list[float]:
    try:
        found = [float(value) for value in p_values]
    except (TypeError, ValueError):
        found = []
    if len(found) != SUSPECTS or not all(math.isfinite(value) and 0 <= value <= 1 for value in found):
        raise InvalidInputError(f"expected {SUSPECTS} p-values from 0 to 1, got {p_values!r}")
    return found


def _keys(case: ExtractionCase, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    keys, answers, shape = torch.as_tensor(x), torch.as_tensor(y), tuple(case.own.model.input_shape)
    fits = keys.is_floating_point() and tuple(keys.shape[1:]) == shape and 1 <= len(keys) <= MOST_KEYS
    if not fits or answers.dtype != torch.int64 or answers.shape != keys.shape[:1]:
        raise InvalidInputError(
            f"expected 1 to {MOST_KEYS} keys of shape {shape} as floats and their answers as int64; got "
            f"{keys.dtype} {tuple(keys.shape)} and {answers.dtype} {tuple(answers.shape)}"
        )
    if not bool(keys.isfinite().all()):
        raise InvalidInputError("expected finite values in the keys, got NaN or infinity")
    return keys.detach().float().clamp(*case.own.model.bounds), answers
