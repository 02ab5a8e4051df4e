"""What was handed in to the lab of robust training, written so that somebody else can measure it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.statement import check_lines
from labkit.course.cases.robustness.weights import from_text, rebuilt, to_text
from labkit.defenses.certification import model_digest

__all__ = ["RECORDS", "handed_in_again"]

Record = dict[str, Any]


def _robust(case: RobustnessCase, weights: Any) -> tuple[Record, Record]:
    return {"model": _digest(case, weights)}, {"weights": _text(case, weights)}


def _collapse(
    case: RobustnessCase, verdicts: Sequence[str], reported: Sequence[float]
) -> tuple[Record, Record]:
    kept = {"verdicts": [str(word) for word in verdicts], "reported": [float(each) for each in reported]}
    return dict(kept), kept


def _certificate(case: RobustnessCase, weights: Any, noise_std: float, n: int) -> tuple[Record, Record]:
    settings = {"noise_std": float(noise_std), "n": int(n)}
    about = {"model": _digest(case, weights), "confidence": case.setting("confidence")}
    return {**about, **settings}, {"weights": _text(case, weights), **settings}


def _claims(case: RobustnessCase, reasons: Sequence[str]) -> tuple[Record, Record]:
    said = [str(word) for word in reasons]
    return {"reasons": said, "claims": [each.text for each in case.claims]}, {"reasons": said}


def _statement(
    case: RobustnessCase, weights: Any, smoothed: Any, noise_std: float, n: int, lines: Mapping[str, float]
) -> tuple[Record, Record]:
    figures = check_lines(lines)
    settings = {"noise_std": float(noise_std), "n": int(n), "lines": figures}
    about = {"model": _digest(case, weights), "smoothed_model": _digest(case, smoothed)}
    return {**about, **settings}, {
        "weights": _text(case, weights),
        "smoothed": _text(case, smoothed),
        **settings,
    }


RECORDS: Mapping[str, Callable[..., tuple[Record, Record]]] = {
    "robust": _robust,
    "collapse": _collapse,
    "certificate": _certificate,
    "claims": _claims,
    "statement": _statement,
}
"""For each checkpoint: a function from a case and what was handed in to parameters and the record."""


def handed_in_again(case: RobustnessCase, record: Mapping[str, Any]) -> Record:
    """Return what a checkpoint takes, from what a record says was handed in.

    Parameters
    ----------
    case : RobustnessCase
        Of the scenario and seed that the record names.
    record : mapping
        Read from the JSON file of a checkpoint in an evidence pack.

    Raises
    ------
    InvalidInputError
        When the record is of another variant.
    """
    if record.get("seed") != case.seed:
        raise InvalidInputError(f"expected a record of seed {case.seed}, got one of {record.get('seed')}")
    networks = ("weights", "smoothed")
    return {
        name: from_text(value) if name in networks else value for name, value in record["handed_in"].items()
    }


def _digest(case: RobustnessCase, weights: Any) -> str:
    return model_digest(rebuilt(case, weights).module)


def _text(case: RobustnessCase, weights: Any) -> str:
    return to_text(rebuilt(case, weights))
