"""One participant's variant of the extraction lab, and what is measured on it.

The participant hands in weights, settings, verdicts and keys; the services with their meters, the
customers, the thieves that try a defence and the truth about the suspects come from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from labkit.attacks.extraction import imitate
from labkit.core import InvalidInputError, derive
from labkit.course.cases.extraction import records
from labkit.course.cases.extraction.case import ExtractionCase, extraction_case, reader_of, score_of
from labkit.course.cases.extraction.guarding import BARE, Guard, serve
from labkit.course.cases.extraction.judging import copy_from, flat, judge_verdicts
from labkit.course.cases.extraction.thieves import held_scans, strongest
from labkit.metrics import fidelity, ownership_test, parameter_error
from labkit.scoring import Measurement

make_case = extraction_case

FIDELITY_CEILING = 0.85  # the target of "shield"
THROTTLED = 0.01  # share of honest questions that a defence may refuse
_NOTHING = 1.0  # error of weights that no question was asked for

RECORDS = records.RECORDS


# ------------------------------------------------------------------ theft


def measure_parameter_error(case: ExtractionCase, weights: Tensor, bias: Tensor) -> Measurement:
    """Largest error of any weight of the loan score; 1 or more where its meter has counted no question."""
    true = score_of(case)
    found = (_row(weights, true.weights.shape, "weights"), _row(bias, true.bias.shape, "bias"))
    asked = case.score_account.settle(torch.cat([found[0].flatten(), found[1]]))
    error = parameter_error(found, (true.weights, true.bias))
    return Measurement(
        error if asked else max(error, _NOTHING),
        {
            "error": error,
            "asked": float(asked),
            "not_asked": float(asked == 0),
            "unknowns": float(true.weights.shape[1] + 1),
            "largest_weight": float(true.weights.abs().max()),
        },
    )


def measure_fidelity(case: ExtractionCase, architecture: str, weights: Mapping[str, Tensor]) -> Measurement:
    """Share of scans on which the copy reads what the service reads; 0 where its meter counted nothing."""
    copy = copy_from(case, architecture, weights)
    asked = case.reader_account.settle(flat(weights))
    rate = fidelity(reader_of(case), copy, held_scans(case))
    return Measurement(
        rate.value if asked else 0.0,
        {
            "agreement": rate.value,
            "low": rate.low,
            "high": rate.high,
            "asked": float(asked),
            "not_asked": float(asked == 0),
            "budget": float(case.query_budget),
        },
    )


# ------------------------------------------------------------------ defence and price


def measure_stolen_fidelity(
    case: ExtractionCase,
    level: str,
    rate_limit: int,
    detector: str,
    false_alarm_rate: float,
    strength: float,
) -> Measurement:
    """Fidelity of the judge's best thief; 1 while more than 1 % of the customers' questions are refused."""
    guard = Guard(level, strength, rate_limit, detector, false_alarm_rate)
    best, every = strongest(case, guard)
    served = serve(case, guard)
    affordable = served.throttled.value <= THROTTLED
    return Measurement(
        best.fidelity.value if affordable else 1.0,
        {
            "stolen": best.fidelity.value,
            "thief": best.thief,
            "answered": float(best.answered),
            "budget": float(case.query_budget),
            "weakest": min(each.fidelity.value for each in every),
            "bare": strongest(case, BARE)[0].fidelity.value,
            "throttled": served.throttled.value,
            "suspected": served.suspected.value,
            "affordable": float(affordable),
            "limit": float(guard.rate_limit),
            "watched": float(guard.detector != "none"),
            "level": guard.level,
        },
    )


def measure_price(
    case: ExtractionCase,
    level: str,
    rate_limit: int,
    detector: str,
    false_alarm_rate: float,
    strength: float,
) -> Measurement:
    """Share of the customers' right answers that the defence costs; 1 while it does not protect."""
    guard = Guard(level, strength, rate_limit, detector, false_alarm_rate)
    stolen, served = strongest(case, guard)[0].fidelity.value, serve(case, guard)
    holds = stolen <= FIDELITY_CEILING and served.throttled.value <= THROTTLED
    plain = serve(case, BARE)
    lost = max(0.0, 1 - served.right.value / plain.right.value)
    return Measurement(
        lost if holds else 1.0,
        {
            "stolen": stolen,
            "holds": float(holds),
            "throttled": served.throttled.value,
            "plain": plain.right.value,
            "right": served.right.value,
            "low": served.right.low,
            "high": served.right.high,
            "lost": lost,
            "level": guard.level,
        },
    )


# ------------------------------------------------------------------ the dispute


def measure_errors(
    case: ExtractionCase, verdicts: Sequence[str], p_values: Sequence[float], x_keys: Tensor, y_keys: Tensor
) -> Measurement:
    """Verdicts on the six suspects that are wrong, at odds with their p-value, or not borne out."""
    judged = judge_verdicts(case, verdicts, p_values, x_keys, y_keys)
    said = [word == "stolen" for word in verdicts]
    missed = sum(stolen and not accused for stolen, accused in zip(judged.truth, said, strict=True))
    framed = sum(accused and not stolen for stolen, accused in zip(judged.truth, said, strict=True))
    matches = [test.matches.value for test in judged.tests] or [0.0]
    copies = [p for p, stolen in zip(judged.adjusted, judged.truth, strict=True) if stolen]
    return Measurement(
        float(judged.right.count(False)),
        {
            "missed": float(missed),
            "framed": float(framed),
            "unproven": float(judged.unproven),
            "unconvicted": float(missed + judged.unproven),
            "contradicted": float(judged.contradicted),
            "usable": float(judged.usable),
            "keys": float(len(x_keys)),
            "chance": judged.chance,
            "most": max(matches),
            "least": min(matches),
            "worst_copy": max(copies),
            "accused": float(sum(said)),
        },
    )


# ------------------------------------------------------------------ what the predictions are about


@lru_cache(maxsize=8)
def _fidelity_at_fifty(case: ExtractionCase) -> float:
    made = imitate(case.reader, case.pool, query_budget=50, seed=derive(case.seed, "prediction"))
    return fidelity(case.reader, made.model, held_scans(case)).value


def _distilled_marks(case: ExtractionCase) -> float:
    """Return how many watermark keys a copy still answers that was distilled out of the owner's model."""
    from labkit.course.cases.extraction.dispute import reference_models

    copy, keys = reference_models(case.scenario).copies[1], case.own.watermark
    return ownership_test(copy, keys.x, keys.y, chance=keys.chance).matches.value * len(keys)


# ------------------------------------------------------------------ what they share


def _row(value: Tensor, shape: torch.Size, name: str) -> Tensor:
    given = torch.as_tensor(value)
    if given.numel() != shape.numel() or not given.is_floating_point():
        raise InvalidInputError(
            f"expected {name} as floats of shape {tuple(shape)}, "
            f"got {given.dtype} of shape {tuple(given.shape)}"
        )
    if not bool(given.isfinite().all()):
        raise InvalidInputError(f"expected finite {name}, got NaN or infinity")
    return given.detach().double().reshape(shape)


MEASURES = {
    "parameter_error": measure_parameter_error,
    "fidelity": measure_fidelity,
    "stolen_fidelity": measure_stolen_fidelity,
    "price": measure_price,
    "errors": measure_errors,
}

OUTCOMES = {
    "fidelity_at_fifty_percent": lambda case: 100 * _fidelity_at_fifty(case),
    "distilled_marks": _distilled_marks,
}
