"""Strips of pictures: clean, changed, and where the change is.

Each sample becomes a ``<figure>`` with three small pictures, a caption that says what the
model reads now and before, and a text alternative that says what a look at the heat map
would: which region changed, how many values, by how much.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from labkit.ui.html import badge, escape, image

__all__ = ["describe_change", "describe_region", "heat_map", "legend", "picture", "plain", "strip"]

NEGATIVE = (0x21, 0x66, 0xAC)
POSITIVE = (0xB3, 0x58, 0x06)
"""Blue and orange-brown: told apart in every common form of colour blindness, and in grey
by the signs that are drawn on top."""

_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "centre", "right")

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]


def strip(
    x: Tensor,
    x_adv: Tensor,
    before: Sequence[str],
    after: Sequence[str],
    truth: Sequence[str],
) -> str:
    """Return the pictures of some samples side by side, as HTML.

    Parameters
    ----------
    x, x_adv : Tensor of shape ``(n, c, h, w)`` within ``[0, 1]``
        Clean and changed inputs.
    before, after, truth : sequences of ``n`` names
        What the model read in the clean and in the changed input, and what it is.
    """
    scale = max(float((x_adv - x).abs().max()), 1e-9)
    figures = [
        _figure(clean, changed, was, now, real, scale)
        for clean, changed, was, now, real in zip(x, x_adv, before, after, truth, strict=True)
    ]
    return (
        f'<div class="lk lk-strip" role="group" aria-label="{len(figures)} samples">{"".join(figures)}</div>'
    )


def plain(x: Tensor, read: Sequence[str], truth: Sequence[str]) -> str:
    """Return pictures of shape ``(n, c, h, w)`` with what the model reads in each, as HTML."""
    figures = "".join(
        f"<figure>{picture(each, f'A {real}, read as {now}')}"
        f"<figcaption>read as <strong>{escape(now)}</strong> "
        f"{badge('good', 'right') if now == real else badge('bad', f'is a {real}')}</figcaption></figure>"
        for each, now, real in zip(x, read, truth, strict=True)
    )
    return f'<div class="lk lk-strip lk-tight" role="group" aria-label="{len(x)} samples">{figures}</div>'


def legend(largest: float) -> str:
    """Return the key of the heat maps: which sign and colour means brighter, and the scale."""
    samples = np.array([[[-1.0, 1.0]]])
    minus, plus = (image(_encode(_heat(samples[:, :, i : i + 1], 1.0)), "") for i in (0, 1))
    return (
        '<div class="lk lk-legend"><span>Change:</span>'
        f"<span>{minus} − and blue: darker</span>"
        f"<span>{plus} + and brown: brighter</span>"
        f"<span>full colour = {largest:.3g}</span></div>"
    )


def picture(x: Tensor, alt: str) -> str:
    """Return one input of shape ``(c, h, w)`` within ``[0, 1]`` as a picture, with its text alternative."""
    values = np.clip(x.detach().cpu().numpy() * 255 + 0.5, 0, 255).astype(np.uint8)
    pixels = values[0] if len(values) == 1 else np.moveaxis(values[:3], 0, -1)
    return image(_encode(_enlarge(pixels, _factor(x.shape[-1]))), alt)


def heat_map(delta: Tensor, largest: float, alt: str) -> str:
    """Return a signed change of shape ``(c, h, w)`` as a picture, with its text alternative.

    Blue with a minus sign is darker, brown with a plus sign is brighter, white is
    unchanged; ``largest`` is the change that gets the full colour.
    """
    return image(_encode(_heat(delta.detach().cpu().numpy().astype(np.float64), largest)), alt)


def describe_change(delta: Tensor) -> str:
    """Say in words what the heat map of a change of shape ``(c, h, w)`` shows."""
    values = _signed_peak(delta.detach().cpu().numpy().astype(np.float64))
    size = np.abs(values)
    largest = float(size.max())
    if largest < 1e-6:
        return "no pixel changed"
    threshold = _round_number_below(largest)
    count = int((size > threshold).sum())
    up = float((values[size > threshold] > 0).mean())
    direction = "mostly brighter" if up > 0.66 else "mostly darker" if up < 0.34 else "brighter and darker"
    return (
        f"{_region(size)}; {count} of {size.size} pixels changed by more than "
        f"{threshold:g}, {direction}; largest {largest:.2g}"
    )


def describe_region(values: Tensor) -> str:
    """Say in words where signed values of shape ``(c, h, w)`` are largest."""
    return _region(np.abs(_signed_peak(values.detach().cpu().numpy().astype(np.float64))), "contributions")


def _figure(clean: Tensor, changed: Tensor, was: str, now: str, real: str, scale: float) -> str:
    words = describe_change(changed - clean)
    parts = (
        ("clean", picture(clean, f"Clean {real}, read as {was}")),
        ("changed", picture(changed, f"Changed {real}, read as {now}: {words}")),
        ("change", heat_map(changed - clean, scale, f"Heat map of the change: {words}")),
    )
    images = "".join(f"<div>{drawn}{escape(name)}</div>" for name, drawn in parts)
    verdict = badge("open", "still right") if now == real else badge("warn", "misread")
    if was != real and now != real:
        verdict = badge("info", "misread before, too")
    caption = f"read as <strong>{escape(now)}</strong> (was {escape(was)}) {verdict}"
    return f'<figure><div class="lk-three">{images}</div><figcaption>{caption}</figcaption></figure>'


def _signed_peak(delta: Floats) -> Floats:
    """Keep, for each pixel, the channel that changed most: shape ``(h, w)``."""
    index = np.abs(delta).argmax(0)
    peak: Floats = np.take_along_axis(delta, index[None], 0)[0]
    return peak


def _region(size: Floats, what: str = "changes") -> str:
    weights = [
        [part.mean() if part.size else 0.0 for part in np.array_split(band, 3, axis=1)]
        for band in np.array_split(size, 3, axis=0)
    ]
    flat = np.array(weights)
    if flat.max() < 1.25 * flat.mean():
        return f"{what} spread evenly over the picture"
    row, column = divmod(int(flat.argmax()), 3)
    name = "centre" if (row, column) == (1, 1) else f"{_ROWS[row]} {_COLUMNS[column]}"
    return f"largest {what} in the {name}"


def _round_number_below(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most 0.8 of ``value``."""
    power = math.floor(math.log10(0.8 * value))
    for exponent in (power, power - 1):
        for leading in (5, 2, 1):
            if leading * 10**exponent <= 0.8 * value:
                return float(leading * 10**exponent)
    return 0.8 * value


