"""Pictures of a federation, each with its words and its numbers: rounds, and who lies how far out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from labkit.course.cases.federated.running import Run
from labkit.ui.html import details, escape, table

__all__ = ["client_table", "curve", "update_map"]

_WIDTH, _HEIGHT = 640, 250
_LEFT, _RIGHT, _TOP, _BASE = 52, 500, 14, 208
_DASHES = ("", "7 4", "2 3", "9 3 2 3")
_INKS = ("var(--a)", "var(--t)", "var(--m)", "var(--t)")


def curve(series: Mapping[str, Sequence[float]], title: str) -> str:
    """Return shares after every round as lines, as HTML; lines differ by dashes and carry their names.

    Parameters
    ----------
    series : mapping of str to shares, one a round
        Up to four, of one length.
    title : str
    """
    rounds = max(map(len, series.values()))
    lines = []
    ends = _apart([_BASE - values[-1] * (_BASE - _TOP) for values in series.values()])
    for (name, values), dash, ink, end in zip(series.items(), _DASHES, _INKS, ends, strict=False):
        points = " ".join(
            f"{_x(i, rounds):.1f},{_BASE - v * (_BASE - _TOP):.1f}" for i, v in enumerate(values)
        )
        lines.append(
            f'<polyline points="{points}" style="fill: none; stroke: {ink}; stroke-width: 2.5; '
            f'stroke-dasharray: {dash or "none"}"/>'
            f'<text x="{_RIGHT + 8}" y="{end + 4:.1f}" style="fill: {ink}" font-size="13">'
            f"{escape(name)} {values[-1]:.0%}</text>"
        )
    words = f"{title}. " + "; ".join(
        f"{name}: {values[0]:.0%} after the first round, {values[-1]:.0%} after the last"
        for name, values in series.items()
    )
    rows = [
        (i + 1, *(f"{values[i]:.1%}" if i < len(values) else "" for values in series.values()))
        for i in range(rounds)
    ]
    return _figure(
        _grid(rounds) + "".join(lines),
        f"{words}.",
        table(title, ("round", *series), rows),
    )


def _x(i: int, rounds: int) -> float:
    return _LEFT + i * (_RIGHT - _LEFT) / max(1, rounds - 1)


def _apart(heights: Sequence[float], least: float = 16.0) -> list[float]:
    """Move labels apart that would lie on each other."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = list(heights)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + least)
    over = max(0.0, max(placed) - _BASE)
    return [height - over for height in placed]


def _grid(rounds: int) -> str:
    marks = "".join(
        f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}" style="stroke: var(--b)"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" style="fill: var(--m)" font-size="13">'
        f"{share:.0%}</text>"
        for share in (0.0, 0.5, 1.0)
        for y in (_BASE - share * (_BASE - _TOP),)
    )
    ends = "".join(
        f'<text x="{_x(i, rounds):.1f}" y="{_BASE + 20}" text-anchor="middle" style="fill: var(--m)" '
        f'font-size="13">{"round " if not i else ""}{i + 1}</text>'
        for i in {0, rounds - 1}
    )
    return marks + ends


def update_map(run: Run, title: str, accuracy: Sequence[str] = ()) -> str:
    """Return the updates of the last round as points on a plane, as HTML.

    The plane is the one on which they lie farthest apart, seen from the median (principal
    components).  Shapes tell honest and malicious clinics and the minority apart.

    Parameters
    ----------
    run : Run
    title : str
        Of the table beside it; no two on a page may be the same.
    accuracy : sequence of str, optional
        What share of its own forms is read right, for each clinic.
    """
    places = _plane(run.last.sent)
    # Liars may lie ten times as far out as the others, who would all be one spot.
    places = places / places.norm(dim=1, keepdim=True).clamp_min(1e-9).sqrt()
    far, heard = run.far[-1], run.heard[-1] * len(run.federation)
    reach = float(places.abs().max()) or 1.0
    middle_x, middle_y, scale = 310.0, 114.0, 96.0 / reach
    marks = []
    for number, (a, b) in enumerate(places.tolist()):
        x, y = middle_x + 2 * scale * a, middle_y - scale * b
        marks.append(_mark(_role(run, number), x, y, bool(heard[number] > 0)))
    labels = _labels(run, places * torch.tensor([2 * scale, -scale]) + torch.tensor([middle_x, middle_y]))
    order = far.argsort(descending=True).tolist()
    farthest = ", ".join(
        f"{run.federation.names[i]} ({_role(run, i)}, {_times(float(far[i]))})" for i in order[:4]
    )
    words = (
        "Updates of the last round, on the plane on which they lie farthest apart; distances are drawn "
        "with their square root. "
        f"Farthest from the median, in units of the usual distance: {farthest}. "
        f"Not used: {_unused(run)}."
    )
    return _figure(
        _FRAME.format(x=middle_x, y=middle_y) + "".join(marks) + labels + _legend(),
        words,
        client_table(run, title, accuracy),
    )


