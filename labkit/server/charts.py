"""Small pictures for the pages, as SVG text with a text alternative."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from labkit.course import Attempt, Calibration, Checkpoint

__all__ = ["attempts_chart", "calibration_chart"]

_WIDTH, _HEIGHT, _EDGE = 280, 92, 12
_SIDE, _MARGIN = 220, 30


def attempts_chart(checkpoint: Checkpoint, attempts: Sequence[Attempt]) -> Markup:
    """Return a learner's attempts at a checkpoint over time, or nothing when none was measured.

    Attempts that reached the target are filled circles, the others hollow squares; the
    target is a dashed line.
    """
    points = [attempt for attempt in attempts if attempt.measured is not None]
    if not points:
        return Markup("")
    target = checkpoint.target.threshold
    values = [float(attempt.measured or 0.0) for attempt in points]
    low, high = min([*values, target]), max([*values, target])
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return round(_HEIGHT - _EDGE - (value - low) / span * (_HEIGHT - 2 * _EDGE), 1)

    step = (_WIDTH - 2 * _EDGE) / max(1, len(points) - 1)
    spots = [(round(_EDGE + i * step, 1), y(value)) for i, value in enumerate(values)]
    marks = [
        f'<circle class="lk-mark-passed" cx="{cx}" cy="{cy}" r="5"/>'
        if attempt.passed
        else f'<rect class="lk-mark-missed" x="{cx - 4:.1f}" y="{cy - 4:.1f}" width="8" height="8"/>'
        for (cx, cy), attempt in zip(spots, points, strict=True)
    ]
    told = "; ".join(
        f"attempt {i}: {value:.3g}, {'reached' if attempt.passed else 'not reached'}"
        for i, (value, attempt) in enumerate(zip(values, points, strict=True), start=1)
    )
    line = " ".join(f"{cx},{cy}" for cx, cy in spots)
    body = (
        f'<line class="lk-target" x1="0" x2="{_WIDTH}" y1="{y(target)}" y2="{y(target)}"/>'
        f'<polyline class="lk-path" points="{line}"/>{"".join(marks)}'
    )
    title = f"{checkpoint.title}: target {checkpoint.target}; {told}"
    return _svg(_WIDTH, _HEIGHT, title, body)


def calibration_chart(fit: Calibration) -> Markup:
    """Return confidence against what came true, in five bands, or nothing when there is none.

    On the dashed diagonal confidence fits; a larger circle stands for more predictions.
    """
    bands = [band for band in fit.bands if band[2]]
    if not bands:
        return Markup("")
    size = _SIDE - 2 * _MARGIN

    def at(x: float, y: float) -> tuple[float, float]:
        return round(_MARGIN + x * size, 1), round(_SIDE - _MARGIN - y * size, 1)

    (left, bottom), (right, top) = at(0, 0), at(1, 1)
    circles = "".join(
        f'<circle class="lk-mark-passed" cx="{at(sure, true)[0]}" cy="{at(sure, true)[1]}" '
        f'r="{min(12, 4 + 2 * n)}"/>'
        for _, _, n, sure, true in bands
    )
    body = (
        f'<rect class="lk-frame" x="{left}" y="{top}" width="{size}" height="{size}"/>'
        f'<line class="lk-target" x1="{left}" y1="{bottom}" x2="{right}" y2="{top}"/>{circles}'
        f'<text x="{left}" y="{bottom + 18}">0 % sure</text>'
        f'<text x="{right}" y="{bottom + 18}" text-anchor="end">100 % sure</text>'
        f'<text x="{left - 6}" y="{bottom}" text-anchor="end">0</text>'
        f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">1</text>'
    )
    told = "; ".join(f"{sure:.0%} sure, {true:.0%} right, {n} predictions" for _, _, n, sure, true in bands)
    return _svg(_SIDE, _SIDE, f"Confidence against what came true: {told}", body)


def _svg(width: int, height: int, title: str, body: str) -> Markup:
    # The body holds numbers and words of ours; the title, which does not, is escaped.
    return Markup(  # noqa: S704
        f'<svg class="lk-chart" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )
