"""A small drawing board in unit coordinates: (-1, -1) is the top left, (1, 1) the bottom right."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

__all__ = ["Canvas", "Colour", "Point", "arc", "regular"]

Point = tuple[float, float]
Colour = tuple[int, int, int]

_OVER = 4  # drawn this many times larger, then reduced: that smooths every edge


class Canvas:
    """A transparent square picture that shapes are drawn on."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pixels = size * _OVER
        self._image = Image.new("RGBA", (self._pixels, self._pixels), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._at(point) for point in points], fill=colour)

    def rounded(self, points: Sequence[Point], radius: float, colour: Colour) -> None:
        """Fill a polygon that is widened by ``radius``, which rounds its corners."""
        self.polygon(points, colour)
        self.stroke([*points, points[0]], 2 * radius, colour)

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        x, y = self._at(centre)
        r = radius * self._pixels / 2
        self._draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """Draw a line with round ends and corners."""
        line = [self._at(point) for point in points]
        self._draw.line(line, fill=colour, width=max(1, round(width * self._pixels / 2)))
        for point in points:
            self.disc(point, width / 2, colour)

    def finish(self) -> Image.Image:
        """Return the picture at its final size, RGBA."""
        return self._image.resize((self.size, self.size), Image.Resampling.LANCZOS)

    def _at(self, point: Point) -> Point:
        return (point[0] + 1) / 2 * self._pixels, (point[1] + 1) / 2 * self._pixels


def arc(centre: Point, radii: Point, start: float, end: float) -> list[Point]:
    """Return points along an ellipse from ``start`` to ``end`` degrees; 0 is right, 90 is down."""
    steps = max(2, math.ceil(abs(end - start) / 8))
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(centre[0] + radii[0] * math.cos(a), centre[1] + radii[1] * math.sin(a)) for a in angles]


def regular(corners: int, radius: float, turn: float = 0.0, centre: Point = (0.0, 0.0)) -> list[Point]:
    """Return the corners of a regular polygon; ``turn`` degrees move the first one from the right."""
    angles = [math.radians(turn + 360 * corner / corners) for corner in range(corners)]
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles]
