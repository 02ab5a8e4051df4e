"""How far a sitting is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from labkit.exams.form import parse_time, said_time
from labkit.exams.sitting.keeping import versions
from labkit.exams.sitting.receipts import Place, State

if TYPE_CHECKING:
    from labkit.exams.sitting.sitting import Sitting

__all__ = ["is_over", "open_places", "state_of"]


def state_of(sitting: Sitting) -> State:
    """Return the state of every task and item of a sitting, and how much time is left."""
    form, desk = sitting.form, sitting.desk
    kept = desk.kept("desk.json")
    flags, notes = set(kept.get("flags", [])), kept.get("notes", {})
    fields = _fields(sitting)
    tasks = tuple(_task(sitting, slot, flags, notes, fields.get(slot, ())) for slot in form.slots)
    answers = desk.kept("answers.json")
    items = tuple(_item(view, flags, notes, answers) for view in sitting.items().values())
    time = desk.clock.read()
    # Before it begins all of its time is left, and no more.
    now = max(time.now, parse_time(form.opened_at))
    return State(
        session=form.session,
        candidate=form.candidate,
        mode=form.mode,
        tasks=tasks,
        items=items,
        # Rounded up: the last second counts.
        seconds_left=math.ceil((time.deadline - now).total_seconds()),
        deadline=said_time(time.deadline),
        deadline_source=time.source,
        minutes=form.minutes,
        extra_minutes=form.extra_minutes,
        submitted=sitting.submitted,
        added=tuple(f"{each['minutes']} minutes more: {each['reason']}" for each in time.added),
        certain=time.certain,
    )


def open_places(sitting: Sitting) -> tuple[str, ...]:
    """Return the tasks and items that nothing was handed in for.

    It needs the form and the work alone: whoever lost the materials can still submit.
    """
    fields, answers = _fields(sitting), sitting.answers()
    tasks = [slot for slot in sitting.form.slots if not fields.get(slot)]
    return (*tasks, *(item.id for item in sitting.form.items if item.id not in answers))


def is_over(sitting: Sitting) -> bool:
    """Return whether the time of a sitting is over."""
    time = sitting.desk.clock.read()
    return time.deadline <= time.now


def _fields(sitting: Sitting) -> dict[str, tuple[str, ...]]:
    """Return which fields of each task are handed in, by the last entry of the log about it."""
    found = {}
    for each in sitting.desk.entries():
        if each["kind"] == "handed_in":
            found[each["payload"]["task"]] = tuple(each["payload"]["fields"])
    return found


def _task(
    sitting: Sitting, slot: str, flags: set[str], notes: dict[str, str], fields: tuple[str, ...]
) -> Place:
    task = sitting.task(slot)
    number = (versions(sitting.desk, slot) or [0])[-1]
    return Place(
        id=slot,
        kind="task",
        title=task.title,
        state=_said(slot in flags, bool(fields)),
        answered=bool(fields),
        version=number,
        missing=tuple(field.name for field in task.fields if field.name not in fields),
        note=notes.get(slot, ""),
    )


def _item(
    view: dict[str, Any], flags: set[str], notes: dict[str, str], answers: dict[str, dict[str, Any]]
) -> Place:
    given = answers.get(view["id"], {})
    return Place(
        id=view["id"],
        kind=view["kind"],
        title=view["question"].split("\n")[0][:80],
        state=_said(view["id"] in flags, bool(given)),
        answered=bool(given),
        missing=_open_parts(given.get("answer")),
        confidence=given.get("confidence", ""),
        note=notes.get(view["id"], ""),
    )


def _open_parts(answer: Any) -> tuple[str, ...]:
    return tuple(str(number) for number, part in enumerate(answer or (), start=1) if part is None)


def _said(flagged: bool, answered: bool) -> str:
    return "flagged" if flagged else "answered" if answered else "untouched"
