"""Pieces of HTML that every panel is made of: escaped, labelled, and readable as plain text.

Whatever a participant typed and whatever a lab declares passes through :func:`escape`.
A status is always an icon and a word, never a colour alone.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "Fragment",
    "Picture",
    "badge",
    "bullets",
    "callout",
    "card",
    "details",
    "escape",
    "image",
    "table",
]

ICONS: Mapping[str, str] = {"good": "✔", "bad": "✖", "warn": "▲", "info": "●", "open": "○"}
"""One sign for each kind of status; the shapes differ, so they do not depend on colour."""


def escape(text: object) -> str:
    """Return ``text`` with everything that HTML would take as markup made harmless."""
    return html.escape(str(text), quote=True)


def badge(kind: str, words: str) -> str:
    """Return a small label: the icon of ``kind`` (a key of :data:`ICONS`) and its words."""
    icon = f'<span aria-hidden="true">{ICONS[kind]}</span>'
    return f'<span class="lk-badge lk-{kind}">{icon} {escape(words)}</span>'


def callout(kind: str, words: str, *, title: str = "") -> str:
    """Return a message that a screen reader announces; ``words`` are escaped."""
    role = "alert" if kind == "bad" else "status"
    head = f"<strong>{escape(title)}</strong> " if title else ""
    icon = f'<span class="lk-icon" aria-hidden="true">{ICONS[kind]}</span>'
    return f'<div class="lk lk-callout lk-{kind}" role="{role}">{icon}<div>{head}{escape(words)}</div></div>'


def card(title: str, body: str, *, level: int = 3, aside: str = "") -> str:
    """Return a titled box; ``body`` and ``aside`` are HTML already."""
    head = f'<div class="lk-head"><h{level}>{escape(title)}</h{level}>{aside}</div>'
    return f'<section class="lk lk-card">{head}{body}</section>'


def details(summary: str, body: str) -> str:
    """Return a part that opens on request; ``body`` is HTML already."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def bullets(items: Iterable[object]) -> str:
    """Return a list of escaped items."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table whose first column names the row; cells are escaped unless they are a Fragment."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>'
        + "".join(f"<td>{_cell(v)}</td>" for v in row[1:])
        + "</tr>"
        for row in rows
    )
    # A wide table scrolls inside its box, and a keyboard must be able to reach that box.
    return (
        f'<div class="lk-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="lk-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    return value.markup if isinstance(value, Fragment) else escape(value)


def image(png: bytes, alt: str, *, width: int = 0) -> str:
    """Return a PNG as a picture that a page holds by itself, with its text alternative.

    Its size is said, so that nothing below it moves, under a pointer perhaps, once it is drawn.

    Parameters
    ----------
    png : bytes
    alt : str
        What it shows, as plain text.
    width : int
        How wide it is drawn at most, in pixels of the page; 0 takes those of the picture.
    """
    wide, high = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))  # the header that PNG begins with
    width = width or wide
    source = base64.b64encode(png).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}" '
        f'width="{width}" height="{round(width * high / wide)}">'
    )


@dataclass(frozen=True, slots=True)
class Fragment:
    """HTML that shows itself in a notebook, and as plain text everywhere else."""

    markup: str
    text: str = ""

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.text or "HTML"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its text alternative, and the same facts as a table where there are any.

    Attributes
    ----------
    png : bytes
    alt : str
        What the picture shows, for whoever does not see it.
    caption : str
        One line below the picture.
    numbers : str
        HTML of a table with the plotted numbers, or empty.
    width : int
        How wide it is drawn at most, in pixels of the page; 0 takes those of the picture.
    """

    png: bytes
    alt: str
    caption: str = ""
    numbers: str = ""
    width: int = 0

    def markup(self) -> str:
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        more = details("The same as a table", self.numbers) if self.numbers else ""
        drawn = image(self.png, self.alt, width=self.width)
        return f'<figure class="lk lk-plot">{drawn}{caption}{more}</figure>'

    def _repr_html_(self) -> str:
        return self.markup()

    def __repr__(self) -> str:
        return self.alt
