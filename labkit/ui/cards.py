"""What a lab says about itself and about an attempt, as cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from labkit.scoring import Feedback
from labkit.ui.html import Fragment, badge, callout, card, details, escape, table

__all__ = ["STAGES", "facts_table", "feedback_card", "map_bar", "say_value", "standards_list", "status_badge"]

STAGES: Mapping[str, str] = {
    "D1": "Govern",
    "D2": "Design and build",
    "D3": "Data and privacy",
    "D4": "Test and harden",
    "D5": "Contain agents",
    "D6": "Monitor and respond",
    "D7": "Audit",
}
"""The stages of a system's life, in order, by the domain of the exam that covers each."""


def say_value(value: float, unit: str) -> str:
    """Return a measured value in its unit, as a person would say it."""
    if value != value:
        return "nothing to measure"
    if unit == "share":
        return f"{100 * value:.3g} %"
    if unit == "points":
        return f"{100 * value:.3g} points"
    return f"{value:.4g} {unit}".strip()


def say_target(feedback: Feedback) -> str:
    """Return the target of a check in words."""
    side = "at least" if feedback.target.at_least is not None else "at most"
    return f"{side} {say_value(feedback.target.threshold, feedback.unit)}"


def feedback_card(feedback: Feedback) -> Fragment:
    """Show one attempt: the verdict, what was measured and aimed at, why, and what to try next."""
    status = badge("good", "reached") if feedback.passed else badge("bad", "not reached yet")
    body = (
        f"<dl><dt>Measured</dt><dd>{escape(say_value(feedback.measured, feedback.unit))}</dd>"
        f"<dt>Target</dt><dd>{escape(say_target(feedback))}</dd></dl>"
        f"<p><strong>Why:</strong> {escape(feedback.why)}</p>"
        f"<p><strong>Next:</strong> {escape(feedback.next_probe)}</p>"
        + (details("Everything that was measured", facts_table(feedback.facts)) if feedback.facts else "")
    )
    markup = card(feedback.title or feedback.checkpoint, body, level=3, aside=status)
    return Fragment(f'<div role="status">{markup}</div>', str(feedback))


def facts_table(facts: Mapping[str, object]) -> str:
    """Return named findings as a table."""
    rows = [(name.replace("_", " "), _plain(value)) for name, value in facts.items()]
    return table("Findings", ("What", "Value"), rows)


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def status_badge(passed: bool, tries: int) -> str:
    """Return the state of a checkpoint as an icon and words."""
    if passed:
        return badge("good", "reached")
    return badge("open", "not tried yet") if not tries else badge("warn", f"not reached yet, {tries} tried")


def map_bar(domain: str) -> str:
    """Return the stages of a system's life with the one that a lab belongs to marked."""
    stages = "".join(
        f'<li aria-current="step">{escape(name)} (you are here)</li>'
        if key == domain
        else f"<li>{escape(name)}</li>"
        for key, name in STAGES.items()
    )
    return f'<ol class="lk-map" aria-label="Where this lab lies in the life of a system">{stages}</ol>'


def standards_list(entries: Iterable[tuple[str, str, str]]) -> str:
    """Return standards as a list that opens on request: id, title, standard."""
    rows = list(entries)
    if not rows:
        return ""
    inner = table("What this lab touches in published lists", ("Id", "Title", "List"), rows)
    return details(f"Standards: {len(rows)} entries", inner)


def scenario_links(lab: str, scenarios: Sequence[tuple[str, str]], current: str, *, served: bool) -> str:
    """Return the way to each other scenario: a link on a dashboard, a line of code elsewhere."""
    if len(scenarios) < 2:
        return ""
    parts = []
    for key, title in scenarios:
        if key == current:
            parts.append(f'<strong aria-current="true">{escape(title)} (this one)</strong>')
        elif served:
            parts.append(f'<a href="?scenario={escape(key)}">{escape(title)}</a>')
        else:
            code = f'labkit.open_lab("{lab}", scenario="{key}")'
            parts.append(f"{escape(title)}: <code>{escape(code)}</code>")
    return f"<p>Scenario: {' · '.join(parts)}</p>"


def storage_callout(warning: str | None) -> str:
    """Return the warning that progress could not be kept, or nothing."""
    return callout("warn", warning, title="Your progress is not being kept.") if warning else ""
