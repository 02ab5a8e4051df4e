"""The printable page of an evidence pack: one file, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

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
@media print { h2 { break-before: page; } h2:first-of-type { break-before: auto; } }
"""


def render(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the page for entries as they stand in the pack."""
    body = "".join(_entry(entry) for entry in entries) or "<p>Nothing has been added yet.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evidence pack</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        "<h1>Evidence pack</h1>"
        "<p>What was measured in the labs, with the settings that make it repeatable. It was measured on "
        "the participant's own machine and is not a certificate.</p>"
        f"{body}</main></body></html>\n"
    )


def _entry(entry: Mapping[str, Any]) -> str:
    facts = dict(entry["facts"])
    checkpoints = facts.pop("checkpoints", {})
    return (
        f"<h2>{escape(str(entry['lab']))}: {escape(str(entry['title']))}</h2>"
        f'<p class="quiet">Added {escape(str(entry["at"]))}, labkit {escape(str(entry["version"]))}</p>'
        + _checkpoints(checkpoints)
        + _table("Setting and notes", ["what", "value"], [(_words(key), _text(facts[key])) for key in facts])
        + _table(
            "Files",
            ["file", "SHA-256"],
            [(a["path"], f"<code>{escape(a['sha256'])}</code>") for a in entry["artifacts"]],
            escaped=True,
        )
    )


def _checkpoints(checkpoints: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (
            str(each.get("title", name)),
            "-" if each.get("measured") is None else f"{each['measured']:.3g}",
            str(each.get("target", "")),
            "reached" if each.get("passed") else "not reached",
            str(each.get("attempts", "")),
        )
        for name, each in checkpoints.items()
    ]
    return _table("Measurements", ["checkpoint", "measured", "target", "result", "attempts"], rows)


def _table(
    caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, escaped: bool = False
) -> str:
    """Return a table, or nothing without rows; with ``escaped`` the last column is HTML already."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    lines = []
    for first, *rest in rows:
        cells = [escape(cell) for cell in rest]
        if escaped:
            cells[-1] = rest[-1]
        lines.append(
            f'<tr><th scope="row">{escape(first)}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _words(key: str) -> str:
    return key.replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(str(key))}: {_text(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(each) for each in value)
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
