"""Hair behind, beside and above the face, and glasses in front of it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from labkit.data.faces.features import eye_centres
from labkit.data.faces.head import Floats, Head, cover, ramp
from labkit.data.faces.identity import Identity
from labkit.data.faces.palette import blend

__all__ = ["behind", "field", "front", "glasses", "strands"]


def field(rng: np.random.Generator, size: int, rows: int, columns: int) -> Floats:
    """Return smooth random values of about -1 to 1, ``(size, size)``."""
    coarse = rng.uniform(-1, 1, (rows + 2, columns + 2)).astype(np.float32)
    return np.asarray(
        Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32
    )


def strands(rng: np.random.Generator, person: Identity, size: int) -> Floats:
    """Return light and dark along the hair, 0 to 1: long streaks, or curls."""
    straight = field(rng, size, 5, 26)
    curly = field(rng, size, 20, 20)
    return np.clip(0.5 + 0.5 * ((1 - person.curl) * straight + person.curl * curly), 0, 1)


def behind(person: Identity, head: Head, picture: Floats, colour: Floats, streaks: Floats) -> Floats:
    """Draw the hair that falls behind the face."""
    if person.hair_side < 0.2:
        return picture
    low = 0.1 + 1.15 * person.hair_side
    body = head.half_width + 0.10 + 0.14 * person.hair_side * (0.4 + 0.6 * person.curl)
    wave = 0.025 * (1 + person.curl) * np.sin(9 * head.v + 6 * person.parting)
    width = body * (1 - 0.10 * ramp(head.v, 0.2, low)) + wave
    top = 1.02 + 0.16 * person.hair_top
    above = np.clip(-head.v / top, 0, 1)
    outline = width * np.sqrt(np.clip(1 - above**2.3, 0, None)) - 0.06 * (above > 0.99)
    inside = np.minimum(outline - np.abs(head.u), low - head.v + 0.05 * np.cos(11 * head.u))
    shade = (0.45 + 0.35 * streaks)[..., None] * colour
    return blend(picture, shade, cover(inside, 2.5 * head.soft))


def front(
    person: Identity, head: Head, picture: Floats, colour: Floats, streaks: Floats, light: Floats
) -> Floats:
    """Draw the hair on top and at the temples, in front of the skin."""
    x, y, u, v = head.x, head.y, head.u, head.v
    volume = 0.03 + 0.19 * person.hair_top
    part = 0.9 * (person.parting - 0.5)
    rough = 0.035 * person.curl * np.sin(17 * np.arctan2(v + 0.1, u) + 3 * streaks)
    crown = (
        head.inside
        + (volume + rough) * ramp(v, 0.25, -0.45)
        + 0.05 * ramp(v, 0.45, 0.0) * (person.hair_side > 0.08)
    )
    # The line of the forehead: an arch that falls towards the temples, parted or with a fringe.
    line = -0.60 - 0.16 * person.hairline + 0.36 * person.fringe**2 * (person.hairline < 0.6)
    arch = line + 0.42 * np.abs(x) ** 2.2 * (1 + person.hairline)
    sweep = 0.14 * np.tanh(5 * (x - part)) * np.clip(1.2 - np.abs(x - part), 0, 1) * (0.4 + person.fringe)
    edge = (
        arch
        + sweep * np.sign(part + 1e-6)
        - 0.12 * np.exp(-(((x - part) / 0.10) ** 2))
        + 0.03 * (streaks - 0.5)
    )
    scalp = np.minimum(edge - y, crown)
    if person.hairline >= 0.99:
        scalp = scalp - 2.0
    # At the temples the hair runs down in front of the ears, as far as it is long.
    temple = head.half_width * (0.80 + 0.08 * (1 - person.hair_side)) - 0.06 * ramp(v, 0.1, 0.8)
    low = -0.12 + 0.3 * min(person.hair_side, 0.3) + 1.1 * max(person.hair_side - 0.3, 0)
    sides = np.minimum(np.minimum(np.abs(x) - temple, low - y), crown + 0.02)
    sides = np.where(person.hair_side > 0.08, sides, -1.0)
    alpha = cover(np.maximum(scalp, sides), 2.0 * head.soft)
    short = 1.0 if person.hair_top + person.hair_side > 0.12 else 0.6
    gloss = 0.28 * np.exp(-(((v + 0.72 + 0.15 * u) / 0.13) ** 2)) * (1 - 0.7 * person.curl)
    shade = (0.55 + 0.55 * streaks + gloss)[..., None] * colour + 0.07 * gloss[..., None]
    return blend(picture, shade * light[..., None], alpha * short)


def glasses(person: Identity, head: Head, picture: Floats) -> Floats:
    """Put glasses on the nose: rims, bridge, temples, and a faint reflection."""
    away, line = eye_centres(person)
    square = 2.0 + 4.0 * person.rim
    wide, tall = 0.215, 0.155 + 0.03 * (1 - person.rim)
    thick = 0.016 + 0.016 * person.curl
    frame = np.array([0.10, 0.09, 0.10]) if person.rim > 0.35 else np.array([0.42, 0.34, 0.22])
    x, y = head.x, head.y - line - 0.025
    lens = np.full_like(x, -1.0)
    rim = np.zeros_like(x)
    for sign in (-1, 1):
        radius = (np.abs((x - sign * (away + 0.01)) / wide) ** square + np.abs(y / tall) ** square) ** (
            1 / square
        )
        lens = np.maximum(lens, (1 - radius) * tall)
        rim = np.maximum(rim, cover(thick - np.abs(1 - radius) * tall, head.soft))
    bridge = cover(np.minimum(thick - np.abs(y + 0.03), away + 0.01 - wide - np.abs(x)), head.soft)
    arms = cover(np.minimum(thick - np.abs(y + 0.04), np.abs(x) - away - wide), head.soft) * (
        head.inside > -0.05
    )
    picture = blend(
        picture, np.array([0.95, 0.97, 1.0]), 0.10 * cover(lens, head.soft) * ramp(x + y, -0.6, 0.3)
    )
    return blend(picture, frame, np.clip(rim + bridge + arms, 0, 1) * 0.95)
