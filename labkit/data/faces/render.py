"""One portrait: the same person, view and seed give the same picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from labkit.data.faces import features, hair
from labkit.data.faces.head import Floats, Head, build_head, cover, ramp, spot
from labkit.data.faces.identity import Identity
from labkit.data.faces.palette import blend, hair_colour, skin_colour
from labkit.data.faces.view import View

__all__ = ["PIXELS", "render"]

PIXELS = 32
"""Height and width of a picture."""

_STAGE = 128  # drawn at this size, and reduced as a sensor would
_LEVELS = 4  # values are multiples of this many levels: the file is a third smaller


def render(person: Identity, view: View, *, pixels: int = PIXELS) -> NDArray[np.uint8]:
    """Return one portrait, ``(pixels, pixels, 3)`` uint8.

    Parameters
    ----------
    person : Identity
    view : View
    pixels : int
        32 for the data set; more shows what there was to see.
    """
    stage = max(_STAGE, 2 * pixels)
    rng = np.random.default_rng(view.noise)
    head = build_head(person, view, stage)
    streaks = hair.strands(rng, person, stage)
    skin, locks = skin_colour(person.skin, person.undertone), hair_colour(person.hair_colour)
    light = _light(view, head, features.relief(person, view, head))
    picture = _backdrop(rng, view, head, stage)
    picture = hair.behind(person, head, picture, locks, streaks)
    picture = _body(person, view, head, picture, skin)
    picture = _ears(person, view, head, picture, skin, light)
    face: Floats = np.broadcast_to(skin, (stage, stage, 3)).astype(np.float32)
    face = features.skin_marks(person, view, head, face, skin)
    face = features.beard(person, head, face, locks, streaks)
    face = features.mouth(person, view, head, face, skin)
    face = features.eyes(person, view, head, face, skin)
    face = features.brows(person, view, head, face, locks) * light[..., None]
    picture = blend(picture, face, cover(head.inside, head.soft))
    picture = hair.front(person, head, picture, locks, streaks, 0.35 + 0.65 * light)
    if person.glasses and view.glasses:
        picture = hair.glasses(person, head, picture)
    return _shoot(rng, view, picture, pixels)


def _light(view: View, head: Head, relief: Floats) -> Floats:
    """Return how bright each point of the face is: light from one side, and from everywhere."""
    down, across = np.gradient(relief, head.soft)
    normal = head.normal - np.stack([across, down, np.zeros_like(across)]) * 0.75
    # The relief stands out along the normal; its slope tilts the normal against it.
    normal = normal / np.linalg.norm(normal, axis=0)
    towards = np.array([view.light_x, view.light_y, 0.85])
    towards /= np.linalg.norm(towards)
    direct = np.clip(np.tensordot(towards, normal, axes=1), 0, None)
    shine = 0.12 * np.clip(direct, 0, 1) ** 18
    return (view.ambient * (0.82 + 0.18 * normal[2]) + view.strength * direct + shine).astype(np.float32)


def _backdrop(rng: np.random.Generator, view: View, head: Head, stage: int) -> Floats:
    """Return what is behind the person: one colour, darker to one side, with blotches."""
    blotches = 0.06 * hair.field(rng, stage, 3, 3) + 0.03 * hair.field(rng, stage, 9, 9)
    fall = 1 + 0.12 * np.sign(view.light_x) * head.u - 0.05 * head.v + blotches
    return (np.array(view.background, dtype=np.float32) * fall[..., None]).astype(np.float32)


def _body(person: Identity, view: View, head: Head, picture: Floats, skin: Floats) -> Floats:
    """Draw neck and shoulders."""
    u, v = head.u, head.v
    width = head.half_width * (0.55 + 0.17 * person.jaw)
    neck = np.minimum(width + 0.12 * ramp(v, 0.8, 1.2) - np.abs(u), v - 0.2)
    shade = 0.55 + 0.30 * ramp(v, 0.95, 1.25) - 0.18 * np.sign(view.light_x) * u * -1
    picture = blend(picture, skin * shade[..., None], cover(neck, head.soft))
    slope = v - 1.02 - 0.30 * np.clip(np.abs(u) - 0.2, 0, None) ** 1.2
    collar = slope - 0.16 * np.exp(-((u / (0.75 * width)) ** 2))
    cloth = np.array(view.cloth, dtype=np.float32) * (0.85 + 0.2 * ramp(np.abs(u), 0.9, 0.2))[..., None]
    return blend(picture, cloth, cover(collar, head.soft))


def _ears(person: Identity, view: View, head: Head, picture: Floats, skin: Floats, light: Floats) -> Floats:
    """Draw the ears; the one on the far side hides behind the head when it turns."""
    for sign in (-1, 1):
        out = head.half_width * (0.985 - 0.10 * max(0.0, sign * np.sin(view.yaw)) * 2)
        dx, dy = head.u - sign * out, head.v - 0.06 - 0.2 * np.sin(view.pitch)
        inside = 1 - (dx / 0.105) ** 2 - (dy / 0.20) ** 2
        shade = (0.72 + 0.25 * ramp(inside, 0, 0.7)) * (0.5 + 0.5 * np.clip(light, 0.3, 1.2))
        rosy = skin * np.array([1.0, 0.88, 0.86], dtype=np.float32)
        picture = blend(picture, rosy * shade[..., None], cover(inside * 0.08, head.soft))
        picture = blend(
            picture, skin * 0.45, 0.5 * spot(dx, dy, (-0.02 * sign, 0.0), (0.035, 0.09)) * (inside > 0)
        )
    return picture


def _shoot(rng: np.random.Generator, view: View, picture: Floats, pixels: int) -> NDArray[np.uint8]:
    """See a scene through a small camera: blurred a little, warm or cold, grainy."""
    stage = picture.shape[0]
    warm = np.array([1 + 0.06 * view.warmth, 1.0, 1 - 0.07 * view.warmth], dtype=np.float32)
    seen = np.clip(picture * warm * view.exposure, 0, 1)
    seen = seen**0.92
    image = Image.fromarray((seen * 255).astype(np.uint8))
    if view.blur > 0.05:
        image = image.filter(ImageFilter.GaussianBlur(view.blur * stage / pixels * 0.6))
    small = np.asarray(image.resize((pixels, pixels), Image.Resampling.BOX), dtype=np.float32) / 255
    # A little of the sharpening that every camera does keeps eyes and brows apart.
    small = small + view.grain * rng.standard_normal(small.shape, dtype=np.float32)
    levels = np.round(small * (255 / _LEVELS)) * _LEVELS
    return np.clip(levels, 0, 255).astype(np.uint8)
