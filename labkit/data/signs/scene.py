"""Where a sign stands: sky, trees, houses, road, and the post that carries it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labkit.data.signs.field import Floats, clouds, smooth_field, step

__all__ = ["backdrop", "post"]


def backdrop(rng: np.random.Generator, size: int) -> Floats:
    """Return a scene without a sign, ``(size, size, 3)``, 0 to 1."""
    kinds: list[Callable[[np.random.Generator, int], Floats]] = [_open_road, _trees, _street, _open_sky]
    return np.clip(kinds[int(rng.integers(len(kinds)))](rng, size), 0, 1)


def post(rng: np.random.Generator, picture: Floats, x: float, top: float) -> Floats:
    """Draw a grey post under the point ``(x, top)``, given in pixels."""
    size = picture.shape[0]
    width = size * rng.uniform(0.025, 0.05)
    lean = rng.uniform(-0.04, 0.04)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    across = (columns - x - lean * (rows - top)) / width
    cover = step(1 - np.abs(across), 0.5, 0.4) * (rows > top)
    shade = (0.55 + 0.25 * np.cos(2.2 * across - 0.6)) * rng.uniform(0.6, 1.0)
    return _blend(picture, np.repeat(shade[..., None], 3, axis=2), cover)


def _blend(under: Floats, over: Floats, cover: Floats) -> Floats:
    return under + (over - under) * cover[..., None]


def _plain(colour: list[float], shade: Floats) -> Floats:
    return np.asarray(colour, dtype=np.float32) * shade[..., None]


def _ramp(size: int) -> Floats:
    return np.broadcast_to(np.linspace(0, 1, size, dtype=np.float32)[:, None], (size, size))


def _sky(rng: np.random.Generator, size: int) -> Floats:
    ramp = _ramp(size)[..., None]
    overcast = rng.random()
    high = np.array([0.3, 0.52, 0.82]) * (1 - overcast) + np.array([0.66, 0.69, 0.73]) * overcast
    low = np.array([0.72, 0.83, 0.93]) * (1 - overcast) + np.array([0.84, 0.85, 0.86]) * overcast
    blue = (high * (1 - ramp) + low * ramp).astype(np.float32)
    white = step(clouds(rng, size, 3), rng.uniform(0.45, 0.75), 0.3) * np.float32(0.8)
    return _blend(blue, np.full_like(blue, 0.93), white)


def _leaves(rng: np.random.Generator, size: int) -> Floats:
    autumn = rng.random() < 0.25
    dark = [0.2, 0.13, 0.05] if autumn else [0.05, 0.12, 0.04]
    bright = [0.72, 0.48, 0.16] if autumn else [0.4, 0.56, 0.22]
    light = np.clip(clouds(rng, size, 9) * 1.8 - 0.4, 0, 1)
    mixed = np.asarray(dark) * (1 - light[..., None]) + np.asarray(bright) * light[..., None]
    return (mixed * rng.uniform(0.6, 1.1)).astype(np.float32)


def _open_road(rng: np.random.Generator, size: int) -> Floats:
    horizon = rng.uniform(0.5, 0.85)
    rows = _ramp(size)
    ragged = rows + (clouds(rng, size, 8) - 0.5) * 0.16
    sky, leaves = _sky(rng, size), _leaves(rng, size)
    picture = _blend(sky, leaves, step(ragged, horizon - rng.uniform(0.08, 0.3), 0.02))
    grain = 0.8 + 0.3 * clouds(rng, size, 20)
    road = _plain([0.36, 0.36, 0.38], grain * np.float32(rng.uniform(0.6, 1.2)))
    return _blend(picture, road, step(rows, horizon, 0.01))


def _trees(rng: np.random.Generator, size: int) -> Floats:
    gaps = step(clouds(rng, size, 5), rng.uniform(0.55, 0.8), 0.08)
    return _blend(_leaves(rng, size), _sky(rng, size), gaps)


def _open_sky(rng: np.random.Generator, size: int) -> Floats:
    return _sky(rng, size)


def _street(rng: np.random.Generator, size: int) -> Floats:
    """A wall with rows of windows, and sky above its roof."""
    stone = rng.uniform(0.3, 0.75) * np.array([1.0, rng.uniform(0.82, 1.0), rng.uniform(0.65, 0.95)])
    wall = _plain(list(stone), 0.85 + 0.3 * clouds(rng, size, 6))
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    pitch, lift, turn = rng.uniform(0.2, 0.4), rng.random(), rng.uniform(-0.3, 0.3)
    across = ((columns + rng.random()) / pitch) % 1
    down = ((rows + lift + turn * columns) / (pitch * 1.4)) % 1
    windows = ((across > 0.3) & (across < 0.75) & (down > 0.25) & (down < 0.8)).astype(np.float32)
    glass = _plain([0.22, 0.26, 0.32], 0.5 + smooth_field(rng, size, 4) * rng.uniform(0.5, 2.0))
    picture = _blend(wall, glass, windows)
    roof = rng.uniform(-0.3, 0.35)
    return _blend(_sky(rng, size), picture, step(rows + turn * columns, roof, 0.01))
