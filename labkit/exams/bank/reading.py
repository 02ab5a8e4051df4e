"""Read the items of an exam: TOML files, every mistake with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from labkit.course.lab import DOMAINS
from labkit.course.quiz.reading import read_named_source, read_pairs, read_parts, read_steps, read_why
from labkit.course.tables import Table, read_source
from labkit.exams.bank.filling import filled, placeholders, texts_of
from labkit.exams.bank.item import (
    EXHIBITS,
    KINDS,
    LEVELS,
    STATUS,
    BankItem,
    Exhibit,
    Mistake,
    Number,
    Paper,
    Variant,
)

__all__ = ["read_bank_items"]

_ID = re.compile(r"(d[1-7])-[a-z0-9]+(-[a-z0-9]+)*")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


def read_bank_items(path: Path) -> list[BankItem]:
    """Return the items that a file declares.

    Raises
    ------
    DeclarationError
        When the file is no TOML, a key is missing or unknown, a reason gives none, a source is
        in no bundled list, an item cannot be decided, or a placeholder has no word.
    """
    top = read_source(path)
    role = top.text("author_role")
    items = [_item(table, role) for table in top.tables("item", least=1)]
    top.finish()
    return items


def _item(table: Table, role: str) -> BankItem:
    kind = table.choice("kind", KINDS)
    question = table.text("question")
    difficulty = table.integer("difficulty")
    if difficulty > 3:
        raise table.error("difficulty", f"expected 1, 2 or 3, got {difficulty}")
    item = BankItem(
        id=table.text("id"),
        topic=table.text("topic") if "topic" in table else "",
        revision=table.integer("revision"),
        kind=kind,
        domain=table.choice("domain", tuple(DOMAINS)),
        level=table.choice("level", LEVELS),
        difficulty=difficulty,
        status=table.choice("status", STATUS),
        anchor=table.boolean("anchor") if "anchor" in table else False,
        author_role=table.text("author_role", role),
        question=question,
        timely=table.boolean("timely") if "timely" in table else False,
        sources=tuple(read_named_source(table, name) for name in table.texts("sources", default=())),
        papers=tuple(_papers(table)),
        exhibit=_exhibit(table.table("exhibit")) if "exhibit" in table else None,
        parts=read_parts(table, "case" if kind == "scenario" else kind, question),
        pairs=read_pairs(table) if kind == "matching" else (),
        steps=read_steps(table) if kind == "ordering" else (),
    )
    _check(table, item)
    varied = "variants" in table
    if kind == "numeric":
        item = replace(item, number=_number(table, varied))
    if varied:
        item = _with_variants(table, item)
    table.finish()
    return item


def _check(table: Table, item: BankItem) -> None:
    found = _ID.fullmatch(item.id)
    if not found or found[1].upper() != item.domain:
        raise table.error("id", f"expected an id as {item.domain.lower()}-042, got {item.id!r}")
    if not item.sources and not item.papers:
        raise table.error("sources", "expected at least one id of a bundled list, or [[item.papers]]")
    if item.kind == "scenario" and item.exhibit is None:
        raise table.error("kind", "expected a scenario to have an exhibit: [item.exhibit]")


def _papers(table: Table) -> Iterator[Paper]:
    for each in table.tables("papers"):
        paper = Paper(each.text("title"), each.text("link"), each.integer("year", least=1900))
        if not paper.link.startswith("https://"):
            raise each.error("link", f"expected a link that begins with https://, got {paper.link!r}")
        each.finish()
        yield paper


def _exhibit(table: Table) -> Exhibit:
    kind, title = table.choice("kind", EXHIBITS), table.text("title")
    if kind == "table":
        columns, rows = table.texts("columns"), _rows(table)
        if any(len(row) != len(columns) for row in rows):
            raise table.error("rows", f"expected {len(columns)} cells in every row")
        exhibit = Exhibit(kind, title, columns=columns, rows=rows)
    else:
        exhibit = Exhibit(kind, title, text=table.text("text").strip("\n"))
    table.finish()
    return exhibit


def _rows(table: Table) -> tuple[tuple[str, ...], ...]:
    rows = table.listing("rows")
    for row in rows:
        if not isinstance(row, list) or not all(isinstance(cell, str) for cell in row):
            raise table.error("rows", f"expected rows of texts, got {row!r}")
    return tuple(tuple(row) for row in rows)


def _number(table: Table, varied: bool) -> Number:
    tolerance = table.number("tolerance")
    if tolerance < 0:
        raise table.error("tolerance", f"expected a tolerance of at least 0, got {tolerance}")
    mistakes = []
    for each in table.tables("mistakes"):
        # With variants the values stand in each of them.
        mistakes.append(Mistake(0.0 if varied else each.number("value"), read_why(each)))
        each.finish()
    return Number(
        0.0 if varied else table.number("value"),
        tolerance,
        table.text("unit") if "unit" in table else "",
        read_why(table),
        tuple(mistakes),
    )


def _with_variants(table: Table, item: BankItem) -> BankItem:
    wanted = {name for text in texts_of(item) for name in placeholders(text)}
    variants = tuple(_variant(each, item, wanted) for each in table.tables("variants", least=2))
    if len({variant.id for variant in variants}) != len(variants):
        raise table.error("variants", "expected every id of a variant once")
    item = replace(item, variants=variants)
    for variant in variants:
        said = filled(item, variant.id)
        shown = [[option.text for option in part.options] for part in said.parts]
        shown += [[pair.right for pair in said.pairs], [step.text for step in said.steps]]
        if any(len({text.casefold() for text in texts}) != len(texts) for texts in shown):
            raise table.error("variants", f"in variant {variant.id!r} two texts become the same")
    return item


def _variant(table: Table, item: BankItem, wanted: set[str]) -> Variant:
    words = table.mapping("words")
    if set(words) != wanted or not wanted:
        names = ", ".join(sorted(wanted)) or "no placeholder at all"
        raise table.error("words", f"expected a word for each of {names}; got {', '.join(sorted(words))}")
    for name, word in words.items():
        if not isinstance(word, str) or not _WORD.fullmatch(name):
            raise table.error("words", f"expected small words as names and texts, got {name} = {word!r}")
    id = table.text("id")
    value: float | None = None
    mistakes: tuple[float, ...] = ()
    if item.number is not None:
        value, mistakes = table.number("value"), _mistake_values(table, len(item.number.mistakes))
    table.finish()
    return Variant(id, dict(words), value, mistakes)


def _mistake_values(table: Table, count: int) -> tuple[float, ...]:
    values = table.listing("mistakes") if "mistakes" in table else []
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise table.error("mistakes", f"expected a list of numbers, got {values}")
    if len(values) != count:
        raise table.error("mistakes", f"expected a number for each of {count} mistakes, got {len(values)}")
    return tuple(float(value) for value in values)
