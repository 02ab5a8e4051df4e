"""What holds for every task: reviewed variants, bots where they belong, a margin between them."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.core.errors import LabkitError
from labkit.exams.blueprint import Blueprint
from labkit.exams.task.reading import BOTS, Reference, read_reference, read_variants
from labkit.exams.task.types import ExamCriterion, Task, Variant

__all__ = [
    "LEAST_VARIANTS",
    "against_blueprint",
    "always_the_same_option",
    "differences",
    "task_findings",
]

LEAST_VARIANTS = 12
REFERENCE_LEAST, NOTHING_MOST, LAZY_MOST = 0.9, 0.15, 0.6
"""Shares of a task's points that each bot has to keep to on every variant."""
MARGIN = 2.0
"""Standard deviations over the variants that lie at least between two bots."""

_FILES = ("task.py", "bots.py", "brief.md", "cells.py", "variants.toml")


def task_findings(task: Task, folder: Path | None = None) -> list[str]:
    """Return what is wrong with a task and its recorded runs; empty when all is well.

    Parameters
    ----------
    task : Task
    folder : Path, optional
        Where ``variants.toml`` and ``reference.json`` lie: the task's own folder by default, or
        the same folder of a private pool.
    """
    pool = task.folder if folder is None else folder
    missing = [
        name for name in _FILES if not ((pool if name == "variants.toml" else task.folder) / name).is_file()
    ]
    found = [f"{task.id}: the file {name} is missing" for name in missing]
    if "variants.toml" in missing:
        return found
    variants = read_variants(pool)
    found += _about_variants(task, variants)
    found += _about_records(task, variants, pool)
    return found


def against_blueprint(blueprint: Blueprint, tasks: Mapping[str, Task]) -> list[str]:
    """Return where blueprint and task folders disagree."""
    found = []
    for slot in blueprint.tasks:
        task = tasks.get(slot.slot)
        if task is None:
            found += [
                f"{slot.slot}: the blueprint says available, and there is no such task"
            ] * slot.available
        elif (task.domain, task.points) != (slot.domain, slot.points):
            found.append(
                f"{slot.slot}: the blueprint says {slot.domain} and {slot.points:g} points, "
                f"task.toml {task.domain} and {task.points:g}"
            )
    known = {slot.slot for slot in blueprint.tasks}
    return found + [f"{task}: the blueprint has no such slot" for task in tasks if task not in known]


def always_the_same_option(tasks: Iterable[Task]) -> list[str]:
    """Return a finding when the best justification stands at the same place in every task."""
    places = [
        [option.credit for option in each.options].index(1.0) + 1
        for task in tasks
        for each in task.justifications
    ]
    if len(places) >= 3 and len(set(places)) == 1:
        return [f"the best justification is option {places[0]} in all {len(places)} questions: move some"]
    return []


def differences(recorded: Mapping[str, Any], played: Mapping[str, Any], tolerance: float = 0.02) -> list[str]:
    """Return how a run differs from ``reference.json``: materials exactly, floats within ``tolerance``.

    Parameters
    ----------
    recorded, played : mapping of str to Any
        One variant as :meth:`labkit.exams.task.playing.Played.as_json` gives it.
    tolerance : float
        Of each number, as a share of it, or absolute below one.
    """
    return [
        f"{'.'.join(place)}: recorded {old!r}, now {new!r}"
        for place, old, new in _pairs((), recorded, played)
        if not _close(old, new, tolerance)
    ]


