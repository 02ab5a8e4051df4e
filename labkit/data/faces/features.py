"""What is drawn on the skin: eyes, brows, nose, mouth, beard."""

from __future__ import annotations

import numpy as np

from labkit.data.faces.head import Floats, Head, cover, ramp, spot
from labkit.data.faces.identity import Identity
from labkit.data.faces.palette import blend, iris_colour, lip_colour, mix
from labkit.data.faces.view import View

__all__ = ["beard", "brows", "eyes", "mouth", "relief", "skin_marks"]

EYE_LINE = -0.04
NOSE_BASE = 0.30


def eye_centres(person: Identity) -> tuple[float, float]:
    """Return how far the eyes lie from the middle, and at what height."""
    return 0.245 + 0.085 * person.eye_distance, EYE_LINE


def nose_end(person: Identity) -> float:
    """Return the height of the base of the nose."""
    return NOSE_BASE - 0.05 + 0.13 * person.nose_length


def mouth_line(person: Identity) -> float:
    """Return the height of the line between the lips."""
    return 0.56 + 0.09 * person.mouth_height + 0.4 * (nose_end(person) - NOSE_BASE)


def relief(person: Identity, view: View, head: Head) -> Floats:
    """Return how far the face stands out from the bare solid, in half heads."""
    x, y = head.x, head.y
    away, line = eye_centres(person)
    end = nose_end(person)
    side = np.abs(x)
    width = 0.085 + 0.075 * person.nose_width
    bridge = ramp(y, line - 0.12, end - 0.03) * ramp(y, end + 0.06, end - 0.02)
    nose = 0.20 * bridge * np.exp(-((x / (0.055 + 0.5 * width * ramp(y, line, end))) ** 2))
    wings = 0.05 * spot(side, y, (width, end - 0.01), (0.05, 0.055))
    sockets = -0.075 * spot(side, y, (away, line - 0.02), (0.19, 0.12))
    ridge = (0.02 + 0.05 * person.brow_ridge) * spot(side, y, (away, line - 0.19), (0.26, 0.07))
    cheeks = (0.05 + 0.03 * max(view.smile, 0)) * spot(
        side, y, (0.36, 0.24 - 0.04 * view.smile), (0.17, 0.15)
    )
    lips = 0.045 * spot(x, y, (0.0, mouth_line(person)), (0.24, 0.10))
    groove = -0.03 * spot(x, y, (0.0, mouth_line(person) + 0.15), (0.16, 0.05))
    chin = (0.03 + 0.04 * person.chin) * spot(x, y, (0.0, 0.88), (0.16, 0.10))
    lines = (0.25 + max(view.smile, 0)) * person.age
    fold = _fold(person, side, y)
    return nose + wings + sockets + ridge + cheeks + lips + groove + chin - 0.03 * lines * fold


def _fold(person: Identity, side: Floats, y: Floats) -> Floats:
    """Return the lines from the nose to the corners of the mouth."""
    top, low = nose_end(person), mouth_line(person) + 0.05
    along = np.clip((y - top) / (low - top), 0, 1)
    middle = 0.20 + 0.12 * along
    return np.exp(-(((side - middle) / 0.035) ** 2)) * ramp(y, top - 0.06, top) * ramp(y, low + 0.08, low)


def skin_marks(person: Identity, view: View, head: Head, skin: Floats, colour: Floats) -> Floats:
    """Return the skin with its blushes, freckles and lines."""
    x, y, side = head.x, head.y, np.abs(head.x)
    away, line = eye_centres(person)
    rosy = colour * np.array([1.02, 0.80, 0.78], dtype=np.float32)
    blush = (0.5 - 0.3 * person.skin) * spot(side, y, (0.37, 0.26), (0.17, 0.14))
    blush += 0.35 * spot(x, y, (0.0, nose_end(person) - 0.03), (0.10, 0.08))
    skin = blend(skin, rosy, np.clip(blush, 0, 1))
    dark = colour * np.array([0.74, 0.66, 0.64], dtype=np.float32)
    skin = blend(skin, dark, 0.55 * spot(side, y, (away, line - 0.02), (0.17, 0.085)))
    skin = blend(skin, dark, 0.35 * person.age * spot(side, y, (away, line + 0.13), (0.13, 0.035)))
    under = spot(side, y, (0.05 + 0.05 * person.nose_width, nose_end(person) + 0.035), (0.045, 0.024))
    skin = blend(skin, dark * 0.55, 0.85 * under)
    skin = blend(skin, dark, 0.4 * spot(x, y, (0.0, nose_end(person) + 0.05), (0.14, 0.04)))
    skin = blend(skin, dark, (0.12 + 0.5 * person.age) * _fold(person, side, y) * (0.4 + max(view.smile, 0)))
    brow_lines = np.exp(-(((np.mod(y + 0.62, 0.11) - 0.055) / 0.014) ** 2))
    skin = blend(skin, dark, 0.3 * person.age**2 * brow_lines * spot(x, y, (0.0, -0.48), (0.33, 0.13)))
    if person.freckles:
        rng = np.random.default_rng(int(1e6 * person.freckles) + int(1e6 * person.jaw))
        speckles = np.zeros_like(x)
        for _ in range(46):
            centre = (float(rng.normal(0, 0.27)), float(rng.normal(0.2, 0.09)))
            speckles += spot(x, y, centre, (0.02, 0.018))
        skin = blend(skin, dark, np.clip(speckles, 0, 1) * (0.35 + 0.5 * person.freckles))
    return skin


