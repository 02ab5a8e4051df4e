"""One picture of one sign: the same class, number and seed give the same picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import UnknownNameError
from labkit.core.seeds import derive
from labkit.data.signs.camera import expose, shoot
from labkit.data.signs.faces import CLASSES, face
from labkit.data.signs.placing import place, wear
from labkit.data.signs.scene import backdrop, post
from labkit.data.signs.weather import light_up, weather

__all__ = ["PIXELS", "render", "render_many"]

PIXELS = 32
"""Height and width of a picture."""

_STAGE = 128  # the scene is built at this size, and reduced as a sensor would
_LEVELS = 4  # values are multiples of this many grey levels: the file is a third smaller


def render(name: str, index: int, *, seed: int = 0, split: str = "train") -> NDArray[np.uint8]:
    """Return one picture of one sign.

    Parameters
    ----------
    name : str
        One of ``CLASSES``.
    index, seed : int
        Which of its pictures; every number gives another scene.
    split : str
        ``"train"`` and ``"test"`` never share a picture.

    Returns
    -------
    array of shape ``(32, 32, 3)``, uint8

    Raises
    ------
    UnknownNameError
        When there is no such sign.
    """
    if name not in CLASSES:
        raise UnknownNameError("sign", name, CLASSES)
    rng = np.random.default_rng(derive(seed, "signs", split, name, index))
    colours, cover, spot = place(rng, wear(rng, face(name, _STAGE)), _STAGE)
    behind = post(rng, backdrop(rng, _STAGE), spot[0], spot[1])
    picture = behind + (colours - behind) * cover[..., None]
    seen = weather(rng, light_up(rng, picture, cover, spot))
    levels = np.round(expose(rng, shoot(rng, seen, PIXELS)) * (255 / _LEVELS)) * _LEVELS
    return np.clip(levels, 0, 255).astype(np.uint8)


def render_many(name: str, count: int, *, seed: int = 0, split: str = "train") -> NDArray[np.uint8]:
    """Return the first ``count`` pictures of one sign, ``(count, 32, 32, 3)`` uint8."""
    return np.stack([render(name, index, seed=seed, split=split) for index in range(count)])
