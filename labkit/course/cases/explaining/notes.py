"""The transparency note: structured choices, each with its reason, and figures that are measured again."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.core.errors import InvalidInputError, UnknownNameError

__all__ = ["FIGURES", "Entry", "Option", "check_note", "entries", "right_note"]

FIGURES = ("flip_share", "witness")
"""What a note states beside its choices: a share of files, and the number of one file."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer: what is written, and what that would mean."""

    id: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One question that a note answers; the first option is the one that the facts bear out."""

    id: str
    title: str
    question: str
    options: tuple[Option, ...]

    @property
    def right(self) -> str:
        """The id of the answer that the facts bear out."""
        return self.options[0].id

    def option(self, answer: str) -> Option:
        """Return an option by its id."""
        return next(each for each in self.options if each.id == answer)

    def shown(self) -> list[Option]:
        """Return the options in an order that says nothing: by their text."""
        return sorted(self.options, key=lambda each: each.text)


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Return every question of a note, in the order of ``note.toml``."""
    declared = tomllib.loads((Path(__file__).parent / "note.toml").read_text(encoding="utf-8"))
    return tuple(
        Entry(
            each["id"], each["title"], each["question"], tuple(Option(**option) for option in each["option"])
        )
        for each in declared["entry"]
    )


def right_note() -> dict[str, str]:
    """Return the answers that the facts bear out, without the figures."""
    return {entry.id: entry.right for entry in entries()}


def check_note(note: Mapping[str, Any]) -> dict[str, Any]:
    """Return a note with what is not answered left empty.

    Parameters
    ----------
    note : mapping
        The id of an option for the id of each question, ``flip_share`` (0 to 1) and ``witness`` (the
        position of a file).

    Raises
    ------
    InvalidInputError, UnknownNameError
        When it is no mapping, or holds a question, answer or figure that is not known.
    """
    if not isinstance(note, Mapping):
        raise InvalidInputError(f"expected a note as a mapping of questions to answers, got {note!r}")
    known = {entry.id: {option.id for option in entry.options} for entry in entries()}
    for name, answer in note.items():
        if name not in known and name not in FIGURES:
            raise UnknownNameError("question of the note", str(name), (*known, *FIGURES))
        if name in known and answer not in known[name] and answer:
            raise UnknownNameError(f"answer to {name}", str(answer), known[name])
    made: dict[str, Any] = {name: note.get(name) or "" for name in known}
    share, witness = note.get("flip_share", -1.0), note.get("witness", -1)
    if isinstance(share, bool) or not isinstance(share, int | float) or not math.isfinite(share) or share > 1:
        raise InvalidInputError(f"expected flip_share as a share from 0 to 1, got {share!r}")
    if isinstance(witness, bool) or not isinstance(witness, int):
        raise InvalidInputError(f"expected witness as the position of a file, got {witness!r}")
    return {**made, "flip_share": float(share), "witness": witness}
