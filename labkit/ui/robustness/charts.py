"""Curves of the robustness lab: accuracy over epochs, certified accuracy over radii."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labkit.metrics import Curve
from labkit.ui.html import Picture, table
from labkit.ui.plots.base import ACCENT, GOOD, INK, SECOND, new_figure, percent_axis, to_picture

__all__ = ["over_epochs", "over_radii"]

_LOOKS = ((ACCENT, "o", "-"), (SECOND, "s", "--"), (GOOD, "^", "-."), (INK, "D", ":"))


def over_epochs(title: str, epochs: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Picture:
    """Draw accuracies against the epochs of a training, one line for each way of measuring.

    Parameters
    ----------
    title : str
        What was trained, for the text alternative and the table.
    epochs : sequence of int
    curves : mapping of str to sequence of float
        By what was measured: a share for each epoch.
    """
    figure, (ax,) = new_figure(6.0, 3.2)
    for (name, values), (colour, marker, line) in zip(curves.items(), _LOOKS, strict=False):
        ax.plot(epochs, values, color=colour, marker=marker, linestyle=line, label=name, markersize=5)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("epoch")
    ax.set_ylabel("accuracy")
    percent_axis(ax.yaxis)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8.5)
    said = "; ".join(
        f"{name}: {values[0]:.0%} after epoch {epochs[0]}, highest {max(values):.0%}, "
        f"{values[-1]:.0%} after epoch {epochs[-1]}"
        for name, values in curves.items()
    )
    rows = [
        (str(epoch), *(f"{values[i]:.0%}" for values in curves.values())) for i, epoch in enumerate(epochs)
    ]
    numbers = table(f"Accuracy over the epochs, {title}", ("Epoch", *curves), rows)
    return to_picture(figure, f"{title}, accuracy over the epochs. {said}", numbers=numbers)


def over_radii(curves: Mapping[str, Curve], *, radius: float, target: float) -> Picture:
    """Draw certified accuracy against the L2 radius, one line for each certificate, with the task's point.

    Parameters
    ----------
    curves : mapping of str to Curve
        By name, all over the same radii.
    radius, target : float
        Where the task looks, and the share that it asks for there.
    """
    figure, (ax,) = new_figure(6.0, 3.4)
    for (name, curve), (colour, marker, line) in zip(curves.items(), _LOOKS, strict=False):
        low, high = ([getattr(rate, end) for rate in curve.rates] for end in ("low", "high"))
        ax.fill_between(curve.epsilons, low, high, color=colour, alpha=0.15, linewidth=0)
        shares = [rate.value for rate in curve.rates]
        ax.plot(curve.epsilons, shares, color=colour, marker=marker, linestyle=line, label=name, markersize=4)
    ax.axvline(radius, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    ax.axhline(target, color=INK, linewidth=1, linestyle="--")
    ax.text(radius, 1.04, f"radius {radius:g}", ha="center", fontsize=9, color=INK)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("radius in L2")
    ax.set_ylabel("certified accuracy")
    percent_axis(ax.yaxis)
    ax.legend(frameon=False, fontsize=9)
    first = next(iter(curves.values()))
    rows = [
        (f"{each:g}", *(_say(curve, i) for curve in curves.values())) for i, each in enumerate(first.epsilons)
    ]
    numbers = table("Certified accuracy, with 95 % interval", ("Radius in L2", *curves), rows)
    at = min(range(len(first.epsilons)), key=lambda i: abs(first.epsilons[i] - radius))
    said = "; ".join(
        f"{name}: {_say(curve, 0)} at radius 0, {_say(curve, at)} at {first.epsilons[at]:g}"
        for name, curve in curves.items()
    )
    caption = "The bands are 95 % intervals over inputs. Abstentions count as wrong."
    return to_picture(
        figure, f"Certified accuracy against the L2 radius. {said}", caption=caption, numbers=numbers
    )


def _say(curve: Curve, i: int) -> str:
    rate = curve.rates[i]
    return f"{rate.value:.0%} ({rate.low:.0%} to {rate.high:.0%})"
