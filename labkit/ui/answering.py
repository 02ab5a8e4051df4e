"""Fields to answer with: one option, several, partners, an order, a number.

Options are ``(text, value)`` pairs in the order in which they are shown; what is read are values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import ipywidgets as widgets

from labkit.core.errors import InvalidInputError
from labkit.ui.controls import button, choice, column, live, output, radio, row, tick
from labkit.ui.html import escape

__all__ = ["AnswerField", "a_number", "in_order", "one_of", "partners", "several_of", "together"]

Option = tuple[str, int]
_WIDE = "min(46em, 100%)"
_NONE = -1


@dataclass(frozen=True)
class AnswerField:
    """Something to answer with.

    Attributes
    ----------
    view : widget
    read : function
        Returns the answer, or raises InvalidInputError while something is open.
    watch : function
        Takes a function without arguments that is called after every change.
    so_far : function
        Returns what there is of the answer, with None for what is open; None for nothing at all. Raises
        InvalidInputError for what was typed and is no answer.
    """

    view: Any
    read: Callable[[], Any]
    watch: Callable[[Callable[[], None]], None]
    so_far: Callable[[], Any]


def one_of(label: str, options: Sequence[Option], chosen: int | None = None) -> AnswerField:
    """Return options of which one is picked; it reads as a list of one."""
    field = radio(label, options, chosen)

    def read() -> list[int]:
        if field.value is None:
            raise InvalidInputError("pick an answer first; a guess teaches more than a look")
        return [int(field.value)]

    return AnswerField(field, read, _watching([field]), _if_whole(read))


def several_of(options: Sequence[Option], chosen: Sequence[int] = ()) -> AnswerField:
    """Return options of which several are right; it reads as the list of those that are ticked."""
    ticks = {value: tick(text, value in chosen) for text, value in options}

    def read() -> list[int]:
        picked = [value for value, box in sorted(ticks.items()) if box.value]
        if not picked:
            raise InvalidInputError("tick at least one; several are right")
        return picked

    box = column(output('<p class="lk"><em>Several are right.</em></p>'), *ticks.values())
    box.add_class("lk-several")
    return AnswerField(box, read, _watching(ticks.values()), _if_whole(read))


def partners(lefts: Sequence[str], rights: Sequence[Option], chosen: Sequence[int] = ()) -> AnswerField:
    """Return a list for each left side; it reads as the right side of each, in the order of ``lefts``."""
    options = [("not decided yet", _NONE), *rights]
    lines, fields = [], []
    for number, left in enumerate(lefts):
        letter = "ABCDEFGH"[number]
        before = chosen[number] if number < len(chosen) else _NONE
        field = choice(f"{letter} goes with", options, before, tip=f"{letter}: {left}")
        field.layout.width = _WIDE
        fields.append(field)
        words = f"<strong>{letter}.</strong> {escape(left)}"
        lines.append(column(output(f'<p class="lk">{words}</p>'), field))

    def read() -> list[int]:
        if any(field.value == _NONE for field in fields):
            raise InvalidInputError("give each of them a partner first; one may be left over")
        return [int(field.value) for field in fields]

    def so_far() -> list[int | None] | None:
        picked = [None if field.value == _NONE else int(field.value) for field in fields]
        return picked if any(each is not None for each in picked) else None

    return AnswerField(column(*lines), read, _watching(fields), so_far)


def in_order(steps: Sequence[Option], *, moved: bool = True) -> AnswerField:
    """Return steps that are moved up and down; it reads as their values from the top.

    With ``moved=False`` the order counts as an answer only after a step was moved.
    """
    field = _Steps(steps, moved)
    return AnswerField(field.view, field.read, field.heard.append, _if_whole(field.read))


class _Steps:
    """Lines with two buttons each.

    A button stands for a place and says which, so that what it moves depends on nothing that was picked
    before: what a list in the browser says of its choice may come later than the press of a button.
    """

    def __init__(self, steps: Sequence[Option], moved: bool) -> None:
        self.heard: list[Callable[[], None]] = []
        self._texts, self._order = {value: text for text, value in steps}, [value for _, value in steps]
        self._moved = moved
        places = range(len(steps))
        self._lines, self._said = [output() for _ in places], live()
        self._movers = {
            by: [button(f"Move {place + 1} {word}", partial(self._move, place, by)) for place in places]
            for by, word in ((-1, "up"), (1, "down"))
        }
        rows = [row(*each) for each in zip(self._lines, *self._movers.values(), strict=True)]
        for each in rows:
            each.add_class("lk-step")
        hint = output('<p class="lk lk-muted">The first step belongs at the top.</p>')
        self.view = column(hint, *rows, self._said)
        self._show()

    def read(self) -> list[int]:
        if not self._moved:
            raise InvalidInputError("put the steps into order first; if they stand right, move one and back")
        return list(self._order)

    def _move(self, place: int, by: int) -> None:
        order, to = self._order, min(max(place + by, 0), len(self._order) - 1)
        order[place], order[to] = order[to], order[place]
        self._show()
        now = f"{self._texts[order[to]]}: now step {to + 1} of {len(order)}."
        self._said.value = f'<span class="lk lk-muted">{escape(now)}</span>'
        if to != place:
            self._movers[by][to].focus()  # it goes along with the step, to be pressed again
            self._moved = True
            for hear in self.heard:
                hear()

    def _show(self) -> None:
        for number, (line, value) in enumerate(zip(self._lines, self._order, strict=True), start=1):
            line.value = f'<p class="lk">{number}. {escape(self._texts[value])}</p>'


def a_number(unit: str, value: float | None = None) -> AnswerField:
    """Return a field for a number in a unit; a comma may stand for the point."""
    field = widgets.Text(
        value="" if value is None else f"{value:g}",
        description="Your answer",
        placeholder="a number",
        tooltip=f"A number; the unit is {unit}",
        continuous_update=False,
        style={"description_width": "9.5em"},
        layout={"width": "min(24em, 100%)"},
    )

    def read() -> float:
        try:
            return float(field.value.strip().replace(",", ".").removesuffix("%"))
        except ValueError:
            raise InvalidInputError(f"expected a number such as 0.25, got {field.value!r}") from None

    def so_far() -> float | None:
        return read() if field.value.strip() else None

    after = output(f'<span class="lk">{escape(unit)}</span>')
    after.layout.width = "auto"
    return AnswerField(row(field, after), read, _watching([field]), so_far)


def together(parts: Sequence[tuple[str, AnswerField]]) -> AnswerField:
    """Return several questions below each other; it reads as a list of their answers."""
    views = []
    for words, field in parts:
        views += [output(f'<p class="lk">{words}</p>'), field.view]

    def watch(hear: Callable[[], None]) -> None:
        for _, field in parts:
            field.watch(hear)

    def so_far() -> list[Any] | None:
        answers = [field.so_far() for _, field in parts]
        return answers if any(each is not None for each in answers) else None

    return AnswerField(column(*views), lambda: [field.read() for _, field in parts], watch, so_far)


def _if_whole(read: Callable[[], Any]) -> Callable[[], Any]:
    def so_far() -> Any:
        try:
            return read()
        except InvalidInputError:
            return None

    return so_far


def _watching(fields: Any) -> Callable[[Callable[[], None]], None]:
    watched = list(fields)

    def watch(hear: Callable[[], None]) -> None:
        for field in watched:
            field.observe(lambda _: hear(), "value")

    return watch
