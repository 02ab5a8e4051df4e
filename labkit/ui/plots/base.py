"""Figures without global state: made, drawn into PNG bytes, and let go.

Only matplotlib's ``Figure`` objects are used, never pyplot, so that no figure outlives the
call that made it.  Every figure lies on paper of its own, light in every theme, with
colours that keep a contrast of at least 4.5 to 1 on it.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

from labkit.ui.html import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ACCENT", "BAD", "GOOD", "INK", "SECOND", "new_figure", "percent_axis", "to_picture"]

PAPER, INK, GRID = "#fbfbf9", "#1b1f24", "#d5d9de"
ACCENT, SECOND, GOOD, BAD = "#1f5fbf", "#a04b00", "#1a6e34", "#b3261e"
_DPI = 130
# matplotlib's text layout keeps caches that two threads must not fill at once.
_DRAWING = threading.Lock()


def new_figure(width: float = 6.4, height: float = 3.6, columns: int = 1) -> tuple[Figure, list[Any]]:
    """Return a figure of ``width`` by ``height`` inches and its axes from left to right."""
    from matplotlib.figure import Figure

    with _DRAWING:
        figure = Figure(figsize=(width, height), dpi=_DPI, facecolor=PAPER, layout="constrained")
        axes = [figure.add_subplot(1, columns, 1 + i, facecolor=PAPER) for i in range(columns)]
    for ax in axes:
        ax.grid(color=GRID, linewidth=0.7)
        ax.set_axisbelow(True)
        ax.tick_params(colors=INK, labelsize=10)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    return figure, axes


def percent_axis(axis: Any) -> None:
    """Label a matplotlib axis of shares between 0 and 1 in per cent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def to_picture(figure: Figure, alt: str, *, caption: str = "", numbers: str = "") -> Picture:
    """Draw ``figure`` and return it with its text alternative; the figure is cleared."""
    out = io.BytesIO()
    width = round(100 * figure.get_size_inches()[0])
    with _DRAWING:
        figure.savefig(out, format="png", facecolor=PAPER)
        figure.clear()
    return Picture(out.getvalue(), alt, caption, numbers, width)
