"""Ask an item in a terminal: letters for options, pairs of letter and number, an order of letters."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.course.quiz import SURE, Item, Marked, Part, shown_order

__all__ = ["ask_item", "say_marked"]

_LETTERS = "abcdefghij"
_WIDTH = 96

Ask = Callable[[str], str]


def ask_item(item: Item, seed: int, ask: Ask | None = None) -> tuple[Any, str]:
    """Print an item, ask until the answer can be read, and return it with how sure the learner is.

    Raises
    ------
    EOFError
        When there is nobody to answer.
    """
    ask = input if ask is None else ask
    dated = f" (Facts of {item.as_of}.)" if item.timely else ""
    print("\n" + textwrap.fill(item.question + dated, _WIDTH))
    if item.kind == "matching":
        answer: Any = _matching(item, seed, ask)
    elif item.kind == "ordering":
        answer = _ordering(item, seed, ask)
    else:
        parts = [_part(item, part, number, seed, ask) for number, part in enumerate(item.parts)]
        answer = parts if item.kind == "case" else parts[0]
    levels = list(SURE)
    text = ", ".join(f"{level[0]} = {words}" for level, words in SURE.items())
    return answer, _until(ask, f"How sure ({text})? ", lambda given: _level(levels, given))


def say_marked(item: Item, marked: Marked) -> None:
    """Print what came out, and the reason for every option, pair or step."""
    print("\nRight." if marked.right else f"\nNot quite: {round(100 * marked.credit)} % of it.")
    for reason in marked.reasons:
        mark = "+" if reason.right else "-"
        mine = " (your answer)" if reason.given and item.kind not in ("matching", "ordering") else ""
        lines = f"{mark} {reason.text}{mine} - {reason.why}"
        print(textwrap.fill(lines, _WIDTH, initial_indent="  ", subsequent_indent="    "))
    read = "; ".join(f"{source.id} ({source.confidence}, read {source.as_of})" for source in item.sources)
    print(
        textwrap.fill(f"Where this was read: {read}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    )


def _part(item: Item, part: Part, number: int, seed: int, ask: Ask) -> list[int]:
    if item.kind == "case":
        print("\n" + textwrap.fill(f"{number + 1}. {part.question}", _WIDTH))
    order = shown_order(item, len(part.options), seed, f"part {number}")
    _list([part.options[i].text for i in order])
    single = len(part.right) == 1
    wanted = "one letter" if single else "letters, several are right"

    def read(given: str) -> list[int]:
        picked = sorted({order[i] for i in _places(given, len(order))})
        if single and len(picked) != 1:
            raise InvalidInputError("expected one letter")
        return picked

    return _until(ask, f"Answer ({wanted}): ", read)


def _matching(item: Item, seed: int, ask: Ask) -> list[int]:
    order = shown_order(item, len(item.pairs), seed, "pairs")
    for number, pair in enumerate(item.asked, start=1):
        print(textwrap.fill(f"{number}. {pair.left}", _WIDTH, initial_indent="  ", subsequent_indent="     "))
    print("  What it goes with:")
    _list([item.pairs[i].right for i in order])

    def read(given: str) -> list[int]:
        places = _places(given, len(order))
        if len(places) != len(item.asked):
            raise InvalidInputError(f"expected {len(item.asked)} letters, one for each number")
        return [order[i] for i in places]

    return _until(ask, "Answer (a letter for 1, one for 2, and so on): ", read)


def _ordering(item: Item, seed: int, ask: Ask) -> list[int]:
    order = shown_order(item, len(item.steps), seed, "steps")
    _list([item.steps[i].text for i in order])

    def read(given: str) -> list[int]:
        places = _places(given, len(order))
        if sorted(places) != list(range(len(order))):
            raise InvalidInputError("expected every letter once")
        return [order[i] for i in places]

    return _until(ask, "Answer (all letters, the first step first): ", read)


def _list(texts: list[str]) -> None:
    for letter, text in zip(_LETTERS, texts, strict=False):
        print(textwrap.fill(f"{letter}) {text}", _WIDTH, initial_indent="  ", subsequent_indent="     "))


def _places(given: str, count: int) -> list[int]:
    letters = re.sub(r"[\s,;]+", "", given.lower())
    if not letters or any(letter not in _LETTERS[:count] for letter in letters):
        raise InvalidInputError(f"expected letters from a to {_LETTERS[count - 1]}, got {given!r}")
    return [_LETTERS.index(letter) for letter in letters]


def _level(levels: list[str], given: str) -> str:
    found = [level for level in levels if given.strip() and level.startswith(given.strip().lower())]
    if not given.strip():
        return "think"
    if not found:
        raise InvalidInputError(f"expected {', '.join(level[0] for level in levels)}, got {given!r}")
    return found[0]


def _until(ask: Ask, prompt: str, read: Callable[[str], Any]) -> Any:
    while True:
        try:
            return read(ask(prompt))
        except InvalidInputError as error:
            print(f"  {error}")
