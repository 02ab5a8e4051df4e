"""How a portrait shows its person: pose, light, expression, surroundings, camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["View", "draw_view", "passport"]


@dataclass(frozen=True, slots=True)
class View:
    """One sitting in front of the camera.

    Attributes
    ----------
    yaw, pitch, roll : float
        Radians; positive yaw looks to the right of the picture.
    right, down, size : float
        Shift in half heads, and enlargement.
    light_x, light_y, strength, ambient, warmth : float
        Direction the light comes from, and how it falls.
    smile, open, raised, squint : float
        Corners of the mouth (-1 to 1), jaw, brows, lids.
    background, cloth : tuple of three float
        Colours, 0 to 1.
    glasses : bool
        Whether a wearer wears them today.
    grain, blur, exposure : float
        Of the camera; grain as a share of white.
    noise : int
        Seed of what is left to chance: texture of hair, blotches behind the head, grain.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    right: float = 0.0
    down: float = 0.0
    size: float = 1.0
    light_x: float = -0.35
    light_y: float = -0.5
    strength: float = 0.55
    ambient: float = 0.62
    warmth: float = 0.0
    smile: float = 0.15
    open: float = 0.0
    raised: float = 0.0
    squint: float = 0.0
    background: tuple[float, float, float] = (0.72, 0.74, 0.76)
    cloth: tuple[float, float, float] = (0.25, 0.29, 0.36)
    glasses: bool = True
    grain: float = 0.0
    blur: float = 0.0
    exposure: float = 1.0
    noise: int = 0


def passport(noise: int = 0) -> View:
    """Return the view of an identity document: frontal, even light, no grain."""
    return replace(View(), noise=noise)


def draw_view(rng: np.random.Generator) -> View:
    """Draw one sitting."""
    grey = rng.uniform(0.35, 0.88)
    tint = rng.normal(0, 0.03, 3)
    hue = rng.uniform(0.08, 0.75, 3)
    back = np.clip(grey + tint, 0, 1)
    return View(
        yaw=float(np.clip(rng.normal(0, 0.17), -0.42, 0.42)),
        pitch=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
        roll=float(np.clip(rng.normal(0, 0.045), -0.12, 0.12)),
        right=float(rng.normal(0, 0.035)),
        down=float(rng.normal(0, 0.03)),
        size=float(np.clip(rng.normal(1, 0.03), 0.92, 1.08)),
        light_x=float(np.clip(rng.normal(-0.1, 0.5), -0.95, 0.95)),
        light_y=float(rng.uniform(-0.8, -0.15)),
        strength=float(rng.uniform(0.35, 0.75)),
        ambient=float(rng.uniform(0.52, 0.70)),
        warmth=float(np.clip(rng.normal(0, 0.5), -1, 1)),
        smile=float(np.clip(rng.normal(0.25, 0.45), -0.6, 1)),
        open=float(max(0.0, rng.normal(-0.1, 0.3))),
        raised=float(rng.normal(0, 0.35)),
        squint=float(np.clip(rng.normal(0.05, 0.2), -0.2, 0.5)),
        background=(float(back[0]), float(back[1]), float(back[2])),
        cloth=(float(hue[0]), float(hue[1]), float(hue[2])),
        glasses=bool(rng.random() < 0.9),
        grain=float(rng.uniform(0.004, 0.02)),
        blur=float(rng.uniform(0, 0.6)),
        exposure=float(np.exp(rng.normal(0, 0.07))),
        noise=int(rng.integers(2**31)),
    )
