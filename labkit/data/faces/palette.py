"""Colours of skin, hair, eyes and lips, each along one axis from 0 to 1."""

from __future__ import annotations

import numpy as np

from labkit.data.faces.head import Floats

__all__ = ["blend", "hair_colour", "iris_colour", "lip_colour", "mix", "skin_colour"]

_SKIN = (
    (247, 222, 205),
    (236, 196, 170),
    (219, 170, 138),
    (188, 134, 98),
    (146, 96, 66),
    (110, 71, 50),
    (80, 52, 40),
)
_HAIR = (
    (22, 19, 19), (44, 31, 26), (76, 50, 34), (110, 64, 36), (158, 82, 38),
    (186, 138, 82), (214, 180, 122), (132, 128, 126), (208, 206, 204),
)  # fmt: skip
_IRIS = ((58, 36, 24), (92, 58, 32), (98, 92, 46), (74, 112, 84), (84, 122, 158), (120, 158, 190))


def _along(stops: tuple[tuple[int, int, int], ...], value: float) -> Floats:
    table = np.array(stops, dtype=np.float32) / 255
    where = np.linspace(0, 1, len(table))
    return np.array([np.interp(value, where, table[:, channel]) for channel in range(3)], dtype=np.float32)


def skin_colour(tone: float, undertone: float) -> Floats:
    """Return the tone of a skin, ``(3,)``."""
    warm = np.array([1 + 0.02 * (undertone - 0.5), 1.0, 1 - 0.14 * (undertone - 0.5)], dtype=np.float32)
    return np.clip(_along(_SKIN, tone) * warm, 0, 1)


def hair_colour(value: float) -> Floats:
    """Return a colour of hair, ``(3,)``: black, brown, ginger, blond, grey, white."""
    return _along(_HAIR, value)


def iris_colour(value: float) -> Floats:
    """Return a colour of eyes, ``(3,)``: brown, green, blue."""
    return _along(_IRIS, value)


def lip_colour(skin: Floats, painted: float) -> Floats:
    """Return the colour of lips on a skin, from bare to painted, ``(3,)``."""
    bare = skin * np.array([0.86, 0.62, 0.60], dtype=np.float32)
    return mix(
        bare, np.array([0.66, 0.10, 0.17], dtype=np.float32) * (0.6 + 0.5 * float(skin[0])), 0.65 * painted
    )


def mix(first: Floats, second: Floats, share: float) -> Floats:
    """Return a mixture that holds ``share`` of the second."""
    return first + (second - first) * share


def blend(below: Floats, above: Floats, alpha: Floats) -> Floats:
    """Lay a colour, or a picture, over a picture ``(size, size, 3)``."""
    return below + (above - below) * alpha[..., None]