def _factor(width: int) -> int:
    return max(1, round(88 / width))


def _enlarge(pixels: Bytes, factor: int) -> Bytes:
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _heat(delta: Floats, largest: float) -> Bytes:
    values = _signed_peak(delta)
    strength = np.clip(np.abs(values) / largest, 0, 1)[..., None]
    ends = np.where(values[..., None] < 0, np.array(NEGATIVE), np.array(POSITIVE))
    colours = (255 + (ends - 255) * strength).astype(np.uint8)
    factor = _factor(values.shape[1]) if values.size > 1 else 11
    large = _enlarge(colours, factor)
    marks = _marks(values, strength[..., 0], factor)
    large[marks] = np.where(_enlarge(strength[..., 0] > 0.6, factor)[marks][:, None], 255, 40)  # type: ignore[arg-type]
    return large


def _marks(values: Floats, strength: Floats, factor: int) -> NDArray[np.bool_]:
    """Return where the minus and plus signs are drawn; the signs of tiny changes are left out."""
    minus = np.zeros((factor, factor), bool)
    if factor >= 3:
        middle, margin = factor // 2, max(1, factor // 4)
        minus[middle, margin : factor - margin] = True
    signs = np.stack([minus, minus | minus.T])[(values > 0).astype(int)]
    signs &= (strength > 0.25)[..., None, None]
    rows, columns = values.shape
    return signs.transpose(0, 2, 1, 3).reshape(rows * factor, columns * factor)


def _encode(pixels: Bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
