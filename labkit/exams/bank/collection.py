"""All items of an exam, read from a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from labkit.core.errors import DeclarationError, InvalidInputError, UnknownNameError
from labkit.exams.bank.enemies import ENEMIES, Enemies, read_enemies
from labkit.exams.bank.item import BankItem
from labkit.exams.bank.reading import read_bank_items

__all__ = ["Bank", "read_bank"]


@dataclass(frozen=True, slots=True)
class Bank:
    """Items by their id, in the order of the files, the folder that they were read from, and enemies."""

    items: Mapping[str, BankItem]
    folder: Path
    enemies: tuple[Enemies, ...] = ()

    def __iter__(self) -> Iterator[BankItem]:
        return iter(self.items.values())

    def __len__(self) -> int:
        return len(self.items)

    def live(self, domain: str | None = None) -> list[BankItem]:
        """Return the items that may be drawn: those reviewed, of one domain or of all."""
        return [item for item in self if item.status == "reviewed" and domain in (None, item.domain)]

    def find(self, id: str, revision: int | None = None) -> BankItem:
        """Return an item, in the revision that a form names.

        Raises
        ------
        UnknownNameError
            When the bank has no such item.
        InvalidInputError
            When the bank holds another revision of it.
        """
        if id not in self.items:
            raise UnknownNameError("item of the exam", id, list(self.items))
        item = self.items[id]
        if revision not in (None, item.revision):
            raise InvalidInputError(
                f"expected revision {revision} of {id}, got revision {item.revision}: "
                "read the bank that the form was drawn from"
            )
        return item


def read_bank(folder: Path) -> Bank:
    """Return the items of a folder of TOML files, and which of them are enemies.

    Raises
    ------
    DeclarationError
        When an item or a group of enemies is not declared as it should be, or an id is given
        twice; with file and line.
    """
    found: dict[str, BankItem] = {}
    for path in sorted(set(folder.glob("*.toml")) - {folder / ENEMIES}):
        for item in read_bank_items(path):
            if item.id in found:
                raise DeclarationError(path, None, f"the id {item.id!r} is given to two items")
            found[item.id] = item
    if not found:
        raise DeclarationError(folder, None, "expected items in files *.toml, found none")
    return Bank(MappingProxyType(found), folder, read_enemies(folder, found))
