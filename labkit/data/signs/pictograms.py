"""The small pictures on the signs: people, cars, arrows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labkit.data.signs.canvas import Canvas, Colour, Point, arc

__all__ = ["car", "child", "digger", "roundabout_arrows", "turn_arrow", "walker"]


def walker(canvas: Canvas, centre: Point, size: float, colour: Colour) -> None:
    """Draw a person who walks to the left."""
    _figure(
        canvas,
        centre,
        size,
        colour,
        head=(0.02, -0.82),
        lines=[
            ([(0.04, -0.5), (0.0, 0.08)], 0.34),
            ([(0.0, 0.08), (-0.22, 0.45), (-0.42, 0.92)], 0.2),
            ([(0.02, 0.08), (0.24, 0.5), (0.44, 0.9)], 0.2),
            ([(0.0, -0.52), (-0.34, -0.3), (-0.5, 0.0)], 0.15),
            ([(0.08, -0.52), (0.36, -0.22), (0.5, 0.1)], 0.15),
        ],
    )


def child(canvas: Canvas, centre: Point, size: float, colour: Colour) -> None:
    """Draw a child who runs to the left."""
    _figure(
        canvas,
        centre,
        size,
        colour,
        head=(-0.14, -0.78),
        lines=[
            ([(-0.06, -0.42), (0.08, 0.16)], 0.36),
            ([(0.06, 0.16), (-0.34, 0.36), (-0.42, 0.9)], 0.2),
            ([(0.1, 0.16), (0.34, 0.5), (0.8, 0.62)], 0.2),
            ([(-0.08, -0.42), (-0.46, -0.16), (-0.74, -0.34)], 0.15),
            ([(0.0, -0.42), (0.4, -0.3), (0.56, 0.02)], 0.15),
        ],
    )


def digger(canvas: Canvas, centre: Point, size: float, colour: Colour) -> None:
    """Draw a person with a shovel before a heap of earth."""
    _figure(
        canvas,
        centre,
        size,
        colour,
        head=(-0.04, -0.78),
        lines=[
            ([(-0.16, -0.46), (-0.46, 0.1)], 0.34),
            ([(-0.46, 0.12), (-0.3, 0.5), (-0.5, 0.92)], 0.2),
            ([(-0.46, 0.12), (-0.74, 0.5), (-0.9, 0.92)], 0.2),
            ([(-0.12, -0.44), (0.12, -0.04), (0.28, 0.16)], 0.14),
            ([(-0.26, -0.26), (0.46, 0.56)], 0.1),
        ],
    )
    x, y = centre
    heap = [(0.22, 0.98), (0.62, 0.42), (0.76, 0.42), (1.1, 0.98)]
    canvas.polygon([(x + size * px, y + size * py) for px, py in heap], colour)


def _figure(
    canvas: Canvas,
    centre: Point,
    size: float,
    colour: Colour,
    *,
    head: Point,
    lines: Sequence[tuple[Sequence[Point], float]],
) -> None:
    x, y = centre
    canvas.disc((x + size * head[0], y + size * head[1]), 0.19 * size, colour)
    for points, width in lines:
        canvas.stroke([(x + size * px, y + size * py) for px, py in points], width * size, colour)


def car(canvas: Canvas, centre: Point, size: float, body: Colour, window: Colour) -> None:
    """Draw a car from behind."""

    def place(points: Sequence[Point]) -> list[Point]:
        return [(centre[0] + size * x, centre[1] + size * y) for x, y in points]

    canvas.rounded(place([(-0.42, -0.52), (0.42, -0.52), (0.6, 0.0), (-0.6, 0.0)]), 0.1 * size, body)
    canvas.rounded(place([(-0.66, 0.0), (0.66, 0.0), (0.66, 0.34), (-0.66, 0.34)]), 0.1 * size, body)
    canvas.polygon(place([(-0.34, -0.42), (0.34, -0.42), (0.46, -0.06), (-0.46, -0.06)]), window)
    for side in (-0.5, 0.5):
        canvas.rounded(
            place([(side - 0.1, 0.4), (side + 0.1, 0.4), (side + 0.1, 0.62), (side - 0.1, 0.62)]),
            0.04 * size,
            body,
        )


def turn_arrow(canvas: Canvas, side: int, colour: Colour) -> None:
    """Draw an arrow that comes from below and turns left (``side`` -1) or right (+1)."""
    shaft = [(-0.3, 0.62), (-0.3, 0.05), *arc((-0.1, -0.02), (0.2, 0.22), 180, 270), (0.22, -0.24)]
    canvas.stroke([(side * x, y) for x, y in shaft], 0.24, colour)
    canvas.polygon([(side * x, y) for x, y in [(0.2, -0.62), (0.7, -0.24), (0.2, 0.14)]], colour)


def roundabout_arrows(canvas: Canvas, colour: Colour) -> None:
    """Draw three arrows that chase one another around the middle."""
    radius = 0.5
    for start in (0, 120, 240):
        canvas.stroke(arc((0, 0), (radius, radius), start, start - 56), 0.19, colour)
        tip, base = math.radians(start - 98), math.radians(start - 52)
        canvas.polygon(
            [
                (radius * math.cos(tip), radius * math.sin(tip)),
                ((radius + 0.23) * math.cos(base), (radius + 0.23) * math.sin(base)),
                ((radius - 0.23) * math.cos(base), (radius - 0.23) * math.sin(base)),
            ],
            colour,
        )
