"""The parts of a lab that sum up: header, timeline, evidence, debrief."""

from __future__ import annotations

from labkit.core import UnknownNameError
from labkit.course import DemoState, Session
from labkit.course.events import LabProgress
from labkit.governance import standards
from labkit.ui import plots
from labkit.ui.cards import (
    facts_table,
    map_bar,
    say_value,
    scenario_links,
    standards_list,
    status_badge,
    storage_callout,
)
from labkit.ui.html import badge, callout, card, details, escape
from labkit.ui.theme import STYLE
from labkit.ui.work import on_dashboard

__all__ = ["debrief", "evidence", "header", "timeline"]


def header(session: Session, warning: str | None = None, demo: DemoState | None = None) -> str:
    """Return who one is here, what happened, where this lies, and how far one has come."""
    lab, scenario = session.lab, session.scenario
    progress = session.progress()
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in (("Your role", lab.role), ("Time", f"about {lab.minutes} minutes"))
    )
    steps = "".join(f"<li>{_status(progress, c.id)} {escape(c.title)}</li>" for c in lab.checkpoints)
    links = scenario_links(
        lab.id, [(s.id, s.title) for s in lab.scenarios], scenario.id, served=on_dashboard()
    )
    body = (
        f"<p>{escape(lab.story)}</p><p>{escape(scenario.story)}</p><dl>{facts}</dl>"
        f"{map_bar(lab.domain)}{links}"
        f"<p><strong>{len(progress.passed)} of {len(lab.checkpoints)} checkpoints reached</strong></p>"
        f'<ul class="lk-plain">{steps}</ul>{standards_list(map(_standard, lab.standards))}'
    )
    notices = storage_callout(session.storage_warning) + (callout("warn", warning) if warning else "")
    return f"<style>{STYLE}</style>{_demo(demo)}{notices}{card(f'{lab.id} {lab.title}', body, level=2)}"


def _demo(demo: DemoState | None) -> str:
    if demo is None:
        return ""
    body = f"<p>{escape(demo.say)}</p>"
    return card(demo.title, body, level=2, aside=badge("info", "live demo"))


def _standard(id: str) -> tuple[str, str, str]:
    try:
        entry = standards.lookup(id)
    except UnknownNameError:
        return id, "not in the bundled lists", ""
    return id, entry.title, f"{entry.standard} {entry.edition}".strip()


def _status(progress: LabProgress, checkpoint: str) -> str:
    return status_badge(checkpoint in progress.passed, len(progress.attempts.get(checkpoint, ())))


def timeline(session: Session) -> str:
    """Return every checkpoint with the chart of one's own attempts."""
    parts = []
    for checkpoint in session.lab.checkpoints:
        tried = [a for a in session.attempts(checkpoint.id) if a.measured is not None]
        if not tried:
            parts.append(f"<p>{escape(checkpoint.title)}: {badge('open', 'not tried yet')}</p>")
            continue
        target = checkpoint.target
        picture = plots.attempts(
            [float(a.measured or 0.0) for a in tried],
            [a.passed for a in tried],
            target.threshold,
            unit=checkpoint.unit,
            rising=target.at_least is not None,
        )
        parts.append(f"<h4>{escape(checkpoint.title)}</h4>{picture.markup()}")
    return card("Your attempts", "".join(parts))


def evidence(session: Session) -> str:
    """Return what the evidence pack of this lab holds."""
    lab, progress = session.lab, session.progress()
    found = [
        (c.title, tried[-1].measured, c.unit, tried[-1].passed)
        for c in lab.checkpoints
        if (tried := progress.attempts.get(c.id, ()))
    ]
    if not found:
        words = "Nothing to show yet: hand something in first."
        return card(f"Evidence: {lab.artefact.title}", f"<p>{escape(words)}</p>")
    lines = "".join(
        f"<li>{badge('good', 'reached') if passed else badge('warn', 'not reached yet')} {escape(title)}: "
        f"{escape(say_value(float('nan') if value is None else value, unit))}</li>"
        for title, value, unit, passed in found
    )
    case = facts_table(
        {
            "scenario": session.scenario.title,
            "norm": session.scenario.norm,
            "epsilon": session.scenario.epsilon,
            "inputs": session.scenario.samples,
            "variant (seed)": str(session.seed),
        }
    )
    body = f'<ul class="lk-plain">{lines}</ul>{details("How it was measured", case)}'
    return card(f"Evidence: {lab.artefact.title}", body)


def debrief(session: Session) -> str:
    """Return what was measured in the end, how well one predicted, and what changes at scale."""
    lab, progress = session.lab, session.progress()
    lines = []
    for checkpoint in lab.checkpoints:
        tried = progress.attempts.get(checkpoint.id, ())
        best = next((a for a in reversed(tried) if a.passed), tried[-1] if tried else None)
        value = float("nan") if best is None or best.measured is None else best.measured
        measured = "" if best is None else f": {say_value(value, checkpoint.unit)}"
        lines.append(
            f"<li>{_status(progress, checkpoint.id)} {escape(checkpoint.title)}{escape(measured)}</li>"
        )
    parts = [card("What you measured", f'<ul class="lk-plain">{"".join(lines)}</ul>')]
    known = [p for p in progress.predictions.values() if p.right is not None]
    if known:
        picture = plots.calibration([p.confidence / 100 for p in known], [bool(p.right) for p in known])
        parts.append(card("How well you knew", picture.markup()))
    parts.append(card("What changes at scale", f"<p>{escape(lab.at_scale)}</p>"))
    return "".join(parts)
