"""The printable page of an evidence pack: one file, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from labkit.evidence.entry import Evidence

__all__ = ["render"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-top: 2px solid #1b1f24;
  padding-top: .6rem; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border: 1px solid #5c6670; padding: .3rem .6rem; text-align: left; vertical-align: top; }
code { font-size: .85rem; overflow-wrap: anywhere; }
.quiet { color: #4a535e; }
@media print { body { margin: 0; max-width: none; } section + section { break-before: page; }
  tr { break-inside: avoid; } }
"""


def render(entries: Sequence[Evidence]) -> str:
    """Return the page for ``entries``, in their order."""
    body = "".join(_entry(number, entry) for number, entry in enumerate(entries, start=1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Evidence pack</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>Evidence pack</h1>"
        "<p>What was measured in the labs, with the settings that make it repeatable. It was measured on "
        "the participant's own machine and is not a certificate.</p>"
        f"{body or '<p>Nothing has been added yet.</p>'}</main></body></html>\n"
    )


def _entry(number: int, entry: Evidence) -> str:
    facts = dict(entry.facts)
    checkpoints = facts.pop("checkpoints", None)
    head = f"{entry.lab}: {entry.title}"
    about = f"Added {entry.at[:16].replace('T', ' ')} UTC, labkit {entry.version}"
    if entry.seed is not None:
        about += f", scenario {entry.scenario or '-'}, variant {entry.seed}"
    return (
        f'<section aria-labelledby="entry-{number}"><h2 id="entry-{number}">{escape(head)}</h2>'
        f'<p class="quiet">{escape(about)}</p>'
        + _table(
            "Measurements", ["checkpoint", "measured", "target", "result", "attempts"], _measured(checkpoints)
        )
        + _table("Settings and notes", ["what", "value"], [[_words(key), _text(facts[key])] for key in facts])
        + _table("Files", ["file", "SHA-256"], [[a.path, a.sha256] for a in entry.artifacts], code=True)
        + f'<p class="quiet">Digest of this entry: <code>{escape(entry.digest)}</code></p></section>'
    )


def _measured(checkpoints: Any) -> list[list[str]]:
    """Return a row for each checkpoint, whatever a pack from elsewhere holds in that place."""
    if not isinstance(checkpoints, Mapping):
        return []
    return [
        [
            _text(each.get("title", name)),
            _text(each.get("measured")),
            _text(each.get("target")),
            "reached" if each.get("passed") else "not reached",
            _text(each.get("attempts")),
        ]
        for name, each in checkpoints.items()
        if isinstance(each, Mapping)
    ]


def _table(
    caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, code: bool = False
) -> str:
    """Return a table, or nothing without rows; with ``code`` the cells after the first are set as code."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    left, right = ("<td><code>", "</code></td>") if code else ("<td>", "</td>")
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"{left}{escape(cell)}{right}" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _words(key: str) -> str:
    return key.replace("_", " ")


def _text(value: Any) -> str:
    """Return a fact in words and rounded numbers."""
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(str(key))}: {_text(each)}" for key, each in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_text(each) for each in value) or "-"
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
