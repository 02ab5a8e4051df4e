"""Read a task folder: ``task.toml``, ``variants.toml``, ``reference.json``, and its trusted code."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from labkit.core.errors import DeclarationError, UnknownNameError
from labkit.course.tables import Table, read_source
from labkit.exams.blueprint import exam_folder
from labkit.exams.task.fields import read_field
from labkit.exams.task.types import (
    PARTS,
    Critical,
    ExamCriterion,
    HandInField,
    Justification,
    JustificationOption,
    Overclaim,
    Task,
    Variant,
)

__all__ = [
    "BOTS",
    "Reference",
    "find_task",
    "load_code",
    "read_reference",
    "read_task",
    "read_variants",
    "tasks_of",
]

BOTS = ("reference", "nothing", "lazy")
"""Who plays a variant before a candidate does."""

Reference = Mapping[str, Mapping[str, float]]
"""Recorded metrics of one variant: bot to metric to value."""


def tasks_of(folder: Path | None = None) -> dict[str, Task]:
    """Return the tasks of an exam by their id, in the order T1, T2, …, T10.

    Parameters
    ----------
    folder : Path, optional
        Folder of the exam; the one that ships with labkit by default.
    """
    base = (exam_folder() if folder is None else folder) / "tasks"
    found = [read_task(path.parent) for path in base.glob("*/task.toml")]
    return {task.id: task for task in sorted(found, key=lambda task: (len(task.id), task.id))}


def find_task(task_id: str, folder: Path | None = None) -> Task:
    """Return one task of an exam.

    Raises
    ------
    UnknownNameError
        When the exam has no such task.
    """
    base = exam_folder() if folder is None else folder
    if not re.fullmatch(r"T\d{1,3}", task_id) or not (base / "tasks" / task_id / "task.toml").is_file():
        raise UnknownNameError("task of the exam", task_id, tasks_of(base))
    return read_task(base / "tasks" / task_id)


def read_task(folder: Path) -> Task:
    """Read and check ``task.toml`` of a task folder.

    Raises
    ------
    DeclarationError
        Naming file and line: an unknown or missing key, a limit that does not fit its kind, a
        criterion that names no bot, shares other than 60, 20 and 20 percent of the points.
    """
    top = read_source(folder / "task.toml")
    justifications = tuple(_justification(table) for table in top.tables("justification"))
    fields = tuple(read_field(table) for table in top.tables("hand_in", least=1))
    task = Task(
        id=top.text("id"),
        title=top.text("title"),
        domain=top.text("domain"),
        points=top.number("points"),
        minutes=top.integer("minutes"),
        fields=(*fields, *map(_as_field, justifications)),
        criteria=tuple(_criterion(table) for table in top.tables("criterion", least=1)),
        justifications=justifications,
        overclaim=_overclaim(top.table("overclaim")) if "overclaim" in top else None,
        critical=tuple(_critical(table) for table in top.tables("critical")),
        folder=folder,
        reproduce=top.boolean("reproduce") if "reproduce" in top else False,
    )
    top.finish()
    _check(task, top)
    return task


def read_variants(folder: Path) -> tuple[Variant, ...]:
    """Read ``variants.toml`` of a task folder, or of the same folder in a private pool.

    Raises
    ------
    DeclarationError
        Naming file and line: a missing or unknown key, an id used twice.
    """
    top = read_source(folder / "variants.toml")
    variants: list[Variant] = []
    for table in top.tables("variant", least=1):
        variant = Variant(
            table.text("id"),
            table.integer("seed", least=0),
            table.mapping("params") if "params" in table else {},
            table.text("reviewed_by", ""),
            table.text("reviewed_on", ""),
        )
        table.finish()
        if variant.id in {each.id for each in variants}:
            raise table.error("id", f"the variant {variant.id!r} is there twice")
        variants.append(variant)
    top.finish()
    return tuple(variants)


def read_reference(folder: Path) -> dict[str, Reference]:
    """Return what the bots measured on each variant, from ``reference.json``; empty without one.

    Raises
    ------
    DeclarationError
        When the file is no such record.
    """
    path = folder / "reference.json"
    if not path.is_file():
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))["variants"]
        return {
            variant: {
                bot: {
                    name: math.nan if value is None else float(value)
                    for name, value in run["metrics"].items()
                }
                for bot, run in bots.items()
                if bot in BOTS
            }
            for variant, bots in raw.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeclarationError(path, None, f"expected a record of `labkit exam check`: {error!r}") from None


def load_code(task: Task, name: str = "task") -> ModuleType:
    """Return ``task.py`` or ``bots.py`` of a task as a module.

    Raises
    ------
    DeclarationError
        When the file is missing.
    """
    path = task.folder.resolve() / f"{name}.py"
    key = re.sub(r"\W", "_", f"labkit_exam_{path.parent}_{name}")
    if key in sys.modules:
        return sys.modules[key]
    spec = importlib.util.spec_from_file_location(key, path, loader=_FromSource(key, str(path)))
    if not path.is_file() or spec is None or spec.loader is None:
        raise DeclarationError(path, None, f"the task {task.id} needs the file {name}.py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look a module up by its name.
    sys.modules[key] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[key]
        raise
    return module


class _FromSource(SourceFileLoader):
    """Runs what stands in the file: bytecode beside a frozen exam is in no digest of it."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _as_field(each: Justification) -> HandInField:
    return HandInField(each.field, "number", each.question, dtype="int64", low=1, high=len(each.options))


