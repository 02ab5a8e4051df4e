"""Put the flat face of a sign into a scene: worn, tilted, at some distance."""

from __future__ import annotations

import numpy as np
from PIL import Image

from labkit.data.signs.field import Floats, clouds, smooth_field, step

__all__ = ["Placed", "place", "wear"]

Placed = tuple[Floats, Floats, tuple[float, float, float]]
"""Colours ``(size, size, 3)``, cover ``(size, size)``, and centre and radius in pixels."""


def wear(rng: np.random.Generator, face: Image.Image) -> Image.Image:
    """Age a face: faded colours, dirt, rust, stickers."""
    pixels = np.asarray(face, dtype=np.float32) / 255
    cover = pixels[..., 3:]
    colour: Floats = pixels[..., :3]
    size = pixels.shape[0]
    grey = colour.mean(axis=2, keepdims=True)
    fade = rng.uniform(0, 0.35) ** 1.3
    colour = colour * (1 - fade) + (0.6 * grey + 0.32) * fade
    if rng.random() < 0.4:
        dirt = step(clouds(rng, size, 4), rng.uniform(0.55, 0.72), 0.25) * rng.uniform(0.2, 0.6)
        brown = np.array([0.36, 0.29, 0.21]) * rng.uniform(0.6, 1.1)
        colour = colour + (brown - colour) * dirt[..., None]
    if rng.random() < 0.15:
        colour = _sticker(rng, colour)
    worn = np.concatenate([np.clip(colour, 0, 1), cover], axis=2)
    return Image.fromarray((worn * 255).astype(np.uint8))


def _sticker(rng: np.random.Generator, colour: Floats) -> Floats:
    """Put a small patch of one colour somewhere on the sign."""
    size = colour.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size
    x, y = rng.uniform(0.2, 0.8, 2)
    width, height = rng.uniform(0.06, 0.14, 2)
    patch = ((np.abs(columns - x) < width) & (np.abs(rows - y) < height))[..., None]
    return np.where(patch, rng.uniform(0.1, 0.95, 3).astype(np.float32), colour)


def place(rng: np.random.Generator, face: Image.Image, size: int) -> Placed:
    """See a face in perspective: turned about three axes, near or far, off the middle."""
    radius = size * rng.uniform(0.31, 0.46)
    room = max(0.0, size / 2 - radius)
    x, y = size / 2 + rng.uniform(-1, 1, 2) * (room + 0.05 * size)
    yaw, pitch = np.radians([rng.normal(0, 18), rng.normal(0, 9)])
    roll = np.radians(rng.normal(0, 5))
    yaw, pitch, roll = np.clip([yaw, pitch, roll], -0.8, 0.8)
    corners = _project(float(yaw), float(pitch), float(roll)) * radius + np.array([x, y])
    edge = face.size[0]
    flat = np.array([[0, 0], [edge, 0], [edge, edge], [0, edge]], dtype=np.float64)
    seen = face.transform(
        (size, size), Image.Transform.PERSPECTIVE, _homography(corners, flat), Image.Resampling.BICUBIC
    )
    pixels = np.asarray(seen, dtype=np.float32) / 255
    return pixels[..., :3] * _shine(rng, size), _hidden(rng, pixels[..., 3], x, y, radius), (x, y, radius)


def _project(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return where the corners of a unit square are seen, from four units away."""
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=np.float64)
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turned = square @ (about_x @ about_y @ about_z).T
    return turned[:, :2] * 4 / (4 + turned[:, 2:])


def _homography(seen: np.ndarray, flat: np.ndarray) -> list[float]:
    """Return the eight numbers that send points of the picture back to the flat face."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(number) for number in np.linalg.solve(np.array(rows), np.array(values))]


def _shine(rng: np.random.Generator, size: int) -> Floats:
    """Return how brightly each part of the sign is lit, ``(size, size, 1)``."""
    slope = rng.uniform(-0.25, 0.25, 2)
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    light = 1 + slope[0] * rows + slope[1] * columns
    if rng.random() < 0.3:
        shadow = step(smooth_field(rng, size, 3) * 0.6 + clouds(rng, size, 6) * 0.4, 0.5, 0.1)
        light = light * (1 - shadow * rng.uniform(0.25, 0.55))
    return light[..., None].astype(np.float32)


def _hidden(rng: np.random.Generator, cover: Floats, x: float, y: float, radius: float) -> Floats:
    """Hide one edge of some signs behind what grows there: the scene shows through."""
    if rng.random() > 0.18:
        return cover
    size = cover.shape[0]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    reach = ((columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)) / radius
    ragged = reach + (clouds(rng, size, 9) - 0.5) * 0.9
    return cover * (1 - step(ragged.astype(np.float32), rng.uniform(0.6, 0.9), 0.15))
