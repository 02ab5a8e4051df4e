"""One participant's variant of the lab of robust training and certification, and what is measured on it.

The participant hands in weights, settings, verdicts and figures.  The inputs that they are judged
on, the attacks, the smoothing noise and the certificates come from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from labkit.core import InvalidInputError, UnknownNameError
from labkit.course.cases.robustness.case import RobustnessCase, robustness_case
from labkit.course.cases.robustness.judging import held_up, kept_back, left_of_run, voted
from labkit.course.cases.robustness.records import RECORDS
from labkit.course.cases.robustness.statement import check_lines, judged_lines, linf_reach, measured_lines
from labkit.course.cases.robustness.statements import verdict_on
from labkit.course.cases.robustness.weights import rebuilt
from labkit.defenses.certification import REASONS
from labkit.metrics import abstention_rate, certified_accuracy
from labkit.scoring import Measurement

make_case = robustness_case

CLEAN_FLOOR = 0.92  # a network that reads less is not one that anybody puts into use
ROBUST_FLOOR = 0.5  # the target of "robust"
CERTIFIED_FLOOR = 0.7  # the target of "certificate"
COLLAPSED = 0.75  # PGD leaves less than this share of what one step leaves
VERDICTS = ("sound", "collapsed")


# ------------------------------------------------------------------ a network that holds


def measure_robust_accuracy(case: RobustnessCase, weights: Any) -> Measurement:
    """Accuracy under the judge's PGD-40 on inputs that were kept back; 0 while it reads under 92 % clean."""
    found, bare = held_up(case, rebuilt(case, weights)), held_up(case, case.victim)
    useful = found.clean.value >= CLEAN_FLOOR
    return Measurement(
        found.robust.value if useful else 0.0,
        {
            "robust": found.robust.value,
            "low": found.robust.low,
            "high": found.robust.high,
            "clean": found.clean.value,
            "one_step": found.one_step,
            "hidden": found.gradient - found.black_box,
            "bare": bare.robust.value,
            "bare_clean": bare.clean.value,
            "epsilon": case.threat.epsilon,
        },
    )


# ------------------------------------------------------------------ catastrophic overfitting


def measure_report_error(
    case: RobustnessCase, verdicts: Sequence[str], reported: Sequence[float]
) -> Measurement:
    """Largest error of the four reported accuracies under the judge's PGD; 1 while a verdict is wrong."""
    said, figures = _verdicts(case, verdicts), _shares("reported", reported, len(case.runs))
    true = [left_of_run(case, run) for run in range(len(case.runs))]
    errors = [figure - robust for figure, (_, robust) in zip(figures, true, strict=True)]
    wrong = sum(
        word != ("collapsed" if robust < COLLAPSED * one_step else "sound")
        for word, (one_step, robust) in zip(said, true, strict=True)
    )
    return Measurement(
        1.0 if wrong else max(map(abs, errors)),
        {
            "right": float(not wrong),
            "highest": max(errors),
            "lowest": min(errors),
            "called_sound": said.count("sound"),
            "runs": len(said),
        },
    )


def _verdicts(case: RobustnessCase, verdicts: Sequence[str]) -> list[str]:
    if isinstance(verdicts, str) or len(verdicts) != len(case.runs):
        raise InvalidInputError(f"expected {len(case.runs)} verdicts, one for each network")
    for word in verdicts:
        if word not in VERDICTS:
            raise UnknownNameError("verdict", str(word), VERDICTS)
    return [str(word) for word in verdicts]


def _shares(name: str, values: Sequence[float], count: int) -> list[float]:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not all(0 <= number <= 1 for number in numbers):
        raise InvalidInputError(f"expected {name} as {count} shares from 0 to 1, got {values!r}: 60 % is 0.6")
    return numbers


# ------------------------------------------------------------------ a certificate


