"""What the inversion lab adds to the evidence pack beside the measurements: pictures, trials, settings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from labkit.ui.session import LabSession

__all__ = ["keep_pictures", "keep_protection", "keep_trials"]

_ENLARGED = 4


def keep_pictures(lab: LabSession, checkpoint: str, x_hat: Tensor, params: Mapping[str, Any]) -> None:
    """Keep reconstructions as a small PNG, and how they were made, for the evidence pack.

    Parameters
    ----------
    lab : LabSession
    checkpoint : str
        What they are handed in for; the file is called so.
    x_hat : Tensor of shape ``(n, c, h, w)``
        The pictures, side by side in the file.
    params : mapping
        How they were made.
    """
    lab.note(checkpoint, params)
    lab.attach(f"{checkpoint}.png", side_by_side(x_hat))


def keep_protection(lab: LabSession, settings: Mapping[str, Any], level: str) -> None:
    """Keep a protection with what was last measured of it, as JSON, for the evidence pack.

    Parameters
    ----------
    lab : LabSession
    settings : mapping
        ``clip``, ``noise_multiplier``, ``batch_size``.
    level : str
        How much the service says.
    """
    measured = {}
    for checkpoint in ("shield", "service", "price"):
        tried = lab.session.attempts(checkpoint)
        if tried:
            measured[checkpoint] = {
                "measured": tried[-1].measured,
                "target": str(lab.lab.find_checkpoint(checkpoint).target),
                "passed": tried[-1].passed,
            }
    about = {"updates": dict(settings), "answers": level, "measured": measured}
    lab.attach("protection.json", json.dumps(about, indent=1, ensure_ascii=False))


def keep_trials(lab: LabSession, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Keep the table of every protection that was tried, as CSV, for the evidence pack."""
    place = io.StringIO()
    writer = csv.writer(place, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    lab.attach("protections-tried.csv", place.getvalue())


def side_by_side(x: Tensor) -> bytes:
    """Return pictures ``(n, c, h, w)`` within ``[0, 1]`` as one PNG, from left to right."""
    wide = x.detach().transpose(0, 1).transpose(1, 2).flatten(2)  # (c, h, n * w), picture after picture
    values = np.clip(wide.numpy() * 255 + 0.5, 0, 255).astype(np.uint8)
    pixels = values[0] if len(values) == 1 else np.moveaxis(values[:3], 0, -1)
    image = Image.fromarray(np.repeat(np.repeat(pixels, _ENLARGED, 0), _ENLARGED, 1))
    place = io.BytesIO()
    image.save(place, format="PNG")
    return place.getvalue()
