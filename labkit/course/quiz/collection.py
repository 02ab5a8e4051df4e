"""All items, read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from labkit.core.errors import DeclarationError, UnknownNameError
from labkit.course.quiz.item import Item
from labkit.course.quiz.reading import read_items

__all__ = ["bank", "find_item", "read_bank"]

FOLDER = Path(__file__).parent / "items"


@lru_cache(maxsize=1)
def bank() -> Mapping[str, Item]:
    """Return every item by its id, in the order of the files.

    Raises
    ------
    DeclarationError
        When an item is not declared as it should be; the message names file and line.
    """
    return MappingProxyType(read_bank(FOLDER))


def read_bank(folder: Path) -> dict[str, Item]:
    """Return the items of a folder of TOML files by their id."""
    found: dict[str, Item] = {}
    for path in sorted(folder.glob("*.toml")):
        for item in read_items(path):
            if item.id in found:
                raise DeclarationError(path, None, f"the id {item.id!r} is given to two items")
            found[item.id] = item
    return found


def find_item(id: str) -> Item:
    """Return the item with this id.

    Raises
    ------
    UnknownNameError
        When the bank has none; the message names what it has.
    """
    if id not in bank():
        raise UnknownNameError("item of the quiz", id, list(bank()))
    return bank()[id]
