"""What the panels of the inversion lab share: pictures side by side, in words as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from labkit.ui import strips
from labkit.ui.controls import choice
from labkit.ui.html import escape

__all__ = ["beside", "clip_dial", "describe", "nearest"]

_CLIPS = (0.1, 0.3, 1.0, 3.0, 10.0, 100.0)  # the last stands for off
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


def describe(x: Tensor) -> str:
    """Return what one picture ``(c, h, w)`` looks like, in a sentence: light and dark, and colour."""
    grid = torch.nn.functional.adaptive_avg_pool2d(x.mean(0, keepdim=True), 3)[0]
    names = [f"{row} {column}" for row in _ROWS for column in _COLUMNS]
    values = grid.flatten()
    bright, dark = int(values.argmax()), int(values.argmin())
    words = f"brightest {names[bright]} ({values[bright]:.2f}), darkest {names[dark]} ({values[dark]:.2f})"
    if len(x) == 3:
        centre = x[:, x.shape[1] // 3 : 2 * x.shape[1] // 3, x.shape[2] // 3 : 2 * x.shape[2] // 3]
        red, green, blue = centre.flatten(1).mean(1).tolist()
        words += f", centre red {red:.2f} green {green:.2f} blue {blue:.2f}"
    step = float((x[:, 1:] - x[:, :-1]).abs().mean() + (x[:, :, 1:] - x[:, :, :-1]).abs().mean()) / 2
    return words + (", grainy" if step > 0.12 else ", smooth" if step < 0.05 else "")


def beside(groups: Sequence[tuple[Sequence[tuple[str, Tensor]], str]], what: str) -> str:
    """Return groups of labelled pictures, each with a caption in HTML, as HTML.

    Parameters
    ----------
    groups : sequence of (pictures, caption)
        Pictures as ``(label, picture)``, two or three of them; the caption is markup.
    what : str
        What the groups are, for a screen reader.
    """
    figures = []
    for pictures, caption in groups:
        shown = "".join(
            f"<div>{strips.picture(x, f'{label}: {describe(x)}')}{escape(label)}</div>"
            for label, x in pictures
        )
        many = "lk-three" if len(pictures) == 3 else "lk-two"
        figures.append(
            f'<figure><div class="{many}">{shown}</div><figcaption>{caption}</figcaption></figure>'
        )
    wide = " lk-pair" if any(len(pictures) == 3 for pictures, _ in groups) else ""
    return (
        f'<div class="lk lk-strip{wide}" role="group" aria-label="{len(figures)} {escape(what)}">'
        f"{''.join(figures)}</div>"
    )


def nearest(options: Sequence[float], value: float) -> float:
    """Return the option that is closest to a value."""
    return min(options, key=lambda option: abs(option - value))


def clip_dial(state: Mapping[str, Any]) -> Any:
    """Return the dial of the clip, standing where ``state`` says or, without a word, at off."""
    off = _CLIPS[-1]
    return choice(
        "Clip C",
        [("off" if each == off else f"{each:g}", each) for each in _CLIPS],
        nearest(_CLIPS, float(state.get("clip", off))),
        "Longest gradient that one record may add",
    )
