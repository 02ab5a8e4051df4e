"""Pictures of the membership lab: the left edge of a curve, two heaps of answers, budget against accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from torch import Tensor

from labkit.metrics import OverSplits, Roc
from labkit.ui.html import Picture, table
from labkit.ui.plots.base import ACCENT, BAD, GOOD, INK, SECOND, new_figure, percent_axis, to_picture

__all__ = ["Tried", "budget_chart", "heaps", "roc_chart"]

_LOOKS = ((ACCENT, "-"), (SECOND, "--"), (GOOD, "-."), (BAD, ":"), (INK, (0, (5, 1))), (ACCENT, (0, (1, 1))))
_SHOWN = (0.003, 0.01, 0.03, 0.1, 0.3)
_MARKS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True, slots=True)
class Tried:
    """One deployment that was measured."""

    name: str
    spent: float
    found: OverSplits
    accuracy: OverSplits

    @property
    def budget(self) -> str:
        """Its epsilon, in words."""
        return f"{self.spent:.2f}" if np.isfinite(self.spent) else "no bound"

    def cells(self) -> tuple[str, ...]:
        """Return what was measured, for a table."""
        return (
            self.budget,
            f"{self.found.value:.1%} ({max(0.0, self.found.low):.1%} to {self.found.high:.1%})",
            f"{self.accuracy.value:.1%} ({self.accuracy.low:.1%} to {self.accuracy.high:.1%})",
        )


def roc_chart(curves: Mapping[str, Sequence[Roc]], *, fpr: float = 0.01, caption: str = "") -> Picture:
    """Draw members found against false alarms, both on a logarithmic scale, one line for each attack.

    Parameters
    ----------
    curves : mapping of str to sequence of Roc
        Name of the attack to its curve on each victim; the mean is drawn.
    fpr : float
        The false alarm rate that counts, marked by a vertical line.
    caption : str
    """
    figure, (ax,) = new_figure(6.4, 4.2)
    grid = np.unique(np.concatenate([np.logspace(-2.6, 0, 60), [fpr], _SHOWN]))
    ax.plot(grid, grid, color=INK, linewidth=1, linestyle=(0, (2, 2)), label="guessing")
    rows, words = [], []
    for (name, each), (colour, line) in zip(curves.items(), cycle(_LOOKS), strict=False):
        means = [float(np.mean([curve.at(x) for curve in each])) for x in grid]
        ax.plot(grid, np.maximum(means, 1e-3), color=colour, linestyle=line, linewidth=2, label=name)
        at = [float(np.mean([curve.at(x) for curve in each])) for x in _SHOWN]
        area = float(np.mean([curve.auc for curve in each]))
        rows.append((name, *(f"{value:.1%}" for value in at), f"{area:.2f}"))
        here = float(np.mean([curve.at(fpr) for curve in each]))
        words.append(f"{name} finds {here:.1%} of the members at {fpr:.0%} false alarms, area {area:.2f}")
    ax.axvline(fpr, color=INK, linewidth=1, linestyle="--")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(2.5e-3, 1)
    ax.set_ylim(2.5e-3, 1.05)
    ax.set_xlabel("false alarms (share of the others)")
    ax.set_ylabel("members found")
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    ax.legend(frameon=False, loc="lower right")
    head = ("Attack", *(f"at {x:.1%}" for x in _SHOWN), "Area")
    numbers = table("Members found at each rate of false alarms", head, rows)
    return to_picture(figure, ". ".join(words) + ".", caption=caption, numbers=numbers)


def heaps(members: Tensor, others: Tensor) -> Picture:
    """Draw how sure a model is of the recorded class, for members and for others."""
    figure, (ax,) = new_figure(6.4, 2.8)
    low = float(min(members.min(), others.min()))
    high = float(max(members.max(), others.max()))
    edges = np.linspace(low, high, 31)
    for values, colour, hatch, name in ((members, ACCENT, "//", "members"), (others, SECOND, "..", "others")):
        ax.hist(
            values.numpy(), bins=edges, color=colour, alpha=0.45, hatch=hatch, edgecolor=colour, label=name
        )
    ax.set_xlabel("log-odds of the recorded class")
    ax.set_ylabel("forms")
    ax.legend(frameon=False)
    parts = {
        name: [float(np.quantile(values.numpy(), q)) for q in (0.05, 0.5, 0.95)]
        for name, values in (("members", members), ("others", others))
    }
    rows = [(name, *(f"{value:.1f}" for value in found)) for name, found in parts.items()]
    alt = "How sure one model is of the recorded class. " + "; ".join(
        f"{name}: half of them above {found[1]:.1f}, nine tenths between {found[0]:.1f} and {found[2]:.1f}"
        for name, found in parts.items()
    )
    numbers = table(
        "Log-odds of the recorded class", ("Forms", "5 % below", "half below", "95 % below"), rows
    )
    return to_picture(figure, alt, numbers=numbers)


def budget_chart(tried: Sequence[Tried], *, budget: float, accuracy: float, chosen: int = -1) -> Picture:
    """Draw accuracy against the privacy budget, one point for each deployment, with both targets."""
    figure, (ax,) = new_figure(6.4, 4.0)
    finite = [each.spent for each in tried if np.isfinite(each.spent)]
    edge = max(32.0, *(2 * value for value in finite)) if finite else 32.0
    ax.axvline(budget, color=INK, linewidth=1, linestyle="--")
    ax.axhline(accuracy, color=INK, linewidth=1, linestyle="--")
    ax.text(0.12, 0.99, "both targets met", va="top", fontsize=9, color=INK)
    for i, (each, mark) in enumerate(zip(tried, cycle(_MARKS), strict=False)):
        x = max(0.1, min(each.spent, edge))
        picked = i == chosen % len(tried)
        look = {"markersize": 11 if picked else 8, "markeredgecolor": INK if picked else ACCENT}
        ax.plot(x, each.accuracy.value, mark, color=ACCENT if np.isfinite(each.spent) else BAD, **look)
        ax.annotate(str(i + 1), (x, each.accuracy.value), (8, 4), textcoords="offset points", color=INK)
    ax.set_xscale("log")
    ax.set_xlim(0.1, edge * 1.4)
    ax.set_ylim(min(0.5, *(each.accuracy.value for each in tried)) - 0.03, 1.0)
    ax.set_xlabel("privacy budget epsilon; the right edge stands for no bound")
    ax.set_ylabel("accuracy")
    ticks = [x for x in (0.1, 0.3, 1, 2, 4, 8, 16) if x < edge]
    ax.set_xticks([*ticks, edge], [*(f"{x:g}" for x in ticks), "none"])
    ax.minorticks_off()
    percent_axis(ax.yaxis)
    rows = [(f"{i + 1}: {each.name}", *each.cells()) for i, each in enumerate(tried)]
    alt = "Accuracy against the budget. " + "; ".join(
        f"{i + 1}: epsilon {each.budget}, accuracy {each.accuracy.value:.1%}, "
        f"members found {each.found.value:.1%}"
        for i, each in enumerate(tried)
    )
    head = ("Deployment", "Epsilon", "Members found at 1 % false alarms", "Accuracy")
    return to_picture(
        figure,
        alt,
        caption="Left is a smaller promise to break, up is more useful.",
        numbers=table("Deployments that you tried, with 95 % intervals", head, rows),
    )