def eyes(person: Identity, view: View, head: Head, skin: Floats, colour: Floats) -> Floats:
    """Draw both eyes: white, iris, pupil, a glint, lids and lashes."""
    away, line = eye_centres(person)
    wide = 0.115 + 0.045 * person.eye_size
    tall = wide * (0.40 + 0.20 * person.eye_size) * (1 - 0.55 * view.squint) * (1 - 0.18 * max(view.smile, 0))
    for sign in (-1, 1):
        dx = (head.x - sign * away) * sign
        dy = head.y - line + 0.16 * (person.eye_tilt - 0.4) * dx
        almond = np.where(dy < 0, 1.0, 0.75) * tall
        opening = 1 - (np.abs(dx) / wide) ** 2.2 - (np.abs(dy) / almond) ** 1.9
        inside = cover(opening * tall * 0.5, head.soft)
        white = (
            np.array([0.90, 0.88, 0.86], dtype=np.float32) * (0.82 + 0.18 * ramp(dy, -tall, tall))[..., None]
        )
        # The eyes look at the camera although the head is turned.
        gaze = sign * dx + 0.16 * np.sin(view.yaw)
        radius = np.hypot(gaze, dy + 0.004)
        size = 0.078
        eye = blend(white, iris_colour(person.iris), cover(size - radius, head.soft))
        eye = blend(
            eye, np.array([0.16, 0.12, 0.10]), 0.6 * spot(radius, radius * 0, (size, 0.0), (0.018, 1.0))
        )
        eye = blend(eye, np.array([0.03, 0.03, 0.03]), cover(0.034 - radius, head.soft))
        eye = blend(
            eye, np.array([1.0, 1.0, 1.0]), 0.85 * cover(0.017 - np.hypot(gaze + 0.03, dy + 0.03), head.soft)
        )
        skin = blend(skin, eye, inside)
        lid = np.exp(-((opening / 0.30) ** 2)) * ramp(dy, 0.01, -0.02) * (np.abs(dx) < wide * 1.15)
        lash = np.array([0.10, 0.07, 0.06]) + 0.15 * colour * (person.hair_colour > 0.6)
        skin = blend(skin, lash, (0.62 + 0.33 * person.lip_colour) * lid)
        low = np.exp(-((opening / 0.22) ** 2)) * ramp(dy, 0.0, 0.03) * (np.abs(dx) < wide * 1.1)
        skin = blend(skin, 0.55 * colour, 0.35 * low)
        crease = np.exp(-(((dy + 1.75 * tall - 0.12 * np.abs(dx)) / 0.017) ** 2)) * (np.abs(dx) < wide)
        skin = blend(skin, 0.6 * colour, 0.35 * crease)
    return skin


def brows(person: Identity, view: View, head: Head, skin: Floats, hair: Floats) -> Floats:
    """Draw both brows, in a darker tone of the hair."""
    away, line = eye_centres(person)
    height = line - 0.175 - 0.06 * person.brow_height - 0.035 * view.raised
    thick = 0.022 + 0.042 * person.brow
    long = 0.185 + 0.03 * person.brow
    colour = mix(hair * 0.75, np.array([0.16, 0.11, 0.08]), 0.35)
    for sign in (-1, 1):
        dx = (head.x - sign * (away + 0.01)) * sign
        arch = 0.05 * (1 - (dx / long) ** 2) + 0.20 * (person.brow_tilt - 0.45) * dx
        body = thick * np.clip(1.12 - 0.75 * np.clip((dx + 0.3 * long) / long, 0, 2), 0.15, 1.1)
        strip = body - np.abs(head.y - height + arch)
        ends = long - np.abs(dx)
        density = 0.55 + 0.43 * person.brow
        skin = blend(skin, colour, density * cover(np.minimum(strip, ends), 1.6 * head.soft))
    return skin


