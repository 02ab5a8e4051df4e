"""What a candidate has to know of a task, and nothing that earns points: no credits, no criteria.

It lies in the sitting, so a candidate's machine needs no folder of the exam at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labkit.core.errors import IntegrityError
from labkit.exams.task.checking import limits_of, options_of
from labkit.exams.task.types import (
    KINDS,
    Budget,
    HandInField,
    Justification,
    JustificationOption,
    Task,
)

__all__ = ["asks_of", "form_of", "task_of_asks"]


def asks_of(task: Task) -> dict[str, Any]:
    """Return the public part of a task as plain JSON."""
    return {
        "version": 1,
        "id": task.id,
        "title": task.title,
        "domain": task.domain,
        "points": task.points,
        "minutes": task.minutes,
        "reproduce": task.reproduce,
        "fields": [asdict(field) for field in task.fields],
        "questions": [
            {"id": each.id, "question": each.question, "options": [option.text for option in each.options]}
            for each in task.justifications
        ],
    }


def form_of(field: HandInField, facts: Mapping[str, Any]) -> str:
    """Return in words what a field takes: type, shape, limits, options.

    Parameters
    ----------
    field : HandInField
    facts : mapping of str to Any
        What was issued: sizes, options, the budget.
    """
    return _FORMS[field.kind](field, facts)


def _tensor(field: HandInField, facts: Mapping[str, Any]) -> str:
    dims = facts.get("dims", {})
    shape = ", ".join(str(dims.get(size, size)) for size in field.shape)
    said = [f"{field.dtype} of shape ({shape})", limits_of(field)]
    if field.budget is not None:
        epsilon = facts.get(str(field.budget.epsilon), field.budget.epsilon)
        said.append(f"within {epsilon} ({field.budget.norm}) of {field.budget.around}")
    return ", ".join(each for each in said if each)


def _number(field: HandInField, facts: Mapping[str, Any]) -> str:
    return f"{'whole number' if field.dtype == 'int64' else 'number'} {limits_of(field)}".strip()


def _table(field: HandInField, facts: Mapping[str, Any]) -> str:
    columns = "; ".join(f"{each.name}: {form_of(each, facts)}" for each in field.columns)
    return f"up to {field.most} rows of {columns}"


def _quoted(field: HandInField, facts: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, options_of(field, facts)))


_FORMS: dict[str, Callable[[HandInField, Mapping[str, Any]], str]] = {
    "tensor": _tensor,
    "model": lambda field, facts: "state dict of the architecture that was issued",
    "number": _number,
    "choice": lambda field, facts: f"one of {_quoted(field, facts)}",
    "choices": lambda field, facts: f"list of up to {field.most} out of {_quoted(field, facts)}",
    "text": lambda field, facts: f"text of up to {field.longest} characters",
    "table": _table,
}


def task_of_asks(raw: Any, folder: Path) -> Task:
    """Return the task that :func:`asks_of` described; its criteria and credits stay with the examiner.

    Raises
    ------
    IntegrityError
        When it is no such description.
    """
    try:
        return Task(
            id=str(raw["id"]),
            title=str(raw["title"]),
            domain=str(raw["domain"]),
            points=float(raw["points"]),
            minutes=int(raw["minutes"]),
            fields=tuple(_field(each) for each in raw["fields"]),
            criteria=(),
            justifications=tuple(_question(each) for each in raw["questions"]),
            overclaim=None,
            critical=(),
            folder=folder,
            reproduce=bool(raw.get("reproduce", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(f"{folder} holds no task of a sitting: {error!r:.120}") from None


def _field(raw: Mapping[str, Any]) -> HandInField:
    budget = raw["budget"]
    field = HandInField(
        **{
            **raw,
            "shape": tuple(raw["shape"]),
            "options": tuple(raw["options"]),
            "columns": tuple(_field(each) for each in raw["columns"]),
            "budget": None if budget is None else Budget(**budget),
        }
    )
    if field.kind not in KINDS:
        raise ValueError(f"a field of the kind {field.kind!r}")
    return field


def _question(raw: Mapping[str, Any]) -> Justification:
    options = tuple(JustificationOption(str(text), 0.0, "") for text in raw["options"])
    return Justification(str(raw["id"]), str(raw["question"]), options)
