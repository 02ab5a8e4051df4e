"""What several panels of the poisoning lab share: pictures with labels, a chart of scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit.ui import strips
from labkit.ui.html import badge, details, escape, table

__all__ = ["chart", "gallery", "pairs", "percent"]

_BARS = 20
_WIDTH, _HEIGHT, _BASE = 640, 190, 150


def percent(share: float) -> str:
    """Return a share in per cent, in words of a table."""
    return "none to count" if share != share else f"{share:.1%}"


def gallery(
    x: Tensor, labels: Sequence[str], notes: Sequence[str] | None = None, *, what: str = "samples"
) -> str:
    """Return pictures of shape ``(n, c, h, w)`` with the labels that they carry, as HTML."""
    extra = notes or [""] * len(labels)
    figures = "".join(
        f"<figure>{strips.picture(each, f'Picture labelled {label}. {note}')}"
        f"<figcaption>labelled <strong>{escape(label)}</strong>"
        f"{f'<br>{escape(note)}' if note else ''}</figcaption></figure>"
        for each, label, note in zip(x, labels, extra, strict=True)
    )
    name = f"{len(labels)} {escape(what)}"
    return f'<div class="lk lk-strip lk-tight" role="group" aria-label="{name}">{figures}</div>'


def pairs(before: Tensor, after: Tensor, was: Sequence[str], now: Sequence[str]) -> str:
    """Return pictures before and after poisoning, with their labels, as HTML."""
    figures = []
    for old, new, a, b in zip(before, after, was, now, strict=True):
        words = strips.describe_change(new - old)
        verdict = badge("open", "label kept") if a == b else badge("warn", f"label was {a}")
        figures.append(
            '<figure><div class="lk-two">'
            f"<div>{strips.picture(old, f'Before, labelled {a}')}before</div>"
            f"<div>{strips.picture(new, f'After, labelled {b}: {words}')}after</div>"
            f"</div><figcaption>labelled <strong>{escape(b)}</strong> {verdict}</figcaption></figure>"
        )
    name = f"{len(figures)} poisoned samples"
    return f'<div class="lk lk-strip" role="group" aria-label="{name}">{"".join(figures)}</div>'


def chart(
    scores: Tensor,
    *,
    title: str,
    unit: str,
    threshold: float | None = None,
    usual: Tensor | None = None,
    usual_name: str = "your own clean data",
) -> str:
    """Return how suspicion scores are spread, as a drawing with the same numbers in a table.

    Parameters
    ----------
    scores : Tensor of shape ``(n,)``
    title, unit : str
    threshold : float, optional
        Drawn as a line; what lies right of it goes.
    usual : Tensor of shape ``(m,)``, optional
        Scores of data that are known to be clean, drawn as an outline to the same scale.
    """
    end = max(float(scores.max()), threshold or 0.0, 1.0 if usual is None else float(usual.max()), 1e-6)
    edges = torch.linspace(0, end, _BARS + 1)
    shares = _shares(scores, end)
    known = None if usual is None else _shares(usual, end)
    top = max(float(shares.max()), 0.0 if known is None else float(known.max()))
    wide = (_WIDTH - 60) / _BARS
    # Counts differ by orders of magnitude, so heights go with the square root.
    bars = "".join(
        f'<rect x="{40 + i * wide + 1:.1f}" y="{_BASE - h:.1f}" width="{wide - 2:.1f}" height="{h:.1f}" '
        'style="fill: var(--a)"/>'
        for i, h in enumerate(_heights(shares, top))
    )
    outline = "" if known is None else _outline(_heights(known, top), wide)
    line = "" if threshold is None else _threshold(40 + threshold / end * (_WIDTH - 60), threshold)
    words = _describe(scores, title, unit, threshold, usual, usual_name)
    axis = (
        f'<line x1="40" y1="{_BASE}" x2="{_WIDTH - 20}" y2="{_BASE}" style="stroke: var(--m)"/>'
        f'<text x="40" y="{_BASE + 18}" style="fill: var(--m)" font-size="13">0</text>'
        f'<text x="{_WIDTH - 20}" y="{_BASE + 18}" text-anchor="end" style="fill: var(--m)" font-size="13">'
        f"{end:.3g}</text>"
        f'<text x="{_WIDTH / 2}" y="{_BASE + 36}" text-anchor="middle" style="fill: var(--m)" font-size="13">'
        f"{escape(unit)}</text>"
    )
    rows = [
        [f"{float(edges[i]):.3g} to {float(edges[i + 1]):.3g}", f"{float(shares[i]):.1%}"]
        + ([] if known is None else [f"{float(known[i]):.1%}"])
        for i in range(_BARS)
        if float(shares[i]) > 0 or (known is not None and float(known[i]) > 0)
    ]
    head = [unit, "share of samples"] + ([] if known is None else [usual_name])
    return (
        f'<figure class="lk lk-plot"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" width="100%" '
        f'style="max-width: 46rem; height: auto" aria-label="{escape(words)}">'
        f"{bars}{outline}{line}{axis}</svg>"
        f"<figcaption>{escape(words)} Heights grow with the square root of the share.</figcaption>"
        f"{details('The same as a table', table(title, head, rows))}</figure>"
    )


def _shares(scores: Tensor, end: float) -> Tensor:
    counts = torch.histc(scores.float(), bins=_BARS, min=0.0, max=end)
    return counts / max(1, len(scores))


def _heights(shares: Tensor, top: float) -> list[float]:
    return [(_BASE - 26) * (float(share) / max(top, 1e-9)) ** 0.5 for share in shares]


def _outline(heights: Sequence[float], wide: float) -> str:
    points = " ".join(
        f"{40 + (i + side) * wide:.1f},{_BASE - h:.1f}" for i, h in enumerate(heights) for side in (0, 1)
    )
    return (
        f'<polyline points="{points}" style="fill: none; stroke: var(--t); stroke-width: 2; '
        'stroke-dasharray: 5 3"/>'
    )


def _threshold(x: float, value: float) -> str:
    anchor = "end" if x > _WIDTH - 140 else "start"
    shift = -6 if anchor == "end" else 6
    return (
        f'<line x1="{x:.1f}" y1="8" x2="{x:.1f}" y2="{_BASE}" style="stroke: var(--t); stroke-width: 2"/>'
        f'<text x="{x + shift:.1f}" y="18" text-anchor="{anchor}" style="fill: var(--t)" font-size="13">'
        f"goes above {value:.3g}</text>"
    )


def _describe(
    scores: Tensor, title: str, unit: str, threshold: float | None, usual: Tensor | None, name: str
) -> str:
    words = f"{title}: {unit}; median {float(scores.median()):.2g}, highest {float(scores.max()):.3g}."
    if threshold is not None:
        above = float((scores > threshold).float().mean())
        words += f" {percent(above)} lie above the threshold of {threshold:.3g}"
        words += "." if usual is None else ""
        if usual is not None:
            words += f", of {name} (dashed) {percent(float((usual > threshold).float().mean()))}."
    return words
