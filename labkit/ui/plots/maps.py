"""Pictures of a plane: who is taken for whom, and where the decision border runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labkit.core import DifferentiableClassifier, Norm, make_generator
from labkit.ui.html import Picture, table
from labkit.ui.plots.base import INK, new_figure, to_picture

__all__ = ["confusion", "landscape", "slice_through"]

_SIZE = 41
_COLOURS = (
    "#a6cee3", "#fdbf6f", "#b2df8a", "#cab2d6", "#ffff99", "#fb9a99",
    "#8dd3c7", "#e5c494", "#d9d9d9", "#bebada", "#ccebc5", "#fccde5",
)  # fmt: skip
_HATCH_INK = "#8a8f96"
_HATCHES = ("", "//", "..", "\\\\", "xx", "--", "||", "++", "oo", "**", "OO", "/.")


def confusion(before: Tensor, after: Tensor, classes: Sequence[str]) -> Picture:
    """Draw two confusion matrices side by side: before and under an attack.

    Parameters
    ----------
    before, after : Tensor of shape ``(classes, classes)``
        Counts; rows are the true classes, columns what the model read.
    classes : sequence of str
        Names, in the order of the rows.
    """
    small = len(classes) <= 12
    figure, axes = new_figure(9.0, 4.5, columns=2)
    top = max(float(before.max()), float(after.max()), 1.0)
    for ax, counts, title in zip(axes, (before, after), ("before", "under attack"), strict=True):
        ax.grid(visible=False)
        ax.imshow(counts.numpy(), cmap="Blues", vmin=0, vmax=top)
        ax.set_title(title, color=INK, fontsize=12)
        ax.set_xticks(
            range(len(classes)), [_short(c) for c in classes], rotation=0 if small else 90, fontsize=8
        )
        ax.set_yticks(range(len(classes)), [_short(c) for c in classes], fontsize=8)
        ax.set_xlabel("read as")
        for row, column in (counts > 0).nonzero().tolist():
            count = int(counts[row, column])
            shade = "white" if count > 0.55 * top else INK
            ax.text(column, row, str(count), ha="center", va="center", fontsize=7.5, color=shade)
    axes[0].set_ylabel("true class")
    return to_picture(
        figure,
        f"Confusion matrices. Before: {_say_mistakes(before, classes)}. "
        f"Under attack: {_say_mistakes(after, classes)}.",
        numbers=_mistake_table(before, after, classes),
    )


def slice_through(
    model: DifferentiableClassifier, x: Tensor, y: Tensor, *, reach: float, seed: int, norm: Norm = Norm.LINF
) -> tuple[Tensor, Tensor]:
    """Evaluate the model on a plane through one input.

    The first axis of the plane runs along the steepest ascent of the loss, the second along
    a random direction at right angles to it, both of size ``reach`` in ``norm`` at the rim.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.
    x : Tensor of shape ``(1, ...)``
        The input in the middle; y : Tensor of shape ``(1,)`` its class.
    reach : float
        Distance from the middle to the rim, in the units of ``x``.

    Returns
    -------
    steps : Tensor of shape ``(41,)``
        Positions along either axis, from ``-reach`` to ``reach``.
    logits : Tensor of shape ``(41, 41, classes)``
        Rows follow the random direction, columns the gradient.
    """
    point = x.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(model.forward(point), y)
    (gradient,) = torch.autograd.grad(loss, point)
    along = norm.steepest(gradient)
    across = torch.randn(x.shape, generator=make_generator(seed))
    flat = along.flatten()
    across = across - (across.flatten() @ flat) / flat.dot(flat).clamp_min(1e-12) * along
    across = across / norm.size(across).clamp_min(1e-12)
    steps = torch.linspace(-reach, reach, _SIZE)
    shape = [-1, *[1] * (x.dim() - 1)]
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    plane = x + columns.reshape(shape) * along + rows.reshape(shape) * across
    logits = model.logits(plane.clamp(*model.bounds))
    return steps, logits.reshape(_SIZE, _SIZE, -1)


def landscape(steps: Tensor, logits: Tensor, label: int, classes: Sequence[str], *, budget: float) -> Picture:
    """Draw which class the model reads on a slice made by :func:`slice_through`."""
    read = logits.argmax(-1).numpy()
    present = [int(c) for c in np.unique(read)]
    figure, (ax,) = new_figure(6.4, 4.6)
    ax.grid(visible=False)
    grid = steps.numpy()
    for k, c in enumerate(present):
        _region(ax, grid, read == c, classes[c], k)
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * budget
    ax.plot(square[:, 0], square[:, 1], color=INK, linewidth=1.5, linestyle="--")
    ax.plot(0, 0, marker="P", color=INK, markersize=11, markeredgecolor="white")
    ax.set_xlabel("change along the gradient")
    ax.set_ylabel("change along a random direction")
    alt = _say_slice(steps, torch.from_numpy(read), label, classes, budget)
    return to_picture(figure, alt, caption=alt)


def _region(ax: Any, grid: NDArray[np.float32], where: NDArray[np.bool_], name: str, k: int) -> None:
    """Fill the cells of one class with a colour and a hatch of their own, and name them."""
    share = where.astype(float)
    look = {"colors": [_COLOURS[k % len(_COLOURS)]], "hatches": [_HATCHES[k % len(_HATCHES)]]}
    filled = ax.contourf(grid, grid, share, levels=[0.5, 1.5], **look)
    filled.set(edgecolor=_HATCH_INK, linewidth=0)
    if 0 < share.sum() < share.size:
        ax.contour(grid, grid, share, levels=[0.5], colors=[INK], linewidths=1.2)
    row, column = _middle(where)
    box = {"facecolor": "white", "edgecolor": INK, "linewidth": 0.6, "pad": 2}
    place = {"ha": "center", "va": "center", "color": INK, "fontsize": 11, "fontweight": "bold"}
    ax.text(grid[column], grid[row], name, bbox=box, **place)


def _middle(where: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the marked cell that lies farthest from every unmarked one and from the rim."""
    cells, others = np.argwhere(where), np.argwhere(~where)
    room = np.minimum(cells, np.array(where.shape) - 1 - cells).min(1).astype(float) ** 2
    for part in np.array_split(others, max(1, len(others) // 200)) if len(others) else ():
        room = np.minimum(room, ((cells[:, None] - part[None]) ** 2).sum(2).min(1))
    row, column = cells[room.argmax()]
    return int(row), int(column)


def _say_slice(steps: Tensor, read: Tensor, label: int, classes: Sequence[str], budget: float) -> str:
    middle = len(steps) // 2

    def border(line: Tensor) -> str:
        wrong = steps[(line != read[middle, middle]) & (steps > 0)]
        return f"at {float(wrong[0]):.2g}" if len(wrong) else f"nowhere up to {float(steps[-1]):.2g}"

    return (
        f"A slice around a {classes[label]} that the model reads as {classes[int(read[middle, middle])]}. "
        f"The reading changes along the gradient {border(read[middle])}, and along the random direction "
        f"{border(read[:, middle])}. The dashed square is the budget of {budget:g}."
    )


def _mistakes(counts: Tensor, classes: Sequence[str]) -> list[tuple[int, str]]:
    wrong = counts.clone()
    wrong.fill_diagonal_(0)
    pairs = [(int(wrong[i, j]), f"{classes[i]} read as {classes[j]}") for i, j in wrong.nonzero().tolist()]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1]))


def _say_mistakes(counts: Tensor, classes: Sequence[str]) -> str:
    found = _mistakes(counts, classes)
    total = sum(number for number, _ in found)
    most = ", ".join(f"{name} ({number})" for number, name in found[:3])
    return f"{total} of {int(counts.sum())} misread" + (f", most often {most}" if most else "")


def _mistake_table(before: Tensor, after: Tensor, classes: Sequence[str]) -> str:
    was = {name: number for number, name in _mistakes(before, classes)}
    rows = [(name, was.get(name, 0), number) for number, name in _mistakes(after, classes)[:15]]
    return table("The commonest mistakes", ("Mistake", "Before", "Under attack"), rows)


def _short(name: str) -> str:
    return name if len(name) <= 12 else name[:11] + "…"
