"""Which standards an exam is aligned with, in which edition: declared in the blueprint, domain by domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    from labkit.course.tables import Table
    from labkit.exams.blueprint import Blueprint

__all__ = ["Alignment", "aligned", "alignments_of", "other_editions", "read_editions", "read_standards"]

_OURS = "own work"
"""Confidence of a list that nobody published but we: there is nothing to be aligned with."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """A bundled standard (``iso-42001``) or an entry of one (``AML.T0043``), in one edition."""

    id: str
    edition: str


def read_editions(top: Table) -> dict[str, str]:
    """Return the table ``[standards]`` of a blueprint: id to edition; empty without one.

    Raises
    ------
    DeclarationError
        Naming file and line: an id that no bundled list has, or no words for an edition.
    """
    editions = top.mapping("standards")
    for id, edition in editions.items():
        if not isinstance(edition, str) or not edition.strip():
            raise top.source.error(("standards", id), f"expected an edition of {id!r}, got {edition!r}")
        try:
            _bundled(id)
        except (UnknownNameError, InvalidInputError) as error:
            raise top.source.error(("standards", id), str(error)) from None
    return editions


def other_editions(blueprint: Blueprint) -> list[str]:
    """Return where a blueprint and the bundled lists have different editions.

    It is no mistake of the blueprint: an exam that was frozen goes on to name what it was written
    for.  Whoever gives the next one has to see whether it still fits.
    """
    found = {each.id: each.edition for domain in blueprint.domains for each in domain.standards}
    return [
        f"{id}: the blueprint was written for the edition {edition!r}, and the bundled list is "
        f"{_bundled(id)!r}: see whether the exam still fits, and say so in [standards]"
        for id, edition in found.items()
        if edition != _bundled(id)
    ]


def read_standards(table: Table, editions: Mapping[str, str]) -> tuple[Alignment, ...]:
    """Return the key ``standards`` of a domain; what it names has to stand in ``[standards]``.

    Raises
    ------
    DeclarationError
        Naming file and line, for an id without an edition or one that is there twice.
    """
    ids = table.texts("standards", default=())
    for id in ids:
        if id not in editions:
            raise table.error(
                "standards", str(UnknownNameError("standard of this blueprint ([standards])", id, editions))
            )
    if len(set(ids)) < len(ids):
        raise table.error("standards", f"expected every standard once, got {', '.join(ids)}")
    return tuple(Alignment(id, editions[id]) for id in ids)


def alignments_of(blueprint: Blueprint) -> dict[str, list[dict[str, str]]]:
    """Return domain to its alignments, as JSON holds them."""
    return {
        domain.id: [{"id": each.id, "edition": each.edition} for each in domain.standards]
        for domain in blueprint.domains
    }


def aligned(
    alignments: Mapping[str, Iterable[Mapping[str, str]]], domains: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Return what a result is aligned with: the standards of the domains that its form examined.

    Parameters
    ----------
    alignments : mapping of str to iterable of mapping
        As :func:`alignments_of` returns them.
    domains : mapping of str to mapping
        ``domains`` of a score sheet; one without points was not examined.
    """
    found: dict[str, dict[str, str]] = {}
    for domain, standards in alignments.items():
        if domains.get(domain, {}).get("points"):
            found |= {each["id"]: dict(each) for each in standards}
    return list(found.values())


def _bundled(id: str) -> str:
    """Return the bundled edition of a list or of an entry."""
    from labkit.governance.standards import lookup, standards

    lists = {each.id: each for each in standards()}
    whole = lists.get(id)
    entry = None if whole else lookup(id)
    if lists[entry.standard if entry else id].confidence == _OURS:
        raise UnknownNameError("published standard", id, ())
    return entry.edition if entry else lists[id].edition
