"""The solid of a head: where each point of the picture lies on the face, and how it is lit.

The head is an ellipsoid with a jaw.  A point of the picture is turned back by the pose to
where it lies on the face, so that features drawn there turn with the head, near sides
wider than far ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.data.faces.identity import Identity
from labkit.data.faces.view import View

__all__ = ["Floats", "Head", "build_head", "cover", "ramp", "spot"]

Floats = NDArray[np.floating[Any]]

_EXTENT = 1.22  # half the height of the picture, in half heads
_SHIFT = 0.1  # the middle of the head lies this far above the middle of the picture
_HEIGHT = 1.02


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The points of the picture in three frames, each ``(size, size)``.

    Attributes
    ----------
    u, v : array
        In the plane of the picture, upright, in half heads; v runs down.
    x, y : array
        On the face, turned with it; the middle of the face is 0.
    inside : array
        Signed distance to the outline of the head, positive inside, about in half heads.
    normal : array of shape ``(3, size, size)``
        Of the bare solid, towards the camera.
    half_width : float
    soft : float
        Width of one point of the picture: edges are as soft as that.
    """

    u: Floats
    v: Floats
    x: Floats
    y: Floats
    inside: Floats
    normal: Floats
    half_width: float
    soft: float


def build_head(person: Identity, view: View, size: int) -> Head:
    """Place the head of a person into a picture of ``size`` points."""
    line = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) * np.float32(_EXTENT)
    across, down = np.meshgrid(line, line)
    across, down = (across - view.right) / view.size, (down - view.down - _SHIFT) / view.size
    cos, sin = np.cos(view.roll), np.sin(view.roll)
    u, v = cos * across + sin * down, -sin * across + cos * down
    half = 0.66 + 0.15 * person.width
    outline = _outline(person, view, u, v, half)
    inside = (1 - outline) * half
    depth = np.sqrt(np.clip(1 - (u / half) ** 2 - (v / _HEIGHT) ** 2, 0.0, None))
    x = u * np.cos(view.yaw) - half * depth * np.sin(view.yaw)
    y = v * np.cos(view.pitch) - half * depth * np.sin(view.pitch)
    normal = np.stack([u / half, 0.75 * v / _HEIGHT, depth + 0.12])
    return Head(u, v, x, y, inside, normal / np.linalg.norm(normal, axis=0), half, 2 * _EXTENT / size)


def _outline(person: Identity, view: View, u: Floats, v: Floats, half: float) -> Floats:
    """Return 1 on the outline of the head, less inside: a skull above, a jaw below."""
    below = np.clip(v / _HEIGHT, 0, None)
    # The chin lies in front of the axis, so it swings out when the head turns.
    sway = 0.28 * np.sin(view.yaw) * below**1.5
    taper = 0.10 + 0.22 * (1 - person.jaw) + 0.12 * person.chin
    width = half * (1 - taper * below**1.6) * (1 - 0.05 * np.clip(-v, 0, None))
    power = 2.05 + 0.75 * person.jaw * (v > 0)
    reach = _HEIGHT * (1 + 0.05 * (person.chin - 0.5) * (v > 0))
    return (np.abs((u - sway) / width) ** power + np.abs(v / reach) ** (2.15 + 0.2 * person.jaw)) ** (1 / 2.1)


def cover(distance: Floats, soft: float) -> Floats:
    """Return how much of a shape covers each point: 0 outside, 1 inside, a ramp on the edge."""
    return np.clip(distance / (1.5 * soft) + 0.5, 0, 1)


def ramp(values: Floats, low: float, high: float) -> Floats:
    """Return 0 below ``low``, 1 above ``high``, and a smooth step between (either may be larger)."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def spot(x: Floats, y: Floats, centre: tuple[float, float], radii: tuple[float, float]) -> Floats:
    """Return a soft bump: 1 in the centre, a Gaussian around it."""
    return np.exp(-(((x - centre[0]) / radii[0]) ** 2) - ((y - centre[1]) / radii[1]) ** 2)