def client_table(run: Run, title: str, accuracy: Sequence[str] = ()) -> str:
    """Return every clinic with what it holds, how far out it lay, and how much it was heard."""
    names = run.federation.names
    sizes = run.federation.clients.sizes.tolist()
    mean_far = run.far.mean(0).tolist()
    rows = [
        (
            name,
            _role(run, i),
            sizes[i],
            _times(mean_far[i]),
            f"{run.share_of(i):.2f}",
            *([accuracy[i]] if accuracy else []),
        )
        for i, name in enumerate(names)
    ]
    head = ("Clinic", "Is", "Forms", "Lies out (usual is 1)", "Heard (equal is 1)")
    return table(title, head + (("Its own forms read right",) if accuracy else ()), rows)


def _role(run: Run, number: int) -> str:
    if bool(run.federation.malicious[number]):
        return "malicious"
    return "other scanner" if number == run.federation.minority else "honest"


def _times(value: float) -> str:
    return "beyond measure" if value > 999 else f"{value:.1f}"


def _unused(run: Run) -> str:
    names = [n for n, w in zip(run.federation.names, run.heard[-1].tolist(), strict=True) if w == 0]
    return ", ".join(names) or "nobody"


def _plane(updates: Tensor) -> Tensor:
    """Return updates on their first two principal axes around the median, shape ``(n, 2)``."""
    centred = (updates - updates.quantile(0.5, dim=0)).double()
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    return (vectors[:, -2:] * values[-2:].clamp_min(0).sqrt()).flip(1).float()


_FRAME = (
    '<rect x="52" y="6" width="540" height="216" style="fill: none; stroke: var(--b)"/>'
    '<path d="M {x} 6 V 222 M 52 {y} H 592" style="stroke: var(--b); stroke-dasharray: 3 4"/>'
    '<text x="586" y="18" text-anchor="end" style="fill: var(--m)" font-size="12">'
    "the lines cross at the median</text>"
)

_SHAPES = {
    "honest": '<circle cx="{x:.1f}" cy="{y:.1f}" r="6" {style}/>',
    "malicious": '<rect x="{left:.1f}" y="{top:.1f}" width="11" height="11" {style}/>',
    "other scanner": '<path d="M {x:.1f} {up:.1f} l 8 8 l -8 8 l -8 -8 z" {style}/>',
}


def _mark(role: str, x: float, y: float, used: bool) -> str:
    ink = "var(--a)" if role == "honest" else "var(--t)"
    style = f'style="fill: {ink if used else "none"}; stroke: {ink}; stroke-width: 2; fill-opacity: .75"'
    return _SHAPES[role].format(x=x, y=y, left=x - 5.5, top=y - 5.5, up=y - 8, style=style)


def _labels(run: Run, places: Tensor) -> str:
    """Name the clinics whose mark stands free; those in the crowd are in the table."""
    shown: list[tuple[float, float]] = []
    out = []
    for number in run.far[-1].argsort(descending=True).tolist():
        x, y = places[number].tolist()
        if all(abs(x - a) > 30 or abs(y - b) > 14 for a, b in shown):
            shown.append((x, y))
            out.append(
                f'<text x="{x + 10:.1f}" y="{y + 4:.1f}" style="fill: var(--t)" font-size="12">'
                f"{run.federation.names[number]}</text>"
            )
    return "".join(out)


def _legend() -> str:
    """Return what the shapes mean, in the shapes themselves."""
    x, out = 60.0, []
    for role in _SHAPES:
        out.append(_mark(role, x, 236, True))
        out.append(f'<text x="{x + 13:.0f}" y="240" style="fill: var(--m)" font-size="13">{role}</text>')
        x += 110
    out.append(
        f'<text x="{x + 12:.0f}" y="240" style="fill: var(--m)" font-size="13">hollow: not used</text>'
    )
    return "".join(out)


def _figure(inside: str, words: str, numbers: str) -> str:
    return (
        f'<figure class="lk lk-plot"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" width="100%" '
        f'style="max-width: 44rem; height: auto" aria-label="{escape(words)}">{inside}</svg>'
        f"<figcaption>{escape(words)}</figcaption>"
        f"{details('The same as a table', numbers)}</figure>"
    )