def _criterion(table: Table) -> ExamCriterion:
    criterion = ExamCriterion(
        table.text("metric"),
        table.choice("part", tuple(PARTS)),
        _positive(table, "points"),
        _end(table, "zero_at"),
        _end(table, "full_at"),
    )
    table.finish()
    if criterion.zero_at == criterion.full_at:
        raise table.error("full_at", f"expected another value than zero_at, got {criterion.full_at!r} twice")
    return criterion


def _end(table: Table, key: str) -> float | str:
    value = table.number_or_text(key)
    return table.choice(key, BOTS) if isinstance(value, str) else value


def _positive(table: Table, key: str) -> float:
    value = table.number(key)
    if value <= 0:
        raise table.error(key, f"expected {key!r} above 0, got {value:g}")
    return value


def _justification(table: Table) -> Justification:
    question = Justification(table.text("id"), table.text("question"), tuple(_options(table)))
    table.finish()
    credits = [option.credit for option in question.options]
    if max(credits) != 1 or min(credits) > 0.5:
        raise table.error("options", "expected an option of credit 1, and one of at most 0.5")
    return question


def _options(table: Table) -> list[JustificationOption]:
    found = []
    for option in table.tables("options", least=2):
        credit = option.number("credit")
        if not 0 <= credit <= 1:
            raise option.error("credit", f"expected a credit from 0 to 1, got {credit:g}")
        found.append(JustificationOption(option.text("text"), credit, option.text("why")))
        option.finish()
    return found


def _overclaim(table: Table) -> Overclaim:
    rule = Overclaim(table.text("claim"), table.text("metric"), _positive(table, "tolerance"))
    table.finish()
    return rule


def _critical(table: Table) -> Critical:
    rule = Critical(
        table.text("metric"),
        table.choice("when", ("above", "below")),
        table.number("limit"),
        table.text("say"),
    )
    table.finish()
    return rule


def _check(task: Task, top: Table) -> None:
    """Hold the parts of a task against each other."""
    names = [field.name for field in task.fields]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise top.error("hand_in", f"expected every name once, got {', '.join(twice)} more often")
    if task.overclaim and task.overclaim.claim not in {f.name for f in task.fields if f.kind == "number"}:
        raise top.error("overclaim", f"no number called {task.overclaim.claim!r} is handed in")
    for part, share in PARTS.items():
        points = math.fsum(each.points for each in task.criteria if each.part == part)
        if not math.isclose(points, share * task.points, abs_tol=0.011):
            raise top.error(
                "criterion",
                f"expected {share:.0%} of {task.points:g} points for the part {part!r}, "
                f"{share * task.points:g}; got {points:g}",
            )
    asks = any(each.metric == "justification" for each in task.criteria)
    if asks != bool(task.justifications):
        raise top.error(
            "criterion", "expected a criterion on the metric 'justification' exactly when there is one"
        )
