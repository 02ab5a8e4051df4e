"""What the panels about explanations share: bars and columns in their units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit import data
from labkit.core.protocols import Classifier, predict
from labkit.course.cases.explaining.deciders import ACCEPT
from labkit.data.tabular import in_units
from labkit.ui.html import badge, details, escape, table

__all__ = ["bars", "decision", "in_words", "percent", "units"]

_WIDTH, _ROW, _LABEL = 640, 24, 150
_NONE = 1e-3  # values below are written as none, and drawn as nothing


def percent(share: float) -> str:
    """Return a share in per cent."""
    return "none to count" if share != share else f"{share:.1%}"


def decision(model: Classifier, row: Tensor) -> str:
    """Return what a model decides about one row, as a badge."""
    yes = int(predict(model, row[None])[0]) == ACCEPT
    return badge("good" if yes else "bad", "accepted" if yes else "refused")


def units() -> list[str]:
    """Return the unit of each column."""
    return [str(feature.unit) for feature in data.load("loans").card.features]


def in_words(row: Tensor) -> list[str]:
    """Return the values of one row in their units, as they stand in a file."""
    values = in_units(row[None], data.load("loans").card)[0].tolist()
    return [f"{value:,.0f}".replace(",", " ") for value in values]


def bars(values: Tensor, names: Sequence[str], *, title: str, unit: str, marked: int | None = None) -> str:
    """Return what each column adds as bars to the left and right of a line, with numbers and in words.

    Parameters
    ----------
    values : Tensor of shape ``(columns,)``
    names : sequence of str
    title, unit : str
    marked : int, optional
        A column whose name is set in bold, such as the protected one.
    """
    order = values.abs().argsort(descending=True, stable=True).tolist()
    most = max(float(values.abs().max()), _NONE)
    middle = _LABEL + (_WIDTH - _LABEL) / 2
    reach = (_WIDTH - _LABEL) / 2 - 60
    drawn = "".join(
        _bar(place, names[i], float(values[i]), middle, reach / most, i == marked)
        for place, i in enumerate(order)
    )
    height = _ROW * len(order) + 28
    foot = (
        f'<text x="{middle - 8:.0f}" y="{height - 6}" text-anchor="end" style="fill: var(--m)" '
        'font-size="13">◀ against</text>'
        f'<text x="{middle + 8:.0f}" y="{height - 6}" style="fill: var(--m)" font-size="13">'
        "for acceptance ▶</text>"
        f'<line x1="{middle:.1f}" y1="0" x2="{middle:.1f}" y2="{height - 24}" style="stroke: var(--m)"/>'
    )
    words = _describe(values, names, order, title)
    rows = [(names[i], _number(float(values[i]))) for i in order]
    return (
        f'<figure class="lk lk-plot"><svg viewBox="0 0 {_WIDTH} {height}" role="img" width="100%" '
        f'style="max-width: 46rem; height: auto" aria-label="{escape(words)}">{drawn}{foot}</svg>'
        f"<figcaption>{escape(words)}</figcaption>"
        f"{details('The same as a table', table(title, ('column', unit), rows))}</figure>"
    )


def _bar(place: int, name: str, value: float, middle: float, scale: float, bold: bool) -> str:
    y, width = place * _ROW + 4, abs(value) * scale
    x = middle if value >= 0 else middle - width
    weight = ' font-weight="bold"' if bold else ""
    end, anchor = (x + width + 6, "start") if value >= 0 else (x - 6, "end")
    return (
        f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end" style="fill: var(--t)" font-size="14"'
        f"{weight}>"
        f"{escape(name)}</text>"
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 7}" style="fill: var(--a)"/>'
        f'<text x="{end:.1f}" y="{y + 14}" text-anchor="{anchor}" style="fill: var(--t)" font-size="13">'
        f"{_number(value)}</text>"
    )


def _number(value: float) -> str:
    return "0" if abs(value) < _NONE else f"{value:+.2f}"


def _describe(values: Tensor, names: Sequence[str], order: Sequence[int], title: str) -> str:
    if not bool((values.abs() >= _NONE).any()):
        return f"{title}: no column adds anything."
    said = [f"{names[i]} {_number(float(values[i]))}" for i in order[:3]]
    sum_of = float(torch.as_tensor(values).sum())
    return f"{title}: most by {', '.join(said)}; all together {sum_of:+.2f}."