def measure_certified_accuracy(case: RobustnessCase, weights: Any, noise_std: float, n: int) -> Measurement:
    """Share of inputs that the judge certifies at the L2 radius of the scenario; abstentions are wrong."""
    made, y = voted(case, rebuilt(case, weights), noise_std, n), kept_back(case).y
    epsilon = case.setting("certified_epsilon")
    rate, named = certified_accuracy(made, y, epsilon), certified_accuracy(made, y, 0.0)
    return Measurement(
        rate.value,
        {
            "low": rate.low,
            "high": rate.high,
            "named": named.value,
            "abstained": abstention_rate(made).value,
            "farthest": float(made.radii.max()),
            "epsilon": epsilon,
            "noise": float(noise_std),
            "copies": float(n),
            "confidence": made.confidence,
            "reach": linf_reach(case),
        },
    )


# ------------------------------------------------------------------ claims


def measure_claims_judged(case: RobustnessCase, reasons: Sequence[str]) -> Measurement:
    """Share of the vendor's claims that were given the reason for which they stand or fall."""
    if isinstance(reasons, str) or len(reasons) != len(case.claims):
        raise InvalidInputError(f"expected {len(case.claims)} reasons, one for each claim in its order")
    for word in reasons:
        if word not in REASONS:
            raise UnknownNameError("reason", str(word), REASONS)
    true = [verdict_on(claim, case.certificates, case.y) for claim in case.claims]
    pairs = list(zip(reasons, true, strict=True))
    return Measurement(
        sum(said == is_so for said, is_so in pairs) / len(pairs),
        {
            "right": sum(said == is_so for said, is_so in pairs),
            "claims": len(pairs),
            "let_through": sum(said == "holds" != is_so for said, is_so in pairs),
            "turned_away": sum(said != "holds" == is_so for said, is_so in pairs),
            "norm_missed": sum(said == "holds" and is_so == "norm" for said, is_so in pairs),
            "abstentions_missed": sum(said == "holds" and is_so == "abstentions" for said, is_so in pairs),
        },
    )


# ------------------------------------------------------------------ the statement


def measure_lines_standing(
    case: RobustnessCase, weights: Any, smoothed: Any, noise_std: float, n: int, lines: Mapping[str, float]
) -> Measurement:
    """Share of the lines of a statement that stand; 0 while the networks miss their own targets."""
    said = check_lines(lines)
    measured = measured_lines(case, rebuilt(case, weights), rebuilt(case, smoothed), noise_std, n)
    judged = judged_lines(said, measured)
    meets = (
        measured["clean"].value >= CLEAN_FLOOR
        and measured["robust"].value >= ROBUST_FLOOR
        and measured["certified"].value >= CERTIFIED_FLOOR
    )
    off = [line for word in ("too much", "too little") for line in judged if line.verdict == word]
    first = off[0] if off else judged[0]
    bare = held_up(case, case.victim)
    return Measurement(
        sum(line.verdict == "stands" for line in judged) / len(judged) if meets else 0.0,
        {
            "meets": float(meets),
            "too_much": sum(line.verdict == "too much" for line in judged),
            "too_little": sum(line.verdict == "too little" for line in judged),
            "line": first.name,
            "said": first.said,
            "found": first.measured.value,
            "reach": measured["reach"].value,
            "said_reach": said["reach"],
            "clean": measured["clean"].value,
            "robust": measured["robust"].value,
            "certified": measured["certified"].value,
            "proven": measured["proven"].value,
            "bare_clean": bare.clean.value,
            "bare": bare.robust.value,
        },
    )


# ------------------------------------------------------------------ what the predictions are about


@lru_cache(maxsize=16)
def _certified_of_victim(case: RobustnessCase) -> float:
    made = voted(case, case.victim, case.setting("vendor_noise"), 400)
    return certified_accuracy(made, kept_back(case).y, case.setting("certified_epsilon")).value


MEASURES = {
    "robust_accuracy": measure_robust_accuracy,
    "report_error": measure_report_error,
    "certified_accuracy": measure_certified_accuracy,
    "claims_judged": measure_claims_judged,
    "lines_standing": measure_lines_standing,
}

OUTCOMES = {
    "bare_robust_percent": lambda case: 100 * held_up(case, case.victim).robust.value,
    "smoothed_victim_percent": lambda case: 100 * _certified_of_victim(case),
}

__all__ = ["MEASURES", "OUTCOMES", "RECORDS", "make_case"]
