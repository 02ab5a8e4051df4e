"""What the camera adds: blur, a few pixels only, exposure, noise."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from labkit.data.signs.field import Floats

__all__ = ["expose", "shoot"]


def shoot(rng: np.random.Generator, picture: Floats, pixels: int) -> Floats:
    """Return the picture at ``pixels`` a side, blurred by focus or motion as it may be."""
    size = picture.shape[0]
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    draw = rng.random()
    if draw < 0.28:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.012, 0.026)) * size))
    elif draw < 0.5:
        image = _moved(rng, image)
    small = image.resize((pixels, pixels), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / 255


def _moved(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Blur along a line: the mean of the picture moved step by step."""
    length = rng.uniform(0.04, 0.11) * image.size[0]
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.35)
    pixels = np.asarray(image, dtype=np.float32)
    padded = np.pad(pixels, ((16, 16), (16, 16), (0, 0)), mode="edge")
    size, steps = image.size[0], 9
    total = np.zeros_like(pixels)
    for way in np.linspace(-0.5, 0.5, steps) * length:
        down, right = round(16 + way * np.sin(angle)), round(16 + way * np.cos(angle))
        total += padded[down : down + size, right : right + size]
    return Image.fromarray((total / steps).astype(np.uint8))


def expose(rng: np.random.Generator, picture: Floats) -> Floats:
    """Return the picture with exposure, white balance and sensor noise, clipped to [0, 1]."""
    gain = rng.uniform(0.85, 1.15) * (1 + rng.uniform(-0.06, 0.06, 3))
    bright = picture ** np.float32(rng.uniform(0.8, 1.25)) * gain
    noise = rng.uniform(0.003, 0.014) * (1 + 1.5 * (1 - bright.mean()))
    return np.clip(bright + rng.normal(0, noise, picture.shape), 0, 1).astype(np.float32)
