"""Numbers against numbers: robustness curve, price of robustness, own attempts, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from labkit.metrics import Curve, Rate
from labkit.ui.html import Picture, table
from labkit.ui.plots.base import ACCENT, BAD, GOOD, INK, SECOND, new_figure, percent_axis, to_picture

__all__ = ["Trial", "attempts", "calibration", "robustness_curve", "trade_off"]

_LOOKS = ((ACCENT, "o", "-"), (SECOND, "s", "--"), (GOOD, "^", "-."), (INK, "D", ":"))


@dataclass(frozen=True, slots=True)
class Trial:
    """One hardened model: what it was trained with, and both of its accuracies."""

    name: str
    clean: Rate
    robust: Rate


def robustness_curve(curves: Mapping[str, Curve], *, budget: float | None = None) -> Picture:
    """Draw robust accuracy against epsilon with its 95 % interval, one line for each model.

    Parameters
    ----------
    curves : mapping of str to Curve
        Name of the model to what was measured.
    budget : float or None
        The epsilon of the threat model, marked by a vertical line.
    """
    figure, (ax,) = new_figure()
    for (name, curve), (colour, marker, line) in zip(curves.items(), cycle(_LOOKS), strict=False):
        values = [rate.value for rate in curve.rates]
        ax.fill_between(
            curve.epsilons,
            [rate.low for rate in curve.rates],
            [rate.high for rate in curve.rates],
            color=colour,
            alpha=0.18,
            linewidth=0,
        )
        ax.plot(curve.epsilons, values, color=colour, marker=marker, linestyle=line, label=name)
    if budget is not None:
        ax.axvline(budget, color=INK, linewidth=1, linestyle=(0, (2, 2)))
        ax.text(budget, 1.03, "budget", ha="center", color=INK, fontsize=9)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("epsilon (largest change of one value)")
    ax.set_ylabel("robust accuracy")
    percent_axis(ax.yaxis)
    ax.legend(frameon=False)
    return to_picture(
        figure,
        _say_curves(curves),
        caption="The bands are 95 % intervals: with more inputs they get narrower.",
        numbers=_curve_table(curves),
    )


def trade_off(
    trials: Sequence[Trial], *, robust_target: float, clean_target: float, chosen: int = -1
) -> Picture:
    """Draw clean against robust accuracy, one point for each model, with both targets."""
    figure, (ax,) = new_figure(6.0, 4.0)
    ax.axhline(clean_target, color=INK, linewidth=1, linestyle="--")
    ax.axvline(robust_target, color=INK, linewidth=1, linestyle="--")
    ax.text(1.0, 0.99, "both targets met", ha="right", va="top", fontsize=9, color=INK)
    for i, (trial, look) in enumerate(zip(trials, cycle(_LOOKS), strict=False)):
        picked = i == chosen % len(trials)
        x, y = trial.robust, trial.clean
        ax.errorbar(
            x.value,
            y.value,
            xerr=[[x.value - x.low], [x.high - x.value]],
            yerr=[[y.value - y.low], [y.high - y.value]],
            fmt=look[1],
            color=look[0],
            markersize=10 if picked else 7,
            markeredgecolor=INK if picked else look[0],
            linewidth=1,
        )
        ax.annotate(
            str(i + 1), (x.value, y.value), (7, 5), textcoords="offset points", fontsize=10, color=INK
        )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(min(0.5, *(t.clean.low for t in trials)) - 0.02, 1.01)
    ax.set_xlabel("robust accuracy")
    ax.set_ylabel("clean accuracy")
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    rows = [(f"{i + 1}: {t.name}", _rate(t.clean), _rate(t.robust)) for i, t in enumerate(trials)]
    alt = "Clean against robust accuracy. " + "; ".join(
        f"{name}: clean {clean}, robust {robust}" for name, clean, robust in rows
    )
    numbers = table("Accuracy of each model, with 95 % interval", ("Model", "Clean", "Robust"), rows)
    return to_picture(figure, alt, caption="Up is more useful, right is more robust.", numbers=numbers)


def attempts(
    values: Sequence[float], passed: Sequence[bool], target: float, *, unit: str, rising: bool
) -> Picture:
    """Draw the measured value of one's own attempts in order, and the target line."""
    figure, (ax,) = new_figure(5.2, 2.2)
    steps = range(1, len(values) + 1)
    ax.plot(steps, values, color=ACCENT, linewidth=1)
    for mark, colour, want in (("o", GOOD, True), ("X", BAD, False)):
        hits = [(i, v) for i, v, ok in zip(steps, values, passed, strict=True) if ok is want]
        label = "reached" if want else "not yet"
        if hits:
            ax.plot(*zip(*hits, strict=True), mark, color=colour, label=label, linestyle="none", markersize=8)
    ax.axhline(target, color=INK, linewidth=1, linestyle="--")
    ax.annotate("target", (1, target), (4, 3), textcoords="offset points", fontsize=9, color=INK)
    ax.set_xticks(list(steps)[:: max(1, len(values) // 10)])
    ax.set_xlabel("attempt")
    ax.set_ylabel(unit)
    ax.legend(frameon=False, fontsize=9)
    best = (max if rising else min)(values)
    alt = (
        f"{len(values)} attempt{'s' * (len(values) != 1)}, the last twelve at most: "
        f"{', '.join(f'{v:.2f}' for v in values[-12:])}; best {best:.2f}; "
        f"target {'at least' if rising else 'at most'} {target:.2f}; {sum(passed)} reached it"
    )
    return to_picture(figure, alt)


def calibration(confidence: Sequence[float], correct: Sequence[bool]) -> Picture:
    """Draw how often one was right against how sure one was, in bins of ten points.

    Parameters
    ----------
    confidence : sequence of float
        Stated probabilities of being right, within ``[0, 1]``.
    correct : sequence of bool
        Whether each prediction came true.
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in zip(confidence, correct, strict=True):
        bins.setdefault(min(9, int(sure * 10)), []).append((sure, right))
    rows = []
    figure, (ax,) = new_figure(4.4, 3.4)
    ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", label="perfectly calibrated")
    for _, members in sorted(bins.items()):
        stated = sum(sure for sure, _ in members) / len(members)
        share = sum(right for _, right in members) / len(members)
        rows.append((f"{stated:.0%}", f"{share:.0%}", len(members)))
        ax.plot(stated, share, "o", color=ACCENT, markersize=5 + 2 * min(6, len(members)))
    ax.set_xlim(0, 1.03)
    ax.set_ylim(-0.05, 1.05)
    ax.set_xlabel("how sure you were")
    ax.set_ylabel("how often you were right")
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    ax.legend(frameon=False, fontsize=9)
    brier = sum((s - r) ** 2 for s, r in zip(confidence, correct, strict=True)) / len(confidence)
    said = "; ".join(f"stated {a}, right {b} of {n}" for a, b, n in rows)
    numbers = table("Your predictions", ("Stated", "Right", "Number"), rows)
    return to_picture(figure, f"Calibration: {said}. Brier score {brier:.2f}", numbers=numbers)


def _rate(rate: Rate) -> str:
    return f"{rate.value:.0%} ({rate.low:.0%} to {rate.high:.0%})"


def _say_curves(curves: Mapping[str, Curve]) -> str:
    lines = [
        f"{name}: {curve.rates[0].value:.0%} at epsilon {curve.epsilons[0]:g}, "
        f"{curve.rates[-1].value:.0%} at {curve.epsilons[-1]:g}"
        for name, curve in curves.items()
    ]
    return "Robust accuracy against epsilon. " + "; ".join(lines)


def _curve_table(curves: Mapping[str, Curve]) -> str:
    first = next(iter(curves.values()))
    rows = [
        (f"{epsilon:g}", *(_rate(curve.rates[i]) for curve in curves.values()))
        for i, epsilon in enumerate(first.epsilons)
    ]
    return table("Robust accuracy, with 95 % interval", ("Epsilon", *curves), rows)
