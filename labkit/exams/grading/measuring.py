"""Measure what was handed in for a task, on the variant that was issued.

Everything that decides comes from the examiner's side: the variant, the victim, the data, the
metric.  From the candidate come arrays and plain values, held against the task's declaration
first.  Nothing of it is run; a state dict is numbers for a module that we build.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import LabkitError
from labkit.evidence.entry import canonical
from labkit.exams.envelope.reading import HandedIn
from labkit.exams.grading.sessions import IssuedTask

if TYPE_CHECKING:
    from labkit.exams.issued import Issued
    from labkit.exams.task import Task

__all__ = ["Found", "asks_for_reproduction", "mark_slot", "measure_slot", "task_of"]

_KEPT = 128  # variants whose materials stay in memory


@dataclass(frozen=True, slots=True)
class Found:
    """What a measurement found: metrics, facts, the checked values, and what was not taken."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def asks_for_reproduction(content: Path, slot: str) -> bool:
    """Return whether a task of the frozen exam ``content`` wants its answer cell run again."""
    return task_of(content, slot).reproduce


def mark_slot(
    content: Path,
    issued: IssuedTask,
    handed_in: HandedIn | None,
    refused: tuple[str, ...] = (),
    *,
    measure: bool = True,
) -> dict[str, Any]:
    """Return the entry of a task in the score sheet.

    Parameters
    ----------
    content : Path
        Folder of the exam as it was frozen.
    issued : IssuedTask
    handed_in : HandedIn or None
        None when nothing was handed in.
    refused : tuple of str
        Reasons that are known before anything is measured.
    measure : bool
        False records the reasons and earns nothing.
    """
    from labkit.exams.task import mark_task

    task = task_of(content, issued.slot)
    found = Found(refused=refused)
    if measure and handed_in is not None:
        found = measure_slot(content, issued, handed_in, refused)
    reference = {
        bot: {name: math.nan if value is None else value for name, value in metrics.items()}
        for bot, metrics in issued.reference.items()
    }
    mark = mark_task(task, reference, found.metrics, found.values)
    return {
        "slot": issued.slot,
        "domain": task.domain,
        "title": task.title,
        "variant": issued.variant["id"],
        "points": mark.points,
        "earned": mark.earned,
        "lines": [line.as_json() for line in mark.lines],
        "facts": dict(found.facts),
        "justifications": _justified(task, found.values) if measure else [],
        "critical": list(mark.critical),
        "refused": list(found.refused),
        "flags": [*found.flags, *(mark.flags if handed_in is not None else ())],
        "handed_in": handed_in is not None,
    }


def measure_slot(
    content: Path, issued: IssuedTask, handed_in: HandedIn, refused: tuple[str, ...] = ()
) -> Found:
    """Check what was handed in, and measure it.

    A task whose ``measure`` ends in an error earns nothing for this submission; the reason is
    recorded, and an error that is not one of ours is flagged for the author.
    """
    from labkit.exams.task import check_hand_in
    from labkit.exams.task.packing import unpack
    from labkit.exams.task.playing import measure

    task = task_of(content, issued.slot)
    reasons, flags = list(refused), []
    try:
        materials = _materials(content, issued.slot, canonical(issued.variant))
        raw = unpack(task, handed_in.values, handed_in.tensors())
        checked = check_hand_in(task, materials.facts, raw, materials.tensors)
    except LabkitError as error:
        return Found(refused=(*reasons, str(error)))
    reasons += [f"{name}: {problem}" for name, problem in checked.problems.items()]
    reasons += [f"{name}: not handed in" for name in checked.missing]
    try:
        measured = measure(task, _variant(issued), checked.values)
        facts = {str(name): _plain(value) for name, value in measured.facts.items()}
    except LabkitError as error:
        return Found(values=checked.values, refused=(*reasons, f"not measured: {error}"))
    except Exception as error:  # whatever it is, it costs this task alone
        reasons.append(f"not measured: {type(error).__name__}: {str(error)[:300]}")
        flags.append(f"{issued.slot}: measuring ended in {type(error).__name__}; its author should look")
        return Found(values=checked.values, refused=tuple(reasons), flags=tuple(flags))
    reasons += [f"{name}: no finite number" for name, v in measured.metrics.items() if not math.isfinite(v)]
    return Found(measured.metrics, facts, checked.values, tuple(reasons))


def _justified(task: Task, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what was chosen to defend, what it is worth and why, and what is worth all."""
    found = []
    for each in task.justifications:
        chosen = values.get(each.field)
        option = each.options[chosen - 1] if chosen else None
        best = max(each.options, key=lambda option: option.credit)
        found.append(
            {
                "question": each.question,
                "chosen": option.text if option else None,
                "credit": option.credit if option else 0.0,
                "why": option.why if option else "",
                "best": best.text,
                "best_why": best.why,
            }
        )
    return found


def _variant(issued: IssuedTask) -> Any:
    from labkit.exams.task import Variant

    return Variant(**issued.variant)


@functools.lru_cache(_KEPT)
def task_of(content: Path, slot: str) -> Task:
    """Return a task of a frozen exam; it is read once."""
    from labkit.exams.task import find_task

    return find_task(slot, content)


@functools.lru_cache(_KEPT)
def _materials(content: Path, slot: str, variant: bytes) -> Issued:
    """Return what was issued: made again from the variant, once for all who drew it."""
    from labkit.exams.task import Variant
    from labkit.exams.task.playing import issue

    return issue(task_of(content, slot), Variant(**json.loads(variant)))


def _plain(value: Any) -> Any:
    """Return a fact as JSON can hold it."""
    if isinstance(value, bool | str | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
