"""Days on a line: a drawing in the page, with the same as text for whoever does not see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from labkit.governance.obligations import Duty
from labkit.ui.governance.common import say_day
from labkit.ui.html import escape

__all__ = ["timeline"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _LINE = 760, 130, 60, 60, 70


def timeline(title: str, duties: Sequence[Duty], today: date, release: date) -> str:
    """Return a line with today, the release, and each day on which duties begin.

    Parameters
    ----------
    title : str
        Of the system.
    duties : sequence of Duty
    today, release : date
    """
    ahead: dict[date, int] = {}
    for duty in duties:
        if duty.applies_from and duty.applies_from > today:
            ahead[duty.applies_from] = ahead.get(duty.applies_from, 0) + 1
    holding = sum(duty.in_force(today) for duty in duties)
    end = max([release, *ahead])
    span = max(1, (end - today).days)

    def at(day: date) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (day - today).days / span

    marks = [
        _mark(_LEFT, "■", f"{holding} in force", "today, " + str(today), above=False),
        _mark(at(release), "◆", "release", str(release), above=True),
        *(
            _mark(at(day), "▲", f"{count} begin" if count > 1 else "1 begins", str(day), above=False)
            for day, count in sorted(ahead.items())
        ),
    ]
    words = "; ".join(f"{count} from {say_day(day)}" for day, count in sorted(ahead.items()))
    text = (
        f"{title}: {holding} obligations are in force on {say_day(today)}; "
        f"{words or 'none begins later'}. The release is planned for {say_day(release)}."
    )
    return (
        f'<figure class="lk lk-plot"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" width="100%" '
        f'aria-label="{escape(text)}" style="max-width:{_WIDTH}px;font-size:13px">'
        f'<line x1="{_LEFT}" y1="{_LINE}" x2="{_WIDTH - _RIGHT}" y2="{_LINE}" stroke="currentColor"/>'
        f"{''.join(marks)}</svg><figcaption>{escape(text)}</figcaption></figure>"
    )


def _mark(x: float, sign: str, words: str, day: str, *, above: bool) -> str:
    first, second = (_LINE - 38, _LINE - 22) if above else (_LINE + 24, _LINE + 40)
    lines = "".join(
        f'<text x="{x:.0f}" y="{y}" text-anchor="middle" fill="currentColor">{escape(line)}</text>'
        for y, line in ((first, words), (second, day))
    )
    sign_text = f'<text x="{x:.0f}" y="{_LINE + 5}" text-anchor="middle" fill="currentColor">{sign}</text>'
    return sign_text + lines
