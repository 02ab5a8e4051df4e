"""Small pictures for the pages, as SVG text with a text alternative."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from labkit.course import Attempt, Checkpoint

__all__ = ["attempts_chart"]

_WIDTH, _HEIGHT, _EDGE = 260, 90, 12


def attempts_chart(checkpoint: Checkpoint, attempts: Sequence[Attempt]) -> Markup:
    """Return a learner's attempts at a checkpoint over time, or nothing when there are none.

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
        else f'<rect class="lk-mark-missed" x="{cx - 4}" y="{cy - 4}" width="8" height="8"/>'
        for (cx, cy), attempt in zip(spots, points, strict=True)
    ]
    told = "; ".join(
        f"attempt {i}: {value:.3g}, {'reached' if attempt.passed else 'not reached'}"
        for i, (value, attempt) in enumerate(zip(values, points, strict=True), start=1)
    )
    line = " ".join(f"{cx},{cy}" for cx, cy in spots)
    # Everything is a number but the two texts, which are escaped.
    return Markup(  # noqa: S704
        f'<svg class="lk-chart" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f"<title>{escape(checkpoint.title)}: target {escape(str(checkpoint.target))}; {escape(told)}</title>"
        f'<line class="lk-target" x1="0" x2="{_WIDTH}" y1="{y(target)}" y2="{y(target)}"/>'
        f'<polyline class="lk-path" points="{line}"/>{"".join(marks)}</svg>'
    )