def mouth(person: Identity, view: View, head: Head, skin: Floats, colour: Floats) -> Floats:
    """Draw lips and what shows between them."""
    half = (0.185 + 0.085 * person.mouth_width) * (1 + 0.16 * view.smile)
    line = mouth_line(person)
    x, y = head.x, head.y
    along = np.clip(np.abs(x) / half, 0, 1.2)
    middle = line - 0.075 * view.smile * along**1.8 + 0.02 * view.smile
    upper = (0.028 + 0.045 * person.lips) * (1 - along**2) * (1 - 0.28 * np.exp(-((x / 0.04) ** 2)))
    lower = (0.036 + 0.060 * person.lips) * (1 - along**2.4)
    gap = (0.10 * view.open + 0.035 * max(view.smile - 0.45, 0)) * (1 - along**2)
    dy = y - middle
    tint = lip_colour(colour, person.lip_colour)
    red = np.minimum(dy + upper + 0.3 * gap, lower + 0.7 * gap - dy)
    skin = blend(
        skin,
        tint,
        (0.55 + 0.4 * person.lip_colour) * cover(np.minimum(red, half - np.abs(x)), 1.4 * head.soft),
    )
    shade = tint * np.array([0.78, 0.74, 0.74])
    skin = blend(skin, shade, 0.5 * cover(np.minimum(dy + upper, -dy), 2 * head.soft) * (along < 1))
    skin = blend(
        skin,
        np.clip(tint * 1.35, 0, 1),
        0.3 * spot(x, dy, (0.0, 0.45 * float(np.max(lower)) + 0.02), (0.11, 0.02)),
    )
    between = (
        cover(np.minimum(dy + 0.3 * gap, 0.7 * gap - dy), head.soft) * (along < 1) * ramp(gap, 0.004, 0.02)
    )
    teeth = np.array([0.86, 0.84, 0.80]) * ramp(dy - 0.7 * gap, 0.02, -0.05)[..., None] + 0.1
    skin = blend(skin, mix(np.array([0.20, 0.08, 0.08]), teeth, 0.8), between)
    dark = tint * 0.38
    closed = np.exp(-((dy / 0.014) ** 2)) * ramp(along, 1.06, 0.97)
    skin = blend(skin, dark, 0.8 * closed * (1 - ramp(gap, 0.01, 0.03)))
    corner = spot(np.abs(x), y, (half, line - 0.075 * view.smile + 0.02 * view.smile), (0.03, 0.028))
    return blend(skin, dark, 0.55 * corner)


def beard(person: Identity, head: Head, skin: Floats, hair: Floats, strands: Floats) -> Floats:
    """Lay beard and moustache over the skin; both leave the lips free."""
    line, end = mouth_line(person), nose_end(person)
    side, y = np.abs(head.x), head.y
    colour = (hair * 0.85)[None, None] * (0.7 + 0.6 * strands)[..., None]
    if person.beard > 0:
        edge = 0.42 + 0.20 * np.clip(1 - side / 0.42, 0, 1)
        area = ramp(y - edge, -0.04, 0.06) + ramp(side, 0.50, 0.60) * ramp(y, -0.02, 0.12)
        free = 1 - 0.95 * ramp(1.15 - np.hypot(head.x / 0.235, (y - line - 0.01) / 0.105), 0, 0.35)
        skin = blend(skin, colour, np.clip(area, 0, 1) * free * min(1.0, 0.35 + 0.75 * person.beard))
    if person.moustache > 0:
        middle = 0.5 * (end + line) + 0.02
        droop = middle + 0.35 * side**1.5
        thick = 0.035 + 0.035 * person.moustache
        strip = np.minimum(thick - np.abs(y - droop), 0.27 - side)
        skin = blend(skin, colour, min(1.0, 0.4 + 0.7 * person.moustache) * cover(strip, 2.2 * head.soft))
    return skin
