"""Facts about a system to tick: one group of them at a time, with a handful of widgets."""

from __future__ import annotations

from collections.abc import Callable, Collection

from labkit.governance.obligations import fact_groups, facts
from labkit.ui.controls import change_options, choice, column, tick

__all__ = ["FactTicks", "in_words"]

_AS_TICKED, _NO_USE = "", "none"
_USES = fact_groups()["uses that Annex III lists"]
_PRODUCT = ("annex-i-product", "third-party-assessment")


class FactTicks:
    """What holds for a system, to be changed by its use, or fact by fact.

    Parameters
    ----------
    held : collection of str
        What holds at the start.
    changed : function
        Called after every change by hand.
    """

    def __init__(self, held: Collection[str], changed: Callable[[], object]) -> None:
        self.held = set(held)
        self._changed = changed
        self._busy = False
        groups = fact_groups()
        uses = [("as ticked below", _AS_TICKED), ("no use that Annex III lists", _NO_USE)]
        uses += [(facts()[name], name) for name in _USES]
        uses += [("a product that Annex I lists, assessed by a third party", _PRODUCT[0])]
        self.use = choice("Use", uses, _AS_TICKED, tip="Puts one use in the place of what is ticked")
        self.use.layout.width = "min(44em, 100%)"
        self.group = choice("Facts about", [(name, name) for name in groups], tip="Which facts are shown")
        self.boxes = [tick("") for _ in range(max(map(len, groups.values())))]
        self.group.observe(lambda _: self.show(), "value")
        self.use.observe(lambda change: self._take_use(str(change["new"])), "value")
        for number, box in enumerate(self.boxes):
            box.observe(lambda change, number=number: self._tick(number, bool(change["new"])), "value")
        self.view = column(self.use, self.group, *self.boxes)
        self.show()

    def put(self, held: Collection[str]) -> None:
        """Begin from other facts; nobody is told."""
        self.held = set(held)
        self.show()

    def show(self) -> None:
        """Show the facts of the picked group as they stand."""
        self._busy = True
        names = self._names()
        for number, box in enumerate(self.boxes):
            box.layout.display = "" if number < len(names) else "none"
            box.description = facts()[names[number]] if number < len(names) else ""
            box.tooltip = box.description
            box.value = number < len(names) and names[number] in self.held
        change_options(self.use, self.use.options, self._use())
        self._busy = False

    def _names(self) -> tuple[str, ...]:
        return fact_groups()[str(self.group.value)]

    def _use(self) -> str:
        """Return the option of the use that fits what is ticked."""
        held = [name for name in (*_USES, _PRODUCT[0]) if name in self.held]
        return _NO_USE if not held else held[0] if len(held) == 1 else _AS_TICKED

    def _take_use(self, name: str) -> None:
        if self._busy or name == _AS_TICKED:
            return
        self.held -= {*_USES, *_PRODUCT}
        self.held |= {name, *_PRODUCT} if name == _PRODUCT[0] else {name} - {_NO_USE}
        self.show()
        self._changed()

    def _tick(self, number: int, value: bool) -> None:
        names = self._names()
        if self._busy or number >= len(names):
            return
        (self.held.add if value else self.held.discard)(names[number])
        self.show()
        self._changed()


def in_words(names: Collection[str]) -> list[str]:
    """Return facts as sentences without their subject, in the order of the vocabulary."""
    return [words for name, words in facts().items() if name in names]
