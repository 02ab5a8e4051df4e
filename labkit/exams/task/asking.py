"""What a candidate has to know of a task, and nothing that earns points: no credits, no criteria.

It lies in the sitting, so a candidate's machine needs no folder of the exam at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labkit.core.errors import IntegrityError
from labkit.exams.task.types import (
    KINDS,
    Budget,
    HandInField,
    Justification,
    JustificationOption,
    Task,
)

__all__ = ["asks_of", "task_of_asks"]


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
