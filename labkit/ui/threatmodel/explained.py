"""Why each entry of a list of threats is one or none, and why what is missing should be on it."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.governance import threatmodel as tm
from labkit.ui.html import Fragment, details, escape
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import threat_name

__all__ = ["findings"]

_QUOTED_AFTER, _TOLD_AFTER = 2, 3  # attempts
_QUOTED_FROM_HINT = 3


def findings(lab: LabSession, threats: Iterable[tuple[str, str]], checkpoint: str = "find") -> Fragment:
    """Return the why of every false alarm, every hit and every miss of a list that was handed in.

    What was missed is told in steps: which part and which question after the first attempt, the
    note itself after the second one or the third hint, all of it after the third attempt or once
    the checkpoint is reached.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``ThreatCase``.
    threats : iterable of (part, letter)
        What was handed in.
    checkpoint : str
        The checkpoint that takes them.
    """
    pairs = list(threats)
    made, model = lab.case.architecture, lab.case.model
    found = tm.compare(made, pairs)
    tries = len(lab.session.attempts(checkpoint))
    whole = tries >= _TOLD_AFTER or checkpoint in lab.session.progress().passed
    quote = tries >= _QUOTED_AFTER or lab.session.hint_state(checkpoint).level >= _QUOTED_FROM_HINT
    lists = {
        "False alarms and why": [(threat_name(model, key), f"{why}.") for key, why in found.false.items()],
        "Found and why it matters": [
            (f"{flaw.title} ({model.title(flaw.at)})", _why(lab, flaw)) for flaw in found.hits
        ],
    }
    told = bool(pairs) and (tries > 0 or whole)  # who handed in nothing has looked nowhere yet
    if told:
        lists["Missed and why"] = [
            (model.title(flaw.at), tm.why_missed(made, flaw, quote=quote, whole=whole))
            for flaw in found.missed
        ]
    note = _note(found, told=told, quote=quote, whole=whole)
    shown = {title: items for title, items in lists.items() if items}
    markup = "".join(details(f"{title}: {len(items)}", _list(items)) for title, items in shown.items())
    text = [line for title, items in shown.items() for line in (f"{title}: {len(items)}", *_lines(items))]
    muted = f'<p class="lk-muted">{escape(note)}</p>' if note else ""
    return Fragment(f'<div class="lk">{markup}{muted}</div>', "\n".join([*text, note]).strip())


def _why(lab: LabSession, flaw: tm.Flaw) -> str:
    return flaw.why.format(**lab.case.architecture.family.words)


def _note(found: tm.Findings, *, told: bool, quote: bool, whole: bool) -> str:
    if not found.missed or whole:
        return ""
    if not told:
        return "Where something is missing is told once you have handed in a list of your own."
    if quote:
        return "What each of them is, and why it matters, is told after the third attempt."
    return "The notes themselves are quoted after the second attempt, or with the third hint."


def _list(items: Iterable[tuple[str, str]]) -> str:
    lines = (f"<li><strong>{escape(head)}</strong>: {escape(why)}</li>" for head, why in items)
    return f"<ul>{''.join(lines)}</ul>"


def _lines(items: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {head}: {why}" for head, why in items]
