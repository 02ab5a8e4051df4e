"""The words of the house, each in one or two sentences."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from labkit.core.errors import DeclarationError

__all__ = ["Term", "terms"]

_PATH = Path(__file__).parent / "glossary.toml"


@dataclass(frozen=True, slots=True)
class Term:
    """A word, what it means here, what to read beside it, and where it comes from."""

    term: str
    text: str
    see: tuple[str, ...] = ()
    source: str = ""


@lru_cache(maxsize=1)
def terms() -> dict[str, Term]:
    """Return every term by its name, in the order of the alphabet.

    Raises
    ------
    DeclarationError
        When a term refers to one that is not there.
    """
    table = tomllib.loads(_PATH.read_text(encoding="utf-8"))
    found = {
        name: Term(name, entry["text"], tuple(entry.get("see", ())), entry.get("source", ""))
        for name, entry in sorted(table.items(), key=lambda item: item[0].casefold())
    }
    for term in found.values():
        for other in term.see:
            if other not in found:
                raise DeclarationError(
                    _PATH, None, f"{term.term!r} refers to {other!r}, which is not defined"
                )
    return found
