"""What a hand-in claims, in words that a second run can be held to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.exams.task.types import HandInField, Task

if TYPE_CHECKING:
    from labkit.exams.sitting import Sitting

__all__ = ["claims_again", "claims_of"]

_CLAIMING = ("number", "choice", "choices", "table")
_LONGEST = 80


def claims_of(task: Task, values: Mapping[str, Any]) -> str:
    """Return the figures and choices of a hand-in, one field a line.

    Numbers are said to two digits: another processor may change the last ones.  Tensors, models and
    words are not compared; what they are worth is measured.

    Parameters
    ----------
    task : Task
    values : mapping of str to Any
        Plain values as they were handed in, checked or not.
    """
    return "\n".join(
        f"{field.name}: {_said(field, values[field.name])}"
        for field in task.fields
        if field.kind in _CLAIMING and field.name in values
    )


def claims_again(sitting: Sitting, slot: str) -> str:
    """Return the claims of what is handed in for a task now."""
    from labkit.exams.sitting.keeping import version_values

    task = sitting.task(slot)
    return claims_of(task, version_values(sitting.desk, task))


def _said(field: HandInField, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.2g}"
    if isinstance(value, list) and field.kind == "choices":
        return ", ".join(sorted(_plain(each) for each in value))
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return "".join(f"\n  {row}" for row in sorted(_row(field, row) for row in value))
    return _plain(value)


def _row(table: HandInField, row: Mapping[str, Any]) -> str:
    return ", ".join(_said(column, row[column.name]) for column in table.columns if column.name in row)


def _plain(value: Any) -> str:
    # One line, whatever somebody wrote into a file.
    return str(value).encode("unicode_escape").decode()[:_LONGEST]
