"""What the panels about bias share: gaps drawn and in a table, what lies beside what is expected."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from labkit.course.cases.fairness.applicants import Applicants
from labkit.course.cases.fairness.recipes import BY, Desk, open_desk
from labkit.metrics import Gap
from labkit.ui.html import details, escape, table

__all__ = ["MEASURED", "PARTS", "beside", "gap_chart", "percent", "points", "said_gap"]

MEASURED: Mapping[str, str] = {
    "demographic_parity": "approved, of all",
    "equal_opportunity": "approved, of those who would repay",
    "predictive_equality": "approved, of those who would not",
    "predictive_parity": "repaid, of those approved",
}
"""What the share of either group is, for each measure."""

PARTS = tuple((by, number) for by in BY for number in (0, 1))
"""The parts that outcomes are compared in: each group, each district."""

_Z95 = 1.959963984540054
_LEFT, _WIDE, _STEP = 250, 340, 52


def percent(share: float) -> str:
    """Return a share in per cent, in words of a table."""
    return "nobody to count" if share != share else f"{share:.1%}"


def points(value: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return "nobody to count" if value != value else f"{100 * value:+.1f}"


def said_gap(gap: Gap) -> str:
    """Return a gap in points with its interval."""
    if gap.value != gap.value:
        return "nobody to count"
    return f"{points(gap.value)} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"


def gap_chart(found: Mapping[str, Gap], *, title: str, before: Mapping[str, Gap] | None = None) -> str:
    """Draw the share of either group by every measure, with the same numbers in a table, as HTML.

    Parameters
    ----------
    found : mapping of measure to Gap
    title : str
    before : mapping of measure to Gap, optional
        What it was without the repair or the attack: a tick on each bar.
    """
    lines = [
        _bars(i, name, gap, None if before is None else before.get(name))
        for i, (name, gap) in enumerate(found.items())
    ]
    height = _STEP * len(lines)
    words = f"{title}. " + "; ".join(
        f"{name.replace('_', ' ')}, {MEASURED[name]}: group 0 {percent(gap.of_0)}, group 1 "
        f"{percent(gap.of_1)}, gap {said_gap(gap)} points"
        for name, gap in found.items()
    )
    rows = [
        [name.replace("_", " "), MEASURED[name], percent(gap.of_0), percent(gap.of_1), said_gap(gap)]
        + ([] if before is None else [points(before[name].value)])
        for name, gap in found.items()
    ]
    head = ["Measure", "Share", "Group 0", "Group 1", "Gap in points (95 % interval)"]
    head += [] if before is None else ["Gap before"]
    note = "Filled: group 0. Outlined: group 1." + ("" if before is None else " Ticks: before.")
    return (
        f'<figure class="lk lk-plot"><svg viewBox="0 0 {_LEFT + _WIDE + 190} {height}" role="img" '
        f'width="100%" style="max-width: 52rem; height: auto" aria-label="{escape(words)}">'
        f"{''.join(lines)}</svg>"
        f"<figcaption>{escape(title)}. {note}</figcaption>"
        f"{details('The same as a table', table(title, head, rows))}</figure>"
    )


def _bars(place: int, name: str, gap: Gap, before: Gap | None) -> str:
    top = 8 + place * _STEP
    pieces = [
        _text(_LEFT - 10, top + 14, name.replace("_", " "), "end", 15, "var(--t)"),
        _text(_LEFT - 10, top + 31, MEASURED[name], "end", 12, "var(--m)"),
        _text(_LEFT + _WIDE + 70, top + 14, f"gap {points(gap.value)}", "start", 15, "var(--t)"),
    ]
    if before is not None:
        pieces.append(
            _text(_LEFT + _WIDE + 70, top + 31, f"before {points(before.value)}", "start", 12, "var(--m)")
        )
    were = (None, None) if before is None else (before.of_0, before.of_1)
    for row, (share, was) in enumerate(zip((gap.of_0, gap.of_1), were, strict=True)):
        if share != share:
            continue
        y, wide = top + 19 * row, share * _WIDE
        look = "fill: var(--a)" if row == 0 else "fill: none; stroke: var(--t); stroke-width: 2"
        pieces.append(
            f'<rect x="{_LEFT}" y="{y + 1}" width="{wide:.1f}" height="14" style="{look}"/>'
            + _text(_LEFT + _WIDE + 12, y + 13, f"{share:.0%}", "start", 13, "var(--t)")
        )
        if was is not None and was == was:
            x = _LEFT + was * _WIDE
            pieces.append(
                f'<line x1="{x:.1f}" y1="{y - 1}" x2="{x:.1f}" y2="{y + 17}" '
                'style="stroke: var(--t); stroke-width: 3"/>'
            )
    return "".join(pieces)


def _text(x: float, y: float, words: str, anchor: str, size: int, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-size="{size}" style="fill: {colour}">'
        f"{escape(words)}</text>"
    )


def beside(people: Applicants, checked: Applicants) -> dict[tuple[str, int], tuple[int, float, float, float]]:
    """Return, for each part, how many there are, who repaid, who was expected to, and how sure that is.

    Parameters
    ----------
    people, checked : Applicants
        A file, and a sample whose outcomes were checked: a model of it says what to expect.

    Returns
    -------
    dict
        For each part of ``PARTS``: count, share repaid, share expected, and half the width of the 95 %
        interval of their difference, as far as it comes from the file.
    """
    model: Desk = open_desk({"method": "none"}, checked, checked)
    expected = model.scores(people)
    found = {}
    for by, number in PARTS:
        mine = people.told_apart_by(by) == number
        off = people.y[mine] - expected[mine]
        count = int(mine.sum())
        reach = _Z95 * float(off.var()) ** 0.5 / count**0.5 if count > 1 else 1.0
        said = float(people.y[mine].double().mean()) if count else torch.nan
        found[(by, number)] = (count, said, float(expected[mine].mean()) if count else torch.nan, reach)
    return found
