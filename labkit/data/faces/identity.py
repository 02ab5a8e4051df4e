"""Who a portrait shows: a fictional person, as continuous measures of a face."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive

__all__ = ["NAMES", "Identity", "identities"]

NAMES = (
    "Abena", "Bao", "Cem", "Dalia", "Edda", "Farid", "Gwen", "Hugo", "Imani", "Jorin",
    "Kaya", "Leif", "Mirza", "Nola", "Oskar", "Priya", "Quentin", "Rosa", "Sami", "Tamsin",
    "Ugo", "Vesna", "Wanda", "Xenia", "Yusuf", "Zora", "Alba", "Boris", "Chidi", "Dorte",
    "Emre", "Fleur", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lotte", "Mateo", "Nisha",
)  # fmt: skip
"""First names of the enrolled persons: nobody has a surname, because nobody exists."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A face as numbers, each from 0 to 1 unless it says otherwise.

    Attributes
    ----------
    skin, undertone : float
        From the lightest to the darkest tone, and from cool to warm.
    width, jaw, chin : float
        Narrow to wide, soft to square, round to pointed.
    eye_distance, eye_size, eye_tilt, iris : float
        Iris runs from dark brown over green to blue.
    brow, brow_height, brow_tilt : float
        Thickness, height above the eye, and slope.
    nose_width, nose_length : float
    mouth_width, lips, lip_colour, mouth_height : float
    hair_colour : float
        From black over brown, ginger and blond to white.
    hair_top, hair_side, hairline, parting, fringe, curl : float
        Volume above the crown, length at the sides (0 shorn, 1 to the shoulder), how far the
        forehead is bare, where the hair parts, how far it falls into the forehead, waves.
    beard, moustache : float
        0 is shaved, and most are.
    glasses, rim : float
        0 none; shape from round to square, and thickness.
    age, freckles, brow_ridge : float
    """

    skin: float
    undertone: float
    width: float
    jaw: float
    chin: float
    eye_distance: float
    eye_size: float
    eye_tilt: float
    iris: float
    brow: float
    brow_height: float
    brow_tilt: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lips: float
    lip_colour: float
    mouth_height: float
    hair_colour: float
    hair_top: float
    hair_side: float
    hairline: float
    parting: float
    fringe: float
    curl: float
    beard: float
    moustache: float
    glasses: float
    rim: float
    age: float
    freckles: float
    brow_ridge: float


_KEYS = tuple(field.name for field in fields(Identity))


def identities(count: int, *, seed: int = 0, group: str = "enrolled") -> tuple[Identity, ...]:
    """Draw fictional persons who differ from one another in every measure.

    Each measure is spread evenly over the group (a Latin hypercube), so that a small group
    holds narrow and wide faces, light and dark skin, short and long hair alike.

    Parameters
    ----------
    count : int
    seed : int
    group : str
        Another group of the same seed has nobody in common with this one.
    """
    if count < 1:
        raise InvalidInputError(f"expected one person or more, got {count}")
    rng = np.random.default_rng(derive(seed, "faces", "identities", group))
    spread = (np.arange(count)[:, None] + rng.random((count, len(_KEYS)))) / count
    drawn = rng.permuted(spread, axis=0)
    build = rng.permuted((np.arange(count) + rng.random(count)) / count)
    return tuple(
        _person(dict(zip(_KEYS, map(float, row), strict=True)), float(heavy))
        for row, heavy in zip(drawn, build, strict=True)
    )


def _person(drawn: dict[str, float], heavy: float) -> Identity:
    """Make the measures agree with each other: heavy bones, thick brows and beards go together."""
    made = dict(drawn)
    for key, pull in (("jaw", heavy), ("brow", heavy), ("brow_ridge", heavy), ("lips", 1 - heavy)):
        made[key] = 0.55 * drawn[key] + 0.45 * pull
    made["brow_height"] = 0.6 * drawn["brow_height"] + 0.4 * (1 - heavy)
    made["lip_colour"] = drawn["lip_colour"] * (1 - heavy) ** 0.6
    bearded = heavy > 0.55
    made["beard"] = _above(drawn["beard"], 0.45) if bearded else 0.0
    made["moustache"] = max(0.8 * made["beard"], _above(drawn["moustache"], 0.6)) if bearded else 0.0
    # Grey and white hair come with age, and age seldom comes alone.
    if drawn["hair_colour"] > 0.82:
        made["age"] = 0.55 + 0.45 * drawn["age"]
    if made["skin"] > 0.55:
        # Fair hair and pale eyes are rare above dark skin; grey is not.
        made["hair_colour"] = (
            drawn["hair_colour"] * 0.35 if drawn["hair_colour"] < 0.88 else drawn["hair_colour"]
        )
        made["iris"] = drawn["iris"] * 0.3
        made["freckles"] = 0.0
    made["freckles"] = _above(made["freckles"], 0.75)
    made["glasses"] = 1.0 if drawn["glasses"] > 0.72 else 0.0
    long = drawn["hair_side"]
    made["hair_side"] = long**1.7 * 0.55 if heavy > 0.5 else 0.15 + 0.85 * long**0.8
    if bearded and drawn["hairline"] > 0.8:
        made["hair_top"], made["hairline"], made["hair_side"] = 0.0, 1.0, 0.05  # bald
    else:
        made["hairline"] = 0.75 * drawn["hairline"]
    return Identity(**made)


def _above(value: float, threshold: float) -> float:
    return max(0.0, (value - threshold) / (1 - threshold))


def as_array(person: Identity) -> NDArray[np.float64]:
    """Return the measures of a person in the order of the fields."""
    return np.array([getattr(person, key) for key in _KEYS])
