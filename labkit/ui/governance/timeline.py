"""Days on a line: a drawing in the page, with the same as text for whoever does not see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from labkit.governance.obligations import Duty
from labkit.ui.governance.common import say_day
from labkit.ui.html import escape

__all__ = ["timeline"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _LINE = 760, 130, 60, 60, 70
_APART, _LOWER = 105, 36  # labels nearer than that would overlap; so much lower stands the second of them


def timeline(title: str, duties: Sequence[Duty], today: date, release: date | None = None) -> str:
    """Return a line with today, the release, and each day on which duties begin.

    Parameters
    ----------
    title : str
        Of the system.
    duties : sequence of Duty
    today : date
    release : date, optional
        Left out where nothing is to be released.
    """
    ahead: dict[date, int] = {}
    settled = [duty for duty in duties if not duty.obligation.unsettled]
    for duty in settled:
        if duty.applies_from and duty.applies_from > today:
            ahead[duty.applies_from] = ahead.get(duty.applies_from, 0) + 1
    holding = sum(duty.in_force(today) for duty in settled)
    end = max([release or today, *ahead])
    span = max(1, (end - today).days)

    def at(day: date) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (day - today).days / span

    below = [(float(_LEFT), "■", f"{holding} in force", "today, " + str(today))]
    below += [
        (at(day), "▲", f"{count} begin" if count > 1 else "1 begins", str(day))
        for day, count in sorted(ahead.items())
    ]
    marks = _spread(below)
    marks += [_mark(at(release), "◆", "release", str(release), _LINE - 38)] if release else []
    words = "; ".join(f"{count} from {say_day(day)}" for day, count in sorted(ahead.items()))
    text = f"{title}: {holding} obligations are in force on {say_day(today)}; {words or 'none begins later'}."
    if len(settled) < len(duties):
        text += f" Of an uncertain day are {len(duties) - len(settled)} more."
    text += f" The release is planned for {say_day(release)}." if release else ""
    height = _HEIGHT + _LOWER if len(below) > 2 else _HEIGHT
    return (
        f'<figure class="lk lk-plot"><svg viewBox="0 0 {_WIDTH} {height}" role="img" width="100%" '
        f'aria-label="{escape(text)}" style="max-width:{_WIDTH}px;font-size:13px">'
        f'<line x1="{_LEFT}" y1="{_LINE}" x2="{_WIDTH - _RIGHT}" y2="{_LINE}" stroke="currentColor"/>'
        f"{''.join(marks)}</svg><figcaption>{escape(text)}</figcaption></figure>"
    )


def _spread(below: Sequence[tuple[float, str, str, str]]) -> list[str]:
    """Return the marks below the line; a label too near to the one before it stands lower."""
    marks, last, low = [], -float(_WIDTH), False
    for x, sign, words, day in below:
        low = x - last < _APART and not low
        marks.append(_mark(x, sign, words, day, _LINE + 24 + (_LOWER if low else 0)))
        last = x
    return marks


def _mark(x: float, sign: str, words: str, day: str, top: int) -> str:
    lines = "".join(
        f'<text x="{x:.0f}" y="{y}" text-anchor="middle" fill="currentColor">{escape(line)}</text>'
        for y, line in ((top, words), (top + 16, day))
    )
    sign_text = f'<text x="{x:.0f}" y="{_LINE + 5}" text-anchor="middle" fill="currentColor">{sign}</text>'
    return sign_text + lines
