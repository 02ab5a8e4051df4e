"""Weather and light: fog, rain, snow; dusk, night, glare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from labkit.data.signs.field import Floats, clouds, smooth_field

__all__ = ["LIGHTS", "WEATHERS", "light_up", "weather"]

Spot = tuple[float, float, float]


def _clear(_rng: np.random.Generator, picture: Floats) -> Floats:
    return picture


def _fog(rng: np.random.Generator, picture: Floats) -> Floats:
    size = picture.shape[0]
    density = rng.uniform(0.3, 0.68) + 0.25 * (smooth_field(rng, size, 3) - 0.5)
    return picture + (np.float32(rng.uniform(0.66, 0.85)) - picture) * np.clip(density, 0, 0.8)[..., None]


def _rain(rng: np.random.Generator, picture: Floats) -> Floats:
    size = picture.shape[0]
    slant, length = rng.uniform(-0.35, 0.35), rng.uniform(0.12, 0.3) * size
    streaks = _falling(rng, size, int(rng.integers(30, 90)), (slant * length, length), (1, 3))
    dull = picture * 0.72 + np.array([0.15, 0.16, 0.18], dtype=np.float32)
    return dull + (0.85 - dull) * (streaks * rng.uniform(0.35, 0.65))[..., None]


def _snow(rng: np.random.Generator, picture: Floats) -> Floats:
    size = picture.shape[0]
    flakes = _falling(rng, size, int(rng.integers(40, 150)), (rng.uniform(-3, 3), rng.uniform(1, 5)), (3, 7))
    pale = picture * 0.85 + 0.11
    return pale + (0.97 - pale) * (flakes * rng.uniform(0.6, 0.95))[..., None]


def _falling(
    rng: np.random.Generator,
    size: int,
    count: int,
    fall: tuple[float, float],
    widths: tuple[int, int],
) -> Floats:
    """Return how much of each pixel is covered by ``count`` drops or flakes."""
    image = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(image)
    for x, y in rng.uniform(-0.1, 1.1, (count, 2)) * size:
        width = int(rng.integers(*widths))
        draw.line([(x, y), (x + fall[0], y + fall[1])], fill=int(rng.integers(120, 255)), width=width)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32) / 255


def _day(rng: np.random.Generator, picture: Floats, _lit: Floats, _spot: Spot) -> Floats:
    return picture * np.float32(rng.uniform(0.75, 1.15))


def _dusk(rng: np.random.Generator, picture: Floats, _lit: Floats, _spot: Spot) -> Floats:
    warm = np.array([rng.uniform(0.85, 1.05), rng.uniform(0.66, 0.8), rng.uniform(0.5, 0.72)])
    return picture * (warm * rng.uniform(0.6, 0.95)).astype(np.float32)


def _night(rng: np.random.Generator, picture: Floats, lit: Floats, spot: Spot) -> Floats:
    """The scene is dark; the sign throws the headlights back, unevenly."""
    x, y, radius = spot
    size = picture.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    aim = np.hypot(columns - x - rng.normal(0, 0.5) * radius, rows - y - rng.normal(0, 0.5) * radius)
    beam = np.exp(-((aim / (radius * rng.uniform(1.2, 2.2))) ** 2)) * rng.uniform(0.55, 1.05)
    dark = rng.uniform(0.06, 0.2) * np.array([0.8, 0.9, 1.15])
    strength = lit * np.clip(beam, 0.22, 1) + (1 - lit) * 0.0
    return (picture * (dark + strength[..., None])).astype(np.float32)


def _glare(rng: np.random.Generator, picture: Floats, _lit: Floats, spot: Spot) -> Floats:
    """A low sun, or a reflection of it, washes out one side."""
    x, y, radius = spot
    size = picture.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    far = rng.uniform(0.5, 1.3) * radius
    away = np.hypot(columns - x - far * np.cos(angle), rows - y - far * np.sin(angle))
    flare = np.exp(-((away / (radius * rng.uniform(0.5, 1.0))) ** 2)) * rng.uniform(0.45, 0.8)
    tint = np.array([1.0, 0.97, 0.88], dtype=np.float32)
    return picture * 0.9 + (tint - picture * 0.9) * flare[..., None].astype(np.float32)


def _backlight(rng: np.random.Generator, picture: Floats, lit: Floats, _spot: Spot) -> Floats:
    """The sun stands behind the sign, whose face lies in its own shadow."""
    shade = rng.uniform(0.35, 0.55)
    return picture * (1.12 - (1.12 - shade) * lit[..., None]).astype(np.float32)


WEATHERS: dict[str, tuple[float, Callable[[np.random.Generator, Floats], Floats]]] = {
    "clear": (0.52, _clear),
    "fog": (0.15, _fog),
    "rain": (0.18, _rain),
    "snow": (0.15, _snow),
}
"""Share and painter of every weather."""

LIGHTS: dict[str, tuple[float, Callable[[np.random.Generator, Floats, Floats, Spot], Floats]]] = {
    "day": (0.5, _day),
    "dusk": (0.13, _dusk),
    "night": (0.15, _night),
    "glare": (0.1, _glare),
    "backlight": (0.12, _backlight),
}
"""Share and painter of every light."""


def weather(rng: np.random.Generator, picture: Floats) -> Floats:
    """Let the weather of a random day fall on a picture ``(size, size, 3)``."""
    shares = [share for share, _ in WEATHERS.values()]
    paint = list(WEATHERS.values())[int(rng.choice(len(shares), p=shares))][1]
    return np.clip(paint(rng, picture), 0, 1)


def light_up(rng: np.random.Generator, picture: Floats, lit: Floats, spot: Spot) -> Floats:
    """Light a picture: ``lit`` says which pixels are the sign, ``spot`` where and how large it is."""
    shares = [share for share, _ in LIGHTS.values()]
    paint = list(LIGHTS.values())[int(rng.choice(len(shares), p=shares))][1]
    uneven = 0.92 + 0.16 * clouds(rng, picture.shape[0], 2, octaves=1)
    return np.clip(paint(rng, picture, lit, spot) * uneven[..., None], 0, 1)
