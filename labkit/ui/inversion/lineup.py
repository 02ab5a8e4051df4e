"""Recognised or not, by eye: each reconstruction beside a line-up of portraits, to be picked from."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from labkit.course.cases.inversion.records import LineUp
from labkit.ui import strips
from labkit.ui.controls import button, choice, column, output
from labkit.ui.html import callout, escape
from labkit.ui.inversion.common import describe

__all__ = ["LineUps"]

LETTERS = "ABCDEFGH"
_OPEN, _NOBODY = -1, -2


class LineUps:
    """A line-up for each target: who is it? What is right is said when all have been picked.

    Parameters
    ----------
    line_ups : list of LineUp
        One for each target, in their order.
    revealed : function
        Called with nothing once the participant has picked in every one and wants to know.

    Attributes
    ----------
    view : widget
        Takes no room before there is something to recognise.
    picks : list of int
        The place that was picked in each, from 0; negative for none of them.
    """

    def __init__(self, line_ups: list[LineUp], revealed: Callable[[], object]) -> None:
        self.line_ups, self.revealed = line_ups, revealed
        letters = [(letter, i) for i, letter in enumerate(LETTERS)]
        self.pictures = [output() for _ in line_ups]
        self.choices = [
            choice(
                f"Picture {i + 1} shows",
                [("choose", _OPEN), *letters[: len(each.x)], ("none of them", _NOBODY)],
                _OPEN,
                f"Who of the line-up is in picture {i + 1}?",
            )
            for i, each in enumerate(line_ups)
        ]
        self.go = button("Reveal who it is", self.reveal, tip="Once you have picked in every line-up")
        self.words = output()
        pairs = zip(self.pictures, self.choices, strict=True)
        self.view = column(*(part for pair in pairs for part in pair), self.go, self.words)
        self.hide()

    @property
    def picks(self) -> list[int]:
        return [int(each.value) for each in self.choices]

    @property
    def right(self) -> list[bool]:
        """Whether each pick is the one."""
        return [pick == each.right for pick, each in zip(self.picks, self.line_ups, strict=True)]

    def hide(self) -> None:
        """Take the line-ups away."""
        self.view.layout.display = "none"

    def ask(self, x_hat: Tensor) -> None:
        """Show reconstructions, one for each line-up, with nothing picked."""
        for i, (place, pick, each) in enumerate(zip(self.pictures, self.choices, self.line_ups, strict=True)):
            place.value = _markup(i + 1, x_hat[i], each)
            pick.value = _OPEN
        self.words.value = ""
        self.view.layout.display = ""

    def reveal(self) -> None:
        """Say who is in the pictures, if something was picked everywhere."""
        if _OPEN in self.picks:
            self.words.value = callout("warn", "Pick somebody, or “none of them”, in every line-up first.")
            return
        self.words.value = ""
        self.hide()
        self.revealed()


def _markup(number: int, x_hat: Tensor, line_up: LineUp) -> str:
    """Return one reconstruction and its line-up; what a picture looks like is said, and not whose it is."""

    def figure(x: Tensor, name: str) -> str:
        return (
            f"<figure>{strips.picture(x, f'{name}: {describe(x)}')}"
            f"<figcaption>{escape(name)}</figcaption></figure>"
        )

    portraits = "".join(figure(x, LETTERS[i]) for i, x in enumerate(line_up.x))
    return (
        f'<div class="lk lk-lineup" role="group" aria-label="Picture {number} and its line-up">'
        f'<div class="lk-strip lk-tight">{figure(x_hat, f"Picture {number}")}</div>'
        f'<div class="lk-strip lk-tight">{portraits}</div></div>'
    )
