"""What a cohort scored on each question, from its score sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.core.errors import InvalidInputError
from labkit.exams.records.sheets import Sheet
from labkit.exams.statistics.reliability import Matrix

__all__ = ["Responses", "responses_of"]


@dataclass(frozen=True, slots=True)
class Responses:
    """Scores of a cohort on one part of the exam.

    Attributes
    ----------
    candidates, sessions : tuple of str
        One for each row.
    names, domains : tuple of str
        One for each column: ids of items, slots of tasks.
    points : array of shape ``(questions,)``
        What a question is worth.
    credit : array of shape ``(candidates, questions)``
        Share of the points that was earned; NaN where it was not asked.
    variants : tuple of tuples
        Which variant was issued, None where not asked.
    entries : tuple of tuples
        What the sheet says of it, in full; None where not asked.
    """

    candidates: tuple[str, ...]
    sessions: tuple[str, ...]
    names: tuple[str, ...]
    domains: tuple[str, ...]
    points: Matrix
    credit: Matrix
    variants: tuple[tuple[str | None, ...], ...]
    entries: tuple[tuple[Any, ...], ...]

    @property
    def earned(self) -> Matrix:
        """Points earned, ``(candidates, questions)``, NaN where not asked."""
        return self.credit * self.points

    def totals(self) -> Matrix:
        """Return the points of each candidate, ``(candidates,)``."""
        return np.nansum(self.earned, axis=1)

    def shares(self) -> Matrix:
        """Return the share of the points that each candidate was asked for."""
        asked = np.where(np.isnan(self.credit), 0.0, self.points).sum(axis=1)
        return np.divide(self.totals(), asked, out=np.zeros_like(asked), where=asked > 0)

    def rest(self, column: int) -> Matrix:
        """Return each candidate's share on everything else: what an item is compared with."""
        points = np.where(np.isnan(self.credit), 0.0, self.points)
        earned = np.nan_to_num(self.earned)
        asked = points.sum(axis=1) - points[:, column]
        mine = earned.sum(axis=1) - earned[:, column]
        return np.divide(mine, asked, out=np.zeros_like(asked), where=asked > 0)


def responses_of(sheets: Sequence[Sheet], part: str = "all") -> Responses:
    """Return what a cohort scored.

    Parameters
    ----------
    sheets : sequence of Sheet
        Of one exam.  Sheets of one candidate's several sittings are rows of their own.
    part : str
        ``items``, ``tasks``, or ``all``.

    Raises
    ------
    InvalidInputError
        When sheets are of several exams, or a question is worth different points in them.
    """
    exams = {sheet.content["exam"] for sheet in sheets}
    if len(exams) > 1:
        raise InvalidInputError(f"expected score sheets of one exam, got {', '.join(sorted(exams))}")
    rows = [dict(_entries(sheet, part)) for sheet in sheets]
    about: dict[str, tuple[str, float]] = {}
    for row in rows:
        for name, (entry, _) in row.items():
            known = about.setdefault(name, (entry["domain"], float(entry["points"])))
            if known[1] != float(entry["points"]):
                raise InvalidInputError(
                    f"expected {name} with the same points on every sheet, got {known[1]:g} and "
                    f"{entry['points']:g}: look at one version of the blueprint at a time"
                )
    names = tuple(sorted(about, key=_natural))
    credit = [[row[name][1] if name in row else np.nan for name in names] for row in rows]
    return Responses(
        tuple(sheet.candidate for sheet in sheets),
        tuple(sheet.content["session"] for sheet in sheets),
        names,
        tuple(about[name][0] for name in names),
        np.array([about[name][1] for name in names], dtype=float),
        np.array(credit, dtype=float).reshape(len(rows), len(names)),
        tuple(tuple(row[name][0].get("variant") if name in row else None for name in names) for row in rows),
        tuple(tuple(row[name][0] if name in row else None for name in names) for row in rows),
    )


def _entries(sheet: Sheet, part: str) -> list[tuple[str, tuple[Any, float]]]:
    known = ("items", "tasks", "all")
    if part not in known:
        raise InvalidInputError(f"expected part as one of {', '.join(known)}; got {part!r}")
    tasks = [
        (task["slot"], (task, task["earned"] / task["points"] if task["points"] else 0.0))
        for task in sheet.content["tasks"]
    ]
    items = [(item["id"], (item, float(item["credit"]))) for item in sheet.content["items"]]
    return {"tasks": tasks, "items": items, "all": [*tasks, *items]}[part]


def _natural(name: str) -> tuple[str, int, str]:
    """Sort T2 before T10."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return name.rstrip("0123456789"), int(digits or 0), name
