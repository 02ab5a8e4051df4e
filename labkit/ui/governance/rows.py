"""A form over many rows with a handful of widgets: pick a row, answer, go on; a table shows all.

Twenty people open a lab at once, so a form of twelve rows must not cost a hundred widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.ui.controls import button, change_options, choice, column, output, row
from labkit.ui.html import Fragment, badge, table

__all__ = ["NOT_YET", "Field", "Row", "RowForm"]

NOT_YET = ("not decided yet", "")
"""The option that every list begins with: nothing is decided before somebody decides."""

Options = Sequence[tuple[str, str]]
Answers = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Field:
    """One question about every row.

    Attributes
    ----------
    name, label : str
    options : sequence of (text, value) or function
        The same for every row, or a function of the row's id.
    tip : str
    when : function or None
        ``when(answers of the row)``: whether the field is asked at all.
    """

    name: str
    label: str
    options: Options | Callable[[str], Options]
    tip: str = ""
    when: Callable[[Mapping[str, str]], bool] | None = None

    def of(self, row_id: str) -> list[tuple[str, str]]:
        """Return the options for a row, the undecided one first."""
        found = self.options(row_id) if callable(self.options) else self.options
        return [NOT_YET, *found]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to decide about: its id, its name, and HTML that says more."""

    id: str
    name: str
    detail: str = ""


@dataclass
class RowForm:
    """The form; ``answers`` maps row and field to the value that was picked.

    Attributes
    ----------
    caption, word : str
        Caption of the table, and what a row is called.
    rows : sequence of Row
    fields : sequence of Field
    changed : function
        Called after every answer.
    kept : mapping
        Answers from an earlier visit.
    start : str
        Id of the row to begin with.
    """

    caption: str
    word: str
    rows: Sequence[Row]
    fields: Sequence[Field]
    changed: Callable[[], object]
    kept: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    start: str = ""

    def __post_init__(self) -> None:
        self.answers: Answers = {each.id: self._read(each.id) for each in self.rows}
        self._busy = False
        begin = self.start if self.start in self.answers else self.rows[0].id
        self.pick = choice(self.word, self._names(), begin, tip=f"The {self.word.lower()} to decide on")
        self.pick.layout.width = "min(44em, 100%)"
        self.asked = {
            each.name: choice(each.label, each.of(begin), "", tip=each.tip or each.label)
            for each in self.fields
        }
        for widget in self.asked.values():
            widget.layout.width = "min(44em, 100%)"
        self.detail, self.overview = output(), output()
        self.back = button("Previous", lambda: self._step(-1), tip=f"The {self.word.lower()} before")
        self.on = button("Next", lambda: self._step(1), tip=f"The {self.word.lower()} after")
        self.view = column(
            self.pick, self.detail, *self.asked.values(), row(self.back, self.on), self.overview
        )
        self.show()
        self.pick.observe(lambda _: self.show(), "value")
        for name, widget in self.asked.items():
            widget.observe(lambda change, name=name: self._answer(name, change["new"]), "value")

    @property
    def current(self) -> str:
        """Id of the row that is shown."""
        return str(self.pick.value)

    @property
    def decided(self) -> int:
        """Rows of which every field that is asked has an answer."""
        return sum(self._complete(each.id) for each in self.rows)

    def show(self) -> None:
        """Show the picked row with its answers."""
        self._busy = True
        given = self.answers[self.current]
        for each in self.fields:
            widget = self.asked[each.name]
            change_options(widget, each.of(self.current), given[each.name])
        self._busy = False
        self.detail.value = next(each.detail for each in self.rows if each.id == self.current)
        self._refresh()

    def _answer(self, name: str, value: Any) -> None:
        if self._busy or value is None:
            return
        self.answers[self.current][name] = str(value)
        self._refresh()
        self.changed()

    def _step(self, by: int) -> None:
        ids = [each.id for each in self.rows]
        self.pick.value = ids[(ids.index(self.current) + by) % len(ids)]

    def _refresh(self) -> None:
        for each in self.fields:
            self.asked[each.name].layout.display = "" if self._asked(each, self.current) else "none"
        self.overview.value = f'<div class="lk">{self._table()}</div>'

    def _asked(self, field: Field, row_id: str) -> bool:
        return field.when is None or field.when(self.answers[row_id])

    def _complete(self, row_id: str) -> bool:
        return all(self.answers[row_id][each.name] for each in self.fields if self._asked(each, row_id))

    def _table(self) -> str:
        head = (self.word, *(each.label for each in self.fields), "Decision")
        lines = []
        for number, each in enumerate(self.rows, start=1):
            done = self._complete(each.id)
            here = " (shown above)" if each.id == self.current else ""
            state = Fragment(badge("good", "decided") if done else badge("open", "open"))
            cells = [self._words(one, each.id) for one in self.fields]
            lines.append((f"{number}: {each.name}{here}", *cells, state))
        return table(f"{self.caption}: {self.decided} of {len(self.rows)} decided", head, lines)

    def _words(self, field: Field, row_id: str) -> str:
        if not self._asked(field, row_id):
            return "–"
        value = self.answers[row_id][field.name]
        return next((text for text, each in field.of(row_id) if each == value), "") if value else "…"

    def _names(self) -> list[tuple[str, str]]:
        return [(f"{number}: {each.name}", each.id) for number, each in enumerate(self.rows, start=1)]

    def _read(self, row_id: str) -> dict[str, str]:
        kept = self.kept.get(row_id, {})
        known = {each.name: {value for _, value in each.of(row_id)} for each in self.fields}
        return {name: str(kept[name]) if kept.get(name) in values else "" for name, values in known.items()}
