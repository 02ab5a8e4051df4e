"""What a sitting of each mode holds: the whole exam, what there is of it, or five minutes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from labkit.core.errors import InvalidInputError
from labkit.exams.blueprint import Blueprint
from labkit.exams.task.types import Task

__all__ = ["Settings", "settings_of"]

REHEARSAL_MINUTES = 5
REHEARSAL_ITEMS = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """Slots and minutes of a sitting, and the blueprint that its items are drawn by."""

    slots: tuple[str, ...]
    minutes: int
    blueprint: Blueprint


def settings_of(blueprint: Blueprint, tasks: Mapping[str, Task], mode: str) -> Settings:
    """Return what a sitting of ``mode`` holds.

    Tasks that are not available yet are left out, and the minutes are cut to the share of the
    points that is left, rounded up to five.  A rehearsal has three items and the task that tries most
    of what a hand-in can meet.

    Raises
    ------
    InvalidInputError
        When no task of the blueprint is there.
    """
    slots = [slot for slot in blueprint.available if slot.slot in tasks]
    if not slots:
        raise InvalidInputError(f"the exam {blueprint.id} has no task that is available")
    if mode == "rehearsal":
        chosen = max(slots, key=lambda slot: (_tried(tasks[slot.slot]), -tasks[slot.slot].minutes))
        return Settings((chosen.slot,), REHEARSAL_MINUTES, _few_items(blueprint))
    everything = math.fsum(slot.points for slot in blueprint.tasks) + blueprint.item_points
    here = math.fsum(slot.points for slot in slots) + blueprint.item_points
    minutes = 5 * math.ceil(blueprint.minutes * here / everything / 5)
    return Settings(tuple(slot.slot for slot in slots), minutes, blueprint)


def _tried(task: Task) -> int:
    """Return how much a task lets one try: kinds of fields, a budget, a claim that is measured again."""
    budget = any(field.budget is not None for field in task.fields)
    return len({field.kind for field in task.fields}) + budget + (task.overclaim is not None)


def _few_items(blueprint: Blueprint) -> Blueprint:
    """Return the blueprint of a rehearsal: one item in each of the first domains, one of each kind."""
    few = [domain.id for domain in blueprint.domains if domain.items][:REHEARSAL_ITEMS]
    domains = tuple(replace(each, items=int(each.id in few)) for each in blueprint.domains)
    kinds = dict.fromkeys(list(blueprint.kinds)[:REHEARSAL_ITEMS], 0)
    for number in range(len(few)):
        kinds[list(kinds)[number % len(kinds)]] += 1
    return replace(blueprint, domains=domains, kinds={**dict.fromkeys(blueprint.kinds, 0), **kinds})
