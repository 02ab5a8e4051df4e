"""Play a task of the exam with any hand-in: check, measure, mark, as the grader does."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from labkit.exams.issued import Issued
from labkit.exams.task import (
    TaskMark,
    Variant,
    check_hand_in,
    find_task,
    load_code,
    mark_task,
    read_reference,
    read_variants,
)
from labkit.exams.task.playing import issue, measure

issued_of = lru_cache(maxsize=64)(issue)


task_of = lru_cache(maxsize=16)(find_task)
recorded = lru_cache(maxsize=16)(read_reference)


def variants_of(name: str) -> dict[str, Variant]:
    return {variant.id: variant for variant in read_variants(task_of(name).folder)}


def bot(name: str, who: str, variant: Variant) -> dict[str, Any]:
    task = task_of(name)
    return dict(getattr(load_code(task, "bots"), who)(issued_of(task, variant), variant))


def solution_table(name: str, table: str) -> Any:
    """Return a table that the solution of a task reads with, out of its cells."""
    tree = ast.parse((task_of(name).folder / "cells.py").read_text(encoding="utf-8"))
    return next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == table
    )


def issued(name: str, variant: Variant) -> Issued:
    return issued_of(task_of(name), variant)


def problems(name: str, variant: Variant, hand_in: Mapping[str, Any]) -> Mapping[str, str]:
    return check_hand_in(task_of(name), issued(name, variant).facts, hand_in).problems


def mark(name: str, variant: Variant, hand_in: Mapping[str, Any]) -> TaskMark:
    """Mark a hand-in; what the check refuses is not there, as in the grader."""
    task = task_of(name)
    values = check_hand_in(task, issued(name, variant).facts, hand_in).values
    reference = recorded(task.folder)[variant.id]
    return mark_task(task, reference, measure(task, variant, values).metrics, values)


def share(name: str, variant: Variant, hand_in: Mapping[str, Any]) -> float:
    return mark(name, variant, hand_in).earned / task_of(name).points


def metrics(name: str, variant: Variant, hand_in: Mapping[str, Any]) -> Mapping[str, float]:
    """Measure a hand-in that went past the check, as if somebody had written it into the envelope."""
    return measure(task_of(name), variant, hand_in).metrics
