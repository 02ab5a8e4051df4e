"""What a task asks for, and what of it is handed in."""

from __future__ import annotations

from typing import Any

from labkit.exams.sitting import Sitting
from labkit.exams.task import HandInField
from labkit.exams.task.asking import form_of
from labkit.ui.controls import column, output
from labkit.ui.exam.questions import headed
from labkit.ui.html import Fragment, badge, escape, table

__all__ = ["task_page"]


def task_page(sitting: Sitting, slot: str, *, arrive: bool = False) -> Any:
    """Return the brief of a task, its fields and their state; see :func:`labkit.ui.exam.questions.headed`."""
    task = sitting.task(slot)
    place = next(each for each in sitting.state().tasks if each.id == slot)
    facts = sitting.materials(slot).facts
    rows = [
        (each.name, form_of(each, facts), each.about, Fragment(_state(each, place.version, place.missing)))
        for each in task.fields
    ]
    points = f"{task.points:g} points, about {task.minutes} minutes"
    head = headed(f"{slot} {task.title}", points, arrive=arrive)
    return column(
        output(f'<div class="lk">{head}</div>'),
        output(f'<div class="lk lk-brief">{_words(sitting.brief(slot))}</div>'),
        output(table("What is handed in", ("Field", "As", "What it is", "State"), rows)),
        output(
            f'<p class="lk"><strong>Handing in.</strong> Work in the cells below and end with '
            f'<code>exam.hand_in("{escape(slot)}", ...)</code>. It answers at once whether everything is as '
            "it was asked for, and never what it is worth.</p>"
        ),
    )


def _state(field: HandInField, version: int, missing: tuple[str, ...]) -> str:
    if version and field.name not in missing:
        return badge("good", f"handed in, version {version}")
    return badge("open", "open")


def _words(markdown: str) -> str:
    """Return Markdown as HTML, without its title; tags in it are shown as text."""
    import mistune

    first, _, rest = markdown.partition("\n")
    markdown = rest if first.startswith("# ") else markdown
    return str(mistune.html(escape(markdown).replace("&quot;", '"').replace("&#x27;", "'")))