def _pairs(place: tuple[str, ...], old: Any, new: Any) -> Iterable[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _pairs((*place, key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for position, pair in enumerate(zip(old, new, strict=True)):
            yield from _pairs((*place, str(position)), *pair)
    else:
        yield place, old, new


def _close(old: Any, new: Any, tolerance: float) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return abs(old - new) <= tolerance * max(1.0, abs(old))
    return bool(old == new)


def _about_variants(task: Task, variants: Sequence[Variant]) -> list[str]:
    reviewed = [variant for variant in variants if variant.reviewed]
    found = []
    if len(reviewed) < LEAST_VARIANTS:
        found.append(f"{task.id}: {LEAST_VARIANTS} reviewed variants are needed, there are {len(reviewed)}")
    if len({(each.seed, repr(each.params)) for each in variants}) < len(variants):
        found.append(f"{task.id}: two variants have the same seed and parameters")
    return found


def _about_records(task: Task, variants: Sequence[Variant], pool: Path) -> list[str]:
    try:
        reference = read_reference(pool)
        earned = _earned(pool)
    except LabkitError as error:
        return [str(error)]
    reviewed = [variant.id for variant in variants if variant.reviewed]
    lost = [name for name in reviewed if set(BOTS) - reference.get(name, {}).keys()]
    if lost:
        return [
            f"{task.id}: no recorded run on {', '.join(lost)}; run `labkit exam check {task.id} --record`"
        ]
    found = [
        f"{task.id} {name}: {problem}"
        for name in reviewed
        for problem in _places({bot: earned[name][bot] / task.points for bot in BOTS})
    ]
    found += _margins(task, [earned[name] for name in reviewed], [reference[name] for name in reviewed])
    return found


def _earned(pool: Path) -> dict[str, dict[str, float]]:
    path = pool / "reference.json"
    raw = json.loads(path.read_text(encoding="utf-8"))["variants"] if path.is_file() else {}
    return {
        variant: {bot: float(bots[bot].get("earned") or 0.0) for bot in BOTS if bot in bots}
        for variant, bots in raw.items()
    }


def _places(shares: Mapping[str, float]) -> list[str]:
    """Return which bots of one variant are not where they belong."""
    found = []
    if shares["reference"] < REFERENCE_LEAST - 1e-9:
        found.append(
            f"the reference earns {shares['reference']:.0%}, at least {REFERENCE_LEAST:.0%} is needed"
        )
    if shares["nothing"] > NOTHING_MOST + 1e-9:
        found.append(f"doing nothing earns {shares['nothing']:.0%}, at most {NOTHING_MOST:.0%} is allowed")
    if shares["lazy"] >= LAZY_MOST:
        found.append(f"the lazy bot earns {shares['lazy']:.0%}, less than {LAZY_MOST:.0%} is allowed")
    return found


def _margins(task: Task, earned: Sequence[Mapping[str, float]], reference: Sequence[Reference]) -> list[str]:
    """Return where two bots lie closer together than the variants scatter."""
    found = []
    for bot in ("nothing", "lazy"):
        gaps = [each["reference"] - each[bot] for each in earned]
        found += _margin(f"{task.id}: points of reference and {bot}", gaps)
    for criterion in task.criteria:
        if isinstance(criterion.zero_at, str) and isinstance(criterion.full_at, str):
            found += _margin(f"{task.id}: {criterion.metric}", _gaps(criterion, reference))
    return found


def _gaps(criterion: ExamCriterion, reference: Sequence[Reference]) -> list[float]:
    return [
        each[str(criterion.full_at)].get(criterion.metric, math.nan)
        - each[str(criterion.zero_at)].get(criterion.metric, math.nan)
        for each in reference
    ]


def _margin(what: str, gaps: Sequence[float]) -> list[str]:
    if any(math.isnan(gap) for gap in gaps):
        return [f"{what}: a bot has no measurement on some variant"]
    if len(gaps) < 2:
        return []
    mean, spread = statistics.fmean(gaps), statistics.stdev(gaps)
    if any(gap * mean <= 0 for gap in gaps) or abs(mean) < MARGIN * spread:
        return [
            f"{what}: {mean:.3g} apart on average with a standard deviation of {spread:.3g} over the "
            f"variants; at least {MARGIN:g} of them are needed, and none on the other side"
        ]
    return []
