"""Kinds of evidence that an organisation keeps, and the controls that each of them shows."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["Document", "documents"]

_FILE = Path(__file__).with_name("documents.toml")


@dataclass(frozen=True, slots=True)
class Document:
    """A piece of evidence.

    Attributes
    ----------
    id, title : str
    controls : frozenset of str
        Controls of ISO/IEC 42001 Annex A that it shows.
    """

    id: str
    title: str
    controls: frozenset[str]


@lru_cache(maxsize=1)
def documents() -> tuple[Document, ...]:
    """Return every kind of evidence, in the order of the file."""
    raw = tomllib.loads(_FILE.read_text(encoding="utf-8"))["document"]
    return tuple(Document(each["id"], each["title"], frozenset(each["controls"])) for each in raw)
