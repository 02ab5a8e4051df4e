"""Hold the parts of a declaration against each other, and against what exists elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from labkit import data
from labkit.core.errors import LabkitError
from labkit.course.glossary import terms
from labkit.course.lab import Lab
from labkit.course.tables import Source
from labkit.governance import standards

__all__ = ["answer_cells", "check_lab"]

_ANSWER = re.compile(r"""^# %%.*\banswer\s*=\s*["']([^"']+)["']""", re.MULTILINE)


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def check_lab(lab: Lab, source: Source) -> None:
    """Check what can only be seen across the tables of a declaration.

    Raises
    ------
    DeclarationError
        For the first thing that does not fit.
    """
    _check_distinct(lab, source)
    _check_names(lab, source)
    _check_objectives(lab, source)
    _check_answers(lab, source)


def answer_cells(lab: Lab) -> list[str]:
    """Return the ids of the answer cells in ``lab.py``, in their order."""
    path = lab.folder / "lab.py"
    return _ANSWER.findall(path.read_text(encoding="utf-8")) if path.is_file() else []


def _check_distinct(lab: Lab, source: Source) -> None:
    kinds: dict[str, Sequence[_Named]] = {
        "scenario": lab.scenarios,
        "objective": lab.objectives,
        "checkpoint": lab.checkpoints,
        "prediction": lab.predictions,
    }
    for kind, all_of_kind in kinds.items():
        seen: set[str] = set()
        for position, each in enumerate(all_of_kind):
            if each.id in seen:
                raise source.error((kind, position, "id"), f"the {kind} id {each.id!r} is used twice")
            seen.add(each.id)


def _check_names(lab: Lab, source: Source) -> None:
    for name in lab.standards:
        try:
            standards.lookup(name)
        except LabkitError as error:
            raise source.error(("standards",), str(error)) from None
    _check_glossary(lab, source)
    if "signs" in data.names():
        _check_datasets(lab, source)


def _check_datasets(lab: Lab, source: Source) -> None:
    known = data.names()
    for position, scenario in enumerate(lab.scenarios):
        if scenario.dataset and scenario.dataset not in known:
            raise source.error(
                ("scenario", position, "dataset"),
                f"there is no data set called {scenario.dataset!r}. Known: {', '.join(known)}.",
            )


def _check_glossary(lab: Lab, source: Source) -> None:
    known = {term.casefold() for term in terms()}
    for term in lab.glossary:
        if term.casefold() not in known:
            raise source.error(
                ("glossary",), f"the term {term!r} is not defined; add it to labkit/course/glossary.toml"
            )


def _check_objectives(lab: Lab, source: Source) -> None:
    known = {objective.id for objective in lab.objectives}
    measured = {checkpoint.objective for checkpoint in lab.checkpoints}
    for position, checkpoint in enumerate(lab.checkpoints):
        if checkpoint.objective not in known:
            raise source.error(
                ("checkpoint", position, "objective"),
                f"checkpoint {checkpoint.id!r} belongs to the objective {checkpoint.objective!r}, "
                f"which is not declared. Known: {', '.join(sorted(known))}.",
            )
    for position, objective in enumerate(lab.objectives):
        if objective.id not in measured:
            raise source.error(
                ("objective", position), f"no checkpoint measures the objective {objective.id!r}"
            )


def _check_answers(lab: Lab, source: Source) -> None:
    cells = answer_cells(lab)
    for position, checkpoint in enumerate(lab.checkpoints):
        if checkpoint.answer not in cells:
            raise source.error(
                ("checkpoint", position, "answer"),
                f"lab.py has no answer cell {checkpoint.answer!r}. Known: {', '.join(cells) or 'none'}.",
            )
