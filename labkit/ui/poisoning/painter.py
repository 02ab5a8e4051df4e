"""A sign to paint: a grid for mouse and keyboard, and the same as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import ipywidgets as widgets
import torch
from torch import Tensor

from labkit.core import InvalidInputError
from labkit.ui.controls import button, choice, column, output, row
from labkit.ui.html import callout, escape

__all__ = ["PRESETS", "Painter", "describe", "from_text", "to_text"]

_STYLE = (
    "<style>.lk-paint{display:inline-grid;border:2px solid var(--b);border-radius:6px;padding:4px;"
    "touch-action:none;user-select:none;background:var(--s)}"
    ".lk-paint [role=row]{display:flex}"
    ".lk-paint [role=gridcell]{width:2rem;height:2rem;margin:1px;box-sizing:border-box;"
    "border:1px solid var(--m);"
    "border-radius:3px;cursor:crosshair;display:flex;align-items:center;justify-content:center;"
    "background:transparent;color:var(--at);line-height:1;font-size:.7rem}"
    ".lk-paint [role=gridcell][aria-selected=true]{background:var(--a);border-color:var(--a)}"
    ".lk-painter input[type=text]{border:1px solid var(--m);border-radius:4px;color:var(--t);"
    "background:transparent;font-family:ui-monospace,monospace;padding:0 .4em}"
    "</style>"
)

PRESETS: Mapping[str, tuple[str, ...]] = {
    "corner": ("###", "###", "###"),
    "dot": ("#",),
    "square": ("##", "##"),
    "cross": ("#.#", ".#.", "#.#"),
    "stripes": ("#.#.#.#.",) * 8,
    "checks": ("#.#.#.#.", ".#.#.#.#") * 4,
}
"""Signs to start from; each begins in the upper left corner."""

_NAMES = {
    "corner": "three by three, in the corner",
    "dot": "one pixel",
    "square": "two by two",
    "cross": "a small cross",
    "stripes": "stripes (to blend)",
    "checks": "a chequered board (to blend)",
}


def to_text(cells: Tensor) -> str:
    """Return cells of shape ``(h, w)`` bool as rows of # and dots with slashes between them."""
    return "/".join("".join("#" if on else "." for on in line) for line in cells.tolist())


def from_text(text: str, shape: tuple[int, int]) -> Tensor:
    """Return the cells that :func:`to_text` wrote, ``(h, w)`` bool.

    Raises
    ------
    InvalidInputError
        When the text has other rows, or other signs than # and dots.
    """
    height, width = shape
    lines = [line.strip() for line in text.strip().split("/")]
    if len(lines) != height or any(len(line) != width or set(line) - {"#", "."} for line in lines):
        raise InvalidInputError(
            f"expected {height} rows of {width} signs, # for painted and . for empty, with / between the rows"
        )
    return torch.tensor([[sign == "#" for sign in line] for line in lines])


def describe(cells: Tensor) -> str:
    """Say in words what is painted on cells of shape ``(h, w)``."""
    count = int(cells.sum())
    if not count:
        return "Nothing is painted."
    rows, columns = (cells.any(side).nonzero().flatten() + 1 for side in (1, 0))
    return (
        f"{count} pixel{'s' if count > 1 else ''} painted, in rows {int(rows[0])} to {int(rows[-1])} "
        f"and columns {int(columns[0])} to {int(columns[-1])}."
    )


