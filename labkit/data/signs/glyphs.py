"""Letters and figures of the signs, as strokes of our own: no font decides how they look."""

from __future__ import annotations

from labkit.data.signs.canvas import Canvas, Colour, Point, arc

__all__ = ["write"]

_WIDTH = 0.6  # of a glyph whose height is 1

_O = [arc((0.3, 0.5), (0.3, 0.5), 0, 360)]
_GLYPHS: dict[str, list[list[Point]]] = {
    "0": _O,
    "3": [[*arc((0.28, 0.25), (0.27, 0.25), 200, 450), *arc((0.27, 0.75), (0.31, 0.25), 275, 520)]],
    "5": [[(0.54, 0), (0.1, 0), (0.06, 0.46), *arc((0.28, 0.67), (0.31, 0.33), 220, 505)]],
    "8": [arc((0.3, 0.24), (0.25, 0.24), 0, 360), arc((0.3, 0.74), (0.31, 0.26), 0, 360)],
    "S": [[*arc((0.3, 0.26), (0.28, 0.26), 325, 90), *arc((0.3, 0.76), (0.29, 0.24), 270, 510)]],
    "T": [[(0, 0), (0.6, 0)], [(0.3, 0), (0.3, 1)]],
    "O": _O,
    "P": [[(0.05, 1), (0.05, 0), *arc((0.3, 0.27), (0.28, 0.27), 270, 450), (0.05, 0.54)]],
}


def write(
    canvas: Canvas, text: str, *, height: float, weight: float, colour: Colour, gap: float = 0.32
) -> None:
    """Write ``text`` in the middle of the canvas.

    Parameters
    ----------
    canvas : Canvas
    text : str
        Out of the figures 0, 3, 5, 8 and the letters O, P, S, T.
    height, weight : float
        Height of the glyphs and width of their strokes, in units of the canvas.
    colour : tuple of int
    gap : float
        Space between two glyphs, as a share of the height.
    """
    advance = (_WIDTH + gap) * height
    left = -(len(text) * advance - gap * height) / 2
    for position, glyph in enumerate(text):
        for line in _GLYPHS[glyph]:
            points = [(left + position * advance + x * height, (y - 0.5) * height) for x, y in line]
            canvas.stroke(points, weight, colour)
