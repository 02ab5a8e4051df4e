"""Find the line on which a TOML file says something; ``tomllib`` does not tell.

A place is a path of keys and positions, as in the parsed data: ``("checkpoint", 2, "why",
0, "when")`` is the key ``when`` in the first ``[[checkpoint.why]]`` below the third
``[[checkpoint]]``.
"""

from __future__ import annotations

import re

__all__ = ["Place", "locate"]

Place = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=(.*)$")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")
_STRING = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*|[\[\]{}]")


def locate(text: str) -> dict[Place, int]:
    """Return the line (from 1) of every table header and every key of ``text``."""
    lines: dict[Place, int] = {(): 1}
    counts: dict[Place, int] = {}
    table: Place = ()
    open_value = _OpenValue()
    for number, line in enumerate(text.splitlines(), start=1):
        if open_value:
            open_value.read(line)
        elif header := _HEADER.match(line):
            table = _enter(_parts(header[2]), header[1] == "[[", counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
            open_value.read(key[2])
    return lines


def _enter(names: list[str], is_array: bool, counts: dict[Place, int]) -> Place:
    """Return the place that a header opens; ``counts`` holds the length of each array so far."""
    place: Place = ()
    for name in names[:-1]:
        place = (*place, name)
        if place in counts:
            place = (*place, counts[place] - 1)
    place = (*place, names[-1])
    if not is_array:
        return place
    counts[place] = counts.get(place, 0) + 1
    return (*place, counts[place] - 1)


def _parts(name: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(name)]


class _OpenValue:
    """Whether a value goes on in the next line: an open bracket, or a long string."""

    def __init__(self) -> None:
        self.depth = 0
        self.quote = ""

    def __bool__(self) -> bool:
        return bool(self.quote) or self.depth > 0

    def read(self, text: str) -> None:
        while text:
            if self.quote:
                end = text.find(self.quote)
                if end < 0:
                    return
                text, self.quote = text[end + 3 :], ""
            found = _STRING.search(text)
            if found is None:
                return
            mark, text = found[0], text[found.end() :]
            if mark in ('"""', "'''"):
                self.quote = mark
            elif mark in "[{":
                self.depth += 1
            elif mark in "]}":
                self.depth -= 1