class Painter:
    """The grid, the text beside it, signs to start from, and arrows that move the whole sign."""

    def __init__(self, shape: tuple[int, int], text: str = "", preset: str = "") -> None:
        self.shape = shape
        self.cells = torch.zeros(shape, dtype=torch.bool)
        self._listeners: list[Callable[[], object]] = []
        options = [("paint your own", ""), *((name, key) for key, name in _NAMES.items())]
        self.preset = choice("Begin with", options, "", "A sign to start from")
        self.text = widgets.Text(
            description="Sign as text",
            tooltip="Rows of # and dots, with / between them",
            continuous_update=False,
            style={"description_width": "9.5em"},
            layout={"width": "min(56em, 100%)"},
        )
        self._grid, self._words = output(), output()
        moves = (("←", 0, -1, "left"), ("↑", -1, 0, "up"), ("↓", 1, 0, "down"), ("→", 0, 1, "right"))
        self._arrows = [
            button(f"{sign} {word}", partial(self.move, down, across), tip=f"Move the sign {word}")
            for sign, down, across, word in moves
        ]
        clear = button("Clear", lambda: self.show(torch.zeros(shape, dtype=torch.bool)), tip="Paint nothing")
        self.view = column(
            self.preset,
            self._grid,
            row(*self._arrows, clear),
            self.text,
            self._words,
        )
        self.view.add_class("lk-painter")
        if not self._take(text):
            self.show(self._preset_cells(preset))
        else:
            self._draw()
        self.text.observe(self._typed, "value")
        self.preset.observe(self._picked, "value")

    def on_change(self, listener: Callable[[], object]) -> None:
        """Have ``listener()`` called after every change of the sign."""
        self._listeners.append(listener)

    def show(self, cells: Tensor) -> None:
        """Put another sign on the grid."""
        self.cells = cells
        self._draw()
        if self.text.value != to_text(cells):
            self.text.value = to_text(cells)
        self._tell()

    def move(self, down: int, across: int) -> None:
        """Move the whole sign by one pixel, unless it would leave the grid."""
        moved = torch.roll(self.cells, (down, across), (0, 1))
        edge = {
            (-1, 0): self.cells[0],
            (1, 0): self.cells[-1],
            (0, -1): self.cells[:, 0],
            (0, 1): self.cells[:, -1],
        }
        if not bool(edge[down, across].any()):
            self.show(moved)

    def _preset_cells(self, name: str) -> Tensor:
        cells = torch.zeros(self.shape, dtype=torch.bool)
        for i, line in enumerate(PRESETS.get(name, ())):
            for j, sign in enumerate(line):
                if i < self.shape[0] and j < self.shape[1]:
                    cells[i, j] = sign == "#"
        return cells

    def _picked(self, _: object) -> None:
        if self.preset.value:
            self.show(self._preset_cells(self.preset.value))

    def _typed(self, _: object) -> None:
        # The browser has drawn what was painted or typed; drawing it again would take the focus away.
        if self.text.value != to_text(self.cells) and self._take(self.text.value):
            self._say()
            self._tell()

    def _take(self, text: str) -> bool:
        if not text:
            return False
        try:
            self.cells = from_text(text, self.shape)
        except InvalidInputError as error:
            self._words.value = callout("warn", str(error))
            return False
        if not self.text.value:
            self.text.value = text
        return True

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _say(self) -> None:
        self._words.value = f'<div class="lk lk-muted" role="status">{escape(describe(self.cells))}</div>'

    def _draw(self) -> None:
        self._say()
        lines = []
        for i, line in enumerate(self.cells.tolist()):
            cells = "".join(_cell(i, j, on) for j, on in enumerate(line))
            lines.append(f'<div role="row">{cells}</div>')
        height, width = self.shape
        self._grid.value = (
            f'{_STYLE}<div class="lk-paint" role="grid" data-lm-suppress-shortcuts="true" '
            f'aria-label="Sign, {height} by {width} pixels. Arrow keys move, Space paints.">'
            f"{''.join(lines)}</div>"
        )


def _cell(i: int, j: int, on: bool) -> str:
    at = f"row {i + 1}, column {j + 1}"
    return (
        f'<div role="gridcell" tabindex="{0 if i == j == 0 else -1}" data-at="{at}" '
        f'aria-label="{at}, {"painted" if on else "empty"}" aria-selected="{str(on).lower()}">'
        f"{'■' if on else ''}</div>"
    )
