"""Read the items: one TOML file for each list, every mistake with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from labkit.core.errors import LabkitError
from labkit.course.lab import DOMAINS, Option
from labkit.course.quiz.item import KINDS, Item, Pair, Part, Source, Step
from labkit.course.tables import Table, read_source
from labkit.course.texts import is_bare_verdict

__all__ = ["read_items", "read_named_source", "read_pairs", "read_parts", "read_steps", "read_why"]

T = TypeVar("T")


def read_items(path: Path) -> list[Item]:
    """Return the items that a file declares.

    Raises
    ------
    DeclarationError
        When the file is no TOML, a key is missing or unknown, a reason gives none, a source
        is in no bundled list, or an item cannot be decided.
    """
    top = read_source(path)
    items = [_item(table) for table in top.tables("item", least=1)]
    top.finish()
    return items


def _item(table: Table) -> Item:
    kind = table.choice("kind", KINDS)
    difficulty = table.integer("difficulty")
    if difficulty > 3:
        raise table.error("difficulty", f"expected 1, 2 or 3, got {difficulty}")
    question = table.text("question")
    item = Item(
        id=table.text("id"),
        kind=kind,
        domain=table.choice("domain", tuple(DOMAINS)),
        difficulty=difficulty,
        question=question,
        timely=table.boolean("timely") if "timely" in table else False,
        sources=tuple(read_named_source(table, name) for name in table.texts("sources")),
        parts=read_parts(table, kind, question),
        pairs=read_pairs(table) if kind == "matching" else (),
        steps=read_steps(table) if kind == "ordering" else (),
    )
    if not item.sources:
        raise table.error("sources", "expected at least one id of a bundled list")
    table.finish()
    return item


def read_named_source(table: Table, name: str) -> Source:
    """Return the source with this id; ``table`` is where a mistake is reported."""
    try:
        return Source.of(name)
    except LabkitError as error:
        raise table.error("sources", str(error)) from None


def read_parts(table: Table, kind: str, question: str) -> tuple[Part, ...]:
    """Return the questions of an item with options; none for another kind."""
    if kind == "case":
        return tuple(_case_part(each) for each in table.tables("part", least=2))
    if kind in ("single", "multiple"):
        part = Part(question, _options(table))
        if (len(part.right) == 1) != (kind == "single"):
            raise table.error("kind", f"expected {_SAID[kind]} right, got {len(part.right)}")
        return (part,)
    return ()


_SAID = {"single": "exactly one option", "multiple": "two or more options"}


def _case_part(table: Table) -> Part:
    part = Part(table.text("question"), _options(table))
    table.finish()
    return part


def _options(table: Table) -> tuple[Option, ...]:
    options = tuple(_option(each) for each in table.tables("options", least=3))
    right = sum(option.correct for option in options)
    if not 0 < right < len(options):
        raise table.error("options", "expected some options to be right and some not")
    _distinct(table, "options", [option.text for option in options])
    return options


def _option(table: Table) -> Option:
    option = Option(
        table.text("text"), table.boolean("correct") if "correct" in table else False, read_why(table)
    )
    table.finish()
    return option


def read_pairs(table: Table) -> tuple[Pair, ...]:
    """Return the pairs of a matching item, those without a left side last."""

    def pair(each: Table) -> Pair:
        return Pair(each.text("left"), each.text("right"), read_why(each))

    def decoy(each: Table) -> Pair:
        return Pair("", each.text("right"), read_why(each))

    pairs = (*_read(table, "pairs", 3, pair), *_read(table, "decoys", 0, decoy))
    _distinct(table, "pairs", [each.right for each in pairs])
    _distinct(table, "pairs", [each.left for each in pairs if each.left])
    return pairs


def read_steps(table: Table) -> tuple[Step, ...]:
    """Return the steps of an ordering item, in the right order."""
    steps = _read(table, "steps", 3, lambda each: Step(each.text("text"), read_why(each)))
    _distinct(table, "steps", [step.text for step in steps])
    return steps


def _read(table: Table, key: str, least: int, make: Callable[[Table], T]) -> tuple[T, ...]:
    made = []
    for each in table.tables(key, least=least):
        made.append(make(each))
        each.finish()
    return tuple(made)


def read_why(table: Table) -> str:
    """Return the reason that a table gives, which has to be one."""
    why = table.text("why")
    if is_bare_verdict(why):
        raise table.error("why", f"{why!r} says only right or wrong: say why")
    return why


def _distinct(table: Table, key: str, texts: list[str]) -> None:
    if len({text.casefold() for text in texts}) != len(texts):
        raise table.error(key, "expected every text once")
