"""Fields to answer an item with: options, ticks, lists to match, an order to put right."""

from __future__ import annotations

from typing import Any

from labkit.course.quiz import Item, Part, shown_order
from labkit.ui.answering import AnswerField, in_order, one_of, partners, several_of, together
from labkit.ui.html import escape

__all__ = ["AskedItem", "close_all"]


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
        field = make.get(item.kind, self._single)()
        self.view, self.read = field.view, field.read

    def disable(self) -> None:
        """Keep the fields as they were answered."""
        _disable(self.view)

    def _single(self) -> AnswerField:
        return self._options(self.item.parts[0], "Your answer", 0)

    def _options(self, part: Part, label: str, number: int) -> AnswerField:
        order = shown_order(self.item, len(part.options), self._seed, f"part {number}")
        options = [(part.options[i].text, i) for i in order]
        return one_of(label, options) if len(part.right) == 1 else several_of(options)

    def _matching(self) -> AnswerField:
        pairs = self.item.pairs
        rights = [(pairs[i].right, i) for i in shown_order(self.item, len(pairs), self._seed, "pairs")]
        places = shown_order(self.item, len(self.item.asked), self._seed, "left")
        field = partners([pairs[place].left for place in places], rights)

        def matched() -> list[int]:
            chosen = field.read()
            return [chosen[places.index(place)] for place in range(len(places))]

        return AnswerField(field.view, matched, field.watch, field.so_far)

    def _ordering(self) -> AnswerField:
        steps = self.item.steps
        return in_order([(steps[i].text, i) for i in shown_order(self.item, len(steps), self._seed, "steps")])

    def _case(self) -> AnswerField:
        return together(
            [
                (
                    f"<strong>{number + 1}.</strong> {escape(part.question)}",
                    self._options(part, f"Answer to {number + 1}", number),
                )
                for number, part in enumerate(self.item.parts)
            ]
        )


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
