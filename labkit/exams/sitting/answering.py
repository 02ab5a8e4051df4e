"""Hold an answer to an item against what the item shows; whether it is right is nobody's business here."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.core.errors import InvalidInputError

__all__ = ["CONFIDENCES", "answer_form", "check_answer", "is_complete"]

CONFIDENCES = ("guess", "think", "know")
"""How sure a candidate is; the least first."""

View = Mapping[str, Any]


def check_answer(view: View, answer: Any) -> Any:
    """Return ``answer`` as plain JSON; None takes an answer back.

    Parameters
    ----------
    view : mapping
        The item as it was issued.
    answer : Any
        Positions, as the item's kind asks: a list of one (single), a list (multiple), one for each
        left side or None (matching), all of them (ordering), one list for each question or None
        (scenario), a list of one number (numeric).

    Raises
    ------
    InvalidInputError
        When it is no answer to this item; says what one looks like.
    """
    if answer is None:
        return None
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        answer = [answer]
    if not isinstance(answer, list | tuple):
        raise _refuse(view, answer_form(view), answer)
    return _CHECKS[view["kind"]](view, list(answer))


def answer_form(view: View) -> str:
    """Return in words what an answer to an item looks like."""
    return _FORMS[view["kind"]](view)


def is_complete(answer: Any) -> bool:
    """Return whether nothing of an answer is left open."""
    return isinstance(answer, list) and bool(answer) and all(part is not None for part in answer)


def _refuse(view: View, wanted: str, got: object) -> InvalidInputError:
    return InvalidInputError(f"item {view['id']}: expected {wanted}, got {got!r:.80}")


def _picked(view: View, part: Mapping[str, Any], answer: Any) -> list[int]:
    known = [option["position"] for option in part["options"]]
    if not isinstance(answer, list | tuple) or any(type(each) is not int for each in answer):
        raise _refuse(view, "a list of positions", answer)
    if any(each not in known for each in answer) or len(set(answer)) != len(answer):
        raise _refuse(view, f"positions from 0 to {len(known) - 1}, each once", answer)
    if not part["several"] and len(answer) != 1:
        raise _refuse(view, f"one position from 0 to {len(known) - 1}, such as [0]", answer)
    return list(answer)


def _choice(view: View, answer: list[Any]) -> list[int]:
    # A single item shows that it takes one; a multiple one may take one as well.
    part = {**view["parts"][0], "several": view["kind"] == "multiple"}
    return _picked(view, part, answer)


def _scenario(view: View, answer: list[Any]) -> list[Any]:
    parts = view["parts"]
    if len(answer) != len(parts):
        raise _refuse(view, answer_form(view), answer)
    pairs = zip(parts, answer, strict=True)
    return [None if own is None else _picked(view, part, own) for part, own in pairs]


def _matching(view: View, answer: list[Any]) -> list[Any]:
    known = [right["position"] for right in view["rights"]]
    fits = all(each is None or (type(each) is int and each in known) for each in answer)
    if len(answer) != len(view["lefts"]) or not fits:
        raise _refuse(view, answer_form(view), answer)
    return answer


def _ordering(view: View, answer: list[Any]) -> list[Any]:
    known = sorted(step["position"] for step in view["steps"])
    if any(type(each) is not int for each in answer) or sorted(answer) != known:
        raise _refuse(view, answer_form(view), answer)
    return answer


def _numeric(view: View, answer: list[Any]) -> list[float]:
    if len(answer) != 1 or type(answer[0]) not in (int, float) or not math.isfinite(answer[0]):
        raise _refuse(view, answer_form(view), answer)
    return answer


_CHECKS: dict[str, Callable[[View, list[Any]], Any]] = {
    "single": _choice,
    "multiple": _choice,
    "scenario": _scenario,
    "matching": _matching,
    "ordering": _ordering,
    "numeric": _numeric,
}


_FORMS: dict[str, Callable[[View], str]] = {
    "single": lambda view: f"one position from 0 to {_last(view['parts'][0]['options'])}, such as [0]",
    "multiple": lambda view: (
        f"all positions that hold, from 0 to {_last(view['parts'][0]['options'])}, as in [0, 2]"
    ),
    "scenario": lambda view: (
        f"a list for each of {len(view['parts'])} questions, null where there is no answer, "
        f"as in {json.dumps([[0]] * len(view['parts']))}"
    ),
    "matching": lambda view: (
        f"a position from 0 to {_last(view['rights'])}, or null for none, for each of "
        f"{len(view['lefts'])} left sides"
    ),
    "ordering": lambda view: f"the positions 0 to {_last(view['steps'])}, each once, in your order",
    "numeric": lambda view: "a finite number, such as 12.5 (with a point)",
}


def _last(shown: Sequence[Any]) -> int:
    return len(shown) - 1
