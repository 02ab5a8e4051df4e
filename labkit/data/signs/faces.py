"""The faces of the signs: what is printed on the metal, flat and clean."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from PIL import Image

from labkit.data.signs import pictograms
from labkit.data.signs.canvas import Canvas, Colour, Point, regular
from labkit.data.signs.glyphs import write

__all__ = ["CLASSES", "face"]

_RED: Colour = (190, 22, 34)
_BLUE: Colour = (0, 84, 166)
_YELLOW: Colour = (250, 188, 0)
_WHITE: Colour = (240, 241, 240)
_BLACK: Colour = (22, 22, 26)

_DOWN: list[Point] = [(-0.8, -0.62), (0.8, -0.62), (0.0, 0.76)]
_UP: list[Point] = [(x, -y) for x, y in _DOWN]


def _stop(canvas: Canvas) -> None:
    canvas.polygon(regular(8, 1.0, 22.5), _WHITE)
    canvas.polygon(regular(8, 0.93, 22.5), _RED)
    write(canvas, "STOP", height=0.54, weight=0.11, colour=_WHITE, gap=0.17)


def _give_way(canvas: Canvas) -> None:
    _triangle(canvas, _DOWN)


def _no_entry(canvas: Canvas) -> None:
    canvas.disc((0, 0), 0.97, _WHITE)
    canvas.disc((0, 0), 0.92, _RED)
    canvas.rounded([(-0.6, -0.12), (0.6, -0.12), (0.6, 0.12), (-0.6, 0.12)], 0.04, _WHITE)


def _speed_limit(canvas: Canvas, limit: str) -> None:
    _prohibition(canvas)
    write(canvas, limit, height=0.76, weight=0.15, colour=_BLACK, gap=0.26)


def _priority_road(canvas: Canvas) -> None:
    canvas.rounded(regular(4, 0.88), 0.08, _BLACK)
    canvas.rounded(regular(4, 0.85), 0.07, _WHITE)
    canvas.rounded(regular(4, 0.56), 0.06, _YELLOW)


def _pedestrian_crossing(canvas: Canvas) -> None:
    square = [(-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)]
    canvas.rounded(square, 0.1, _WHITE)
    canvas.rounded(square, 0.05, _BLUE)
    canvas.polygon([(0.0, -0.8), (0.82, 0.66), (-0.82, 0.66)], _WHITE)
    pictograms.walker(canvas, (0.0, 0.1), 0.46, _BLACK)
    for x in (-0.52, -0.26, 0.26, 0.52):
        canvas.stroke([(x, 0.46), (1.12 * x, 0.56)], 0.09, _BLACK)


def _roundabout(canvas: Canvas) -> None:
    _order(canvas)
    pictograms.roundabout_arrows(canvas, _WHITE)


def _turn(canvas: Canvas, side: int) -> None:
    _order(canvas)
    pictograms.turn_arrow(canvas, side, _WHITE)


def _no_overtaking(canvas: Canvas) -> None:
    _prohibition(canvas)
    pictograms.car(canvas, (-0.33, 0.0), 0.4, _RED, _WHITE)
    pictograms.car(canvas, (0.33, 0.0), 0.4, _BLACK, _WHITE)


def _roadworks(canvas: Canvas) -> None:
    _triangle(canvas, _UP)
    pictograms.digger(canvas, (0.02, 0.19), 0.46, _BLACK)


def _children(canvas: Canvas) -> None:
    _triangle(canvas, _UP)
    pictograms.child(canvas, (-0.24, 0.27), 0.38, _BLACK)
    pictograms.child(canvas, (0.2, 0.16), 0.48, _BLACK)


def _triangle(canvas: Canvas, corners: list[Point]) -> None:
    middle = sum(y for _, y in corners) / 3
    inner = [(0.7 * x, middle + 0.7 * (y - middle)) for x, y in corners]
    canvas.rounded(corners, 0.16, _WHITE)
    canvas.rounded(corners, 0.12, _RED)
    canvas.rounded(inner, 0.05, _WHITE)


def _prohibition(canvas: Canvas) -> None:
    canvas.disc((0, 0), 0.97, _WHITE)
    canvas.disc((0, 0), 0.93, _RED)
    canvas.disc((0, 0), 0.75, _WHITE)


def _order(canvas: Canvas) -> None:
    canvas.disc((0, 0), 0.97, _WHITE)
    canvas.disc((0, 0), 0.91, _BLUE)


_DRAW: dict[str, Callable[[Canvas], None]] = {
    "stop": _stop,
    "give way": _give_way,
    "no entry": _no_entry,
    "speed limit 30": partial(_speed_limit, limit="30"),
    "speed limit 50": partial(_speed_limit, limit="50"),
    "speed limit 80": partial(_speed_limit, limit="80"),
    "priority road": _priority_road,
    "pedestrian crossing": _pedestrian_crossing,
    "roundabout": _roundabout,
    "turn left ahead": partial(_turn, side=-1),
    "turn right ahead": partial(_turn, side=1),
    "no overtaking": _no_overtaking,
    "roadworks": _roadworks,
    "children": _children,
}

CLASSES: tuple[str, ...] = tuple(_DRAW)
"""Names of the signs, in the order of their labels."""


@cache
def face(name: str, size: int) -> Image.Image:
    """Return the face of one sign, ``size`` pixels square, RGBA; not to be changed."""
    canvas = Canvas(size)
    _DRAW[name](canvas)
    return canvas.finish()
