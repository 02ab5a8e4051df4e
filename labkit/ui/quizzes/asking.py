"""Fields to answer an item with: options, ticks, lists to match, an order to put right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from labkit.core.errors import InvalidInputError
from labkit.course.quiz import Item, Part, shown_order
from labkit.ui.controls import button, choice, column, output, radio, row, tick
from labkit.ui.html import escape

__all__ = ["AskedItem", "close_all"]

_WIDE = "min(46em, 100%)"


class AskedItem:
    """The fields of one item, in the learner's own order.

    Attributes
    ----------
    item : Item
    view : widget
    read : function
        Returns the answer as :mod:`labkit.course.quiz.marking` takes it, or raises
        InvalidInputError when something is still open.
    """

    def __init__(self, item: Item, seed: int) -> None:
        self.item, self._seed = item, seed
        make = {"matching": self._matching, "ordering": self._ordering, "case": self._case}
        self.view, self.read = make.get(item.kind, self._single)()

    def disable(self) -> None:
        """Keep the fields as they were answered."""
        _disable(self.view)

    def _single(self) -> tuple[Any, Callable[[], Any]]:
        return self._options(self.item.parts[0], "Your answer", 0)

    def _options(self, part: Part, label: str, number: int) -> tuple[Any, Callable[[], Any]]:
        order = shown_order(self.item, len(part.options), self._seed, f"part {number}")
        if len(part.right) == 1:
            field = radio(label, [(part.options[i].text, i) for i in order])

            def picked() -> list[int]:
                if field.value is None:
                    raise InvalidInputError("pick an answer first; a guess teaches more than a look")
                return [int(field.value)]

            return field, picked
        ticks = {i: tick(part.options[i].text) for i in order}

        def ticked() -> list[int]:
            chosen = [i for i, box in sorted(ticks.items()) if box.value]
            if not chosen:
                raise InvalidInputError("tick at least one; several are right")
            return chosen

        several = output('<p class="lk"><em>Several are right.</em></p>')
        return column(several, *ticks.values()), ticked

    def _matching(self) -> tuple[Any, Callable[[], Any]]:
        pairs = self.item.pairs
        order = shown_order(self.item, len(pairs), self._seed, "pairs")
        options = [("not decided yet", -1), *((pairs[i].right, i) for i in order)]
        lines: list[Any] = []
        fields: list[tuple[int, Any]] = []
        for place in shown_order(self.item, len(self.item.asked), self._seed, "left"):
            letter = "ABCDEFGH"[len(lines)]
            field = choice(f"{letter} goes with", options, -1, tip=f"{letter}: {pairs[place].left}")
            field.layout.width = _WIDE
            fields.append((place, field))
            words = f"<strong>{letter}.</strong> {escape(pairs[place].left)}"
            lines.append(column(output(f'<p class="lk">{words}</p>'), field))

        def matched() -> list[int]:
            if any(field.value == -1 for _, field in fields):
                raise InvalidInputError("give each of them a partner first; one may be left over")
            return [int(field.value) for _, field in sorted(fields, key=lambda pair: pair[0])]

        return column(*lines), matched

    def _ordering(self) -> tuple[Any, Callable[[], Any]]:
        steps = self.item.steps
        order = shown_order(self.item, len(steps), self._seed, "steps")
        field = widgets.Select(
            options=_numbered(steps, order),
            value=order[0],
            rows=len(steps) + 1,
            description="Order",
            tooltip="Pick a step with the arrow keys, then move it",
            style={"description_width": "9.5em"},
            layout={"width": _WIDE},
        )

        def move(by: int) -> None:
            at = order.index(field.value)
            to = at + by
            if 0 <= to < len(order):
                moved = order.pop(at)
                order.insert(to, moved)
                field.options = _numbered(steps, order)
                field.value = moved

        earlier = button("Move up", lambda: move(-1), tip="Move the picked step one place up")
        later = button("Move down", lambda: move(1), tip="Move the picked step one place down")
        hint = output('<p class="lk lk-muted">The first step belongs at the top. Pick one and move it.</p>')
        return column(hint, field, row(earlier, later)), lambda: list(order)

    def _case(self) -> tuple[Any, Callable[[], Any]]:
        views, readers = [], []
        for number, part in enumerate(self.item.parts):
            words = f"<strong>{number + 1}.</strong> {escape(part.question)}"
            view, read = self._options(part, f"Answer to {number + 1}", number)
            views += [output(f'<p class="lk">{words}</p>'), view]
            readers.append(read)
        return column(*views), lambda: [read() for read in readers]


def close_all(widget: Any) -> None:
    """Close a widget and all that it holds, so that a long session leaves nothing behind."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    widget.close()


def _disable(widget: Any) -> None:
    for child in getattr(widget, "children", ()):
        _disable(child)
    if hasattr(widget, "disabled"):
        widget.disabled = True


def _numbered(steps: Any, order: list[int]) -> list[tuple[str, int]]:
    return [(f"{place}. {steps[i].text}", i) for place, i in enumerate(order, start=1)]
