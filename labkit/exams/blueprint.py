"""The blueprint of an exam: domains and weights, tasks, items, and the rule that decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labkit.core.paths import content_dir
from labkit.course.tables import Table, read_source
from labkit.exams.aligning import Alignment, read_editions, read_standards

__all__ = ["Blueprint", "Decision", "Domain", "Slot", "exam_folder", "read_blueprint"]

EXAM = "practitioner"
"""The exam that ships with labkit."""


@dataclass(frozen=True, slots=True)
class Domain:
    """One part of the field: its share of all points in percent, items, and what it is aligned with."""

    id: str
    title: str
    weight: float
    items: int
    standards: tuple[Alignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """Place of a task in the exam; one that is not ``available`` is left out of forms."""

    slot: str
    domain: str
    points: float
    available: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What has to be reached: shares of the whole, of the practical part, and of each heavy domain.

    Attributes
    ----------
    cut, practical, domain : float
        Shares between 0 and 1.
    domain_weight : float
        Domains with at least this weight are held to ``domain``.
    """

    cut: float
    practical: float
    domain: float
    domain_weight: float


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that a form is drawn by.

    Attributes
    ----------
    id, title, version : str
    minutes : int
        Time of a full sitting.
    domains : tuple of Domain
    tasks : tuple of Slot
    item_points : float
        Points of all items of a full form together.
    kinds : mapping of str to int
        How many items of each kind a full form holds.
    decision : Decision
    valid_months : int
        How long a credential is valid.
    """

    id: str
    title: str
    version: str
    minutes: int
    domains: tuple[Domain, ...]
    tasks: tuple[Slot, ...]
    item_points: float
    kinds: Mapping[str, int] = field(hash=False)
    decision: Decision
    valid_months: int

    @property
    def available(self) -> tuple[Slot, ...]:
        """The slots that a form can hold."""
        return tuple(slot for slot in self.tasks if slot.available)

    @property
    def item_count(self) -> int:
        """Items of a full form."""
        return sum(domain.items for domain in self.domains)

    def item_worth(self) -> float:
        """Return the points of one item."""
        return self.item_points / self.item_count


def exam_folder(exam: str = EXAM) -> Path:
    """Return the folder of an exam: ``exams/<exam>``."""
    return content_dir("exams") / exam


def read_blueprint(path: Path | None = None) -> Blueprint:
    """Read ``blueprint.toml``.

    Parameters
    ----------
    path : Path, optional
        The file, or the folder that it lies in; the exam that ships with labkit by default.

    Raises
    ------
    DeclarationError
        Naming file and line: a missing or unknown key, weights that are not 100 in sum, points
        of tasks and items that do not add up to a domain's weight, an unknown domain, a slot
        named twice, a standard that is in no bundled list, or in no domain.
    """
    path = exam_folder() if path is None else path
    top = read_source(path / "blueprint.toml" if path.is_dir() else path)
    editions = read_editions(top)
    domains = tuple(_domain(table, editions) for table in top.tables("domain", least=1))
    tasks = tuple(_slot(table, {each.id for each in domains}) for table in top.tables("task", least=1))
    items = top.table("items")
    blueprint = Blueprint(
        id=top.text("id"),
        title=top.text("title"),
        version=top.text("version"),
        minutes=top.integer("minutes"),
        domains=domains,
        tasks=tasks,
        item_points=items.number("points"),
        kinds=_counts(items, "kinds"),
        decision=_decision(top.table("decision")),
        valid_months=_months(top.table("validity")),
    )
    items.finish()
    top.finish()
    for id in editions.keys() - {each.id for domain in domains for each in domain.standards}:
        raise top.source.error(("standards", id), f"no domain is aligned with {id!r}")
    _check(blueprint, top)
    return blueprint


def _domain(table: Table, editions: Mapping[str, str]) -> Domain:
    domain = Domain(
        table.text("id"),
        table.text("title"),
        _share(table, "weight", 100),
        table.integer("items", least=0),
        read_standards(table, editions),
    )
    table.finish()
    return domain


def _slot(table: Table, domains: set[str]) -> Slot:
    slot = Slot(
        table.text("slot"),
        table.choice("domain", sorted(domains)),
        _share(table, "points", 100),
        table.boolean("available"),
    )
    table.finish()
    return slot


def _decision(table: Table) -> Decision:
    shares = [_share(table, name, 1) for name in ("cut", "practical", "domain")]
    decision = Decision(shares[0], shares[1], shares[2], _share(table, "domain_weight", 100))
    table.finish()
    return decision


def _months(table: Table) -> int:
    months = table.integer("months")
    table.finish()
    return months


def _counts(table: Table, key: str) -> dict[str, int]:
    counts = table.mapping(key)
    for name, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise table.error(key, f"expected {name!r} as a whole number from 0 up, got {count!r}")
    return dict(counts)


def _share(table: Table, key: str, most: float) -> float:
    value = table.number(key)
    if not 0 < value <= most:
        raise table.error(key, f"expected {key!r} above 0 and at most {most:g}, got {value:g}")
    return value


def _check(blueprint: Blueprint, top: Table) -> None:
    """Hold the parts of a blueprint against each other."""
    for key, names in (
        ("domain", [each.id for each in blueprint.domains]),
        ("task", [each.slot for each in blueprint.tasks]),
    ):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise top.error(key, f"expected every [[{key}]] once, got {', '.join(twice)} more often")
    total = math.fsum(domain.weight for domain in blueprint.domains)
    if not math.isclose(total, 100):
        raise top.error("domain", f"expected weights of 100 in sum, got {total:g}")
    if blueprint.item_count == 0:
        raise top.error("domain", "expected at least one item")
    for domain in blueprint.domains:
        tasks = math.fsum(slot.points for slot in blueprint.tasks if slot.domain == domain.id)
        worth = tasks + domain.items * blueprint.item_worth()
        if not math.isclose(worth, domain.weight):
            raise top.error(
                "domain",
                f"expected tasks and items of {domain.id} to be worth its weight {domain.weight:g}, "
                f"got {worth:g}",
            )
    if blueprint.kinds and sum(blueprint.kinds.values()) != blueprint.item_count:
        raise top.error(
            "items", f"expected kinds of {blueprint.item_count} items in sum, got {dict(blueprint.kinds)}"
        )
