"""What the panels of the studio share: pictures in words, lists of threats, files to take away."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from labkit.governance import threatmodel as tm
from labkit.ui.controls import output
from labkit.ui.html import Fragment, badge, details, escape, table
from labkit.ui.session import LabSession

__all__ = [
    "LEVEL_KINDS",
    "asset_table",
    "downloads",
    "files_of",
    "flow_table",
    "heading",
    "model_with",
    "part_notes",
    "parts_of",
    "picture",
    "threat_name",
    "threat_table",
    "threats_of",
]

LEVEL_KINDS = {"low": "open", "medium": "info", "high": "warn", "critical": "bad"}
Key = tuple[str, str]


def picture(svg: str, words: str, width: str = "100%") -> str:
    """Return an SVG as a picture of its own, so that its style stays in it, with ``words`` in its place."""
    data = base64.b64encode(svg.encode()).decode("ascii")
    source = f"data:image/svg+xml;base64,{data}"
    # Its shape is said, so that nothing below it moves once it is drawn.
    shape = svg.partition('viewBox="0 0 ')[2].partition('"')[0].replace(" ", "/")
    return (
        '<div class="lk lk-scroll" tabindex="0" role="group" aria-label="Picture, may scroll sideways">'
        f'<img src="{source}" alt="{escape(words)}" '
        f'style="max-width:none;width:{width};min-width:46em;aspect-ratio:{shape}"></div>'
    )


def flow_table(model: tm.SystemModel) -> str:
    """Return what the numbers on the arrows mean."""
    rows = [
        (
            number,
            model.title(flow.id),
            flow.data,
            "crosses a boundary" if model.crosses(flow) else "inside one zone",
        )
        for number, flow in enumerate(model.flows, start=1)
    ]
    return details(
        "What the numbers stand for", table("Flows", ("Number", "From and to", "Data", "Boundary"), rows)
    )


def parts_of(model: tm.SystemModel) -> list[tuple[str, str]]:
    """Return elements and flows as options of a list: what each is, and its id."""
    elements = [(f"{each.name} ({each.kind})", each.id) for each in model.elements]
    flows = [(f"flow {n}: {model.title(each.id)}", each.id) for n, each in enumerate(model.flows, start=1)]
    return [*elements, *flows]


def part_notes(model: tm.SystemModel, id: str) -> str:
    """Return the notes of one part as a list."""
    part = model.find(id)
    notes = "".join(f"<li>{escape(note)}</li>" for note in part.notes) or "<li>No notes.</li>"
    head = f"<strong>{escape(model.title(id))}</strong>. Notes of those who built it:"
    return f'<div class="lk"><p>{head}</p><ul>{notes}</ul></div>'


def threats_of(lab: LabSession) -> dict[Key, tm.Threat]:
    """Return the threats that the participant has noted, by part and letter.

    Which threats there are is kept in one place only, how the studio was left; the register keeps
    what was said about them.  What was taken out in the studio is gone from both.
    """
    if "threats" not in lab.shelf:
        known = set(tm.every_pair(lab.case.model))
        kept = lab.memory.state("studio").get("threats", [])
        pairs = [tuple(pair) for pair in kept if isinstance(pair, list)] if isinstance(kept, list) else []
        lab.shelf["threats"] = {key: tm.Threat(*key) for key in pairs if key in known}
    found: dict[Key, tm.Threat] = lab.shelf["threats"]
    return found


def model_with(model: tm.SystemModel, threats: Iterable[tm.Threat]) -> tm.SystemModel:
    """Return a model with these threats in the place of its own."""
    return replace(model, threats=tuple(threats))


def threat_name(model: tm.SystemModel, key: Key) -> str:
    """Return what a threat is called: its category and its place."""
    where, what = key
    return f"{tm.CATEGORIES[what].name} at {model.title(where)}"


def heading(words: str) -> Any:
    """Return the title of a part of a panel."""
    return output(f'<div class="lk"><h3>{escape(words)}</h3></div>')


def asset_table(model: tm.SystemModel) -> str:
    """Return what is worth protecting, and where it lies; the numbers are those in the picture."""
    rows = [
        (number, asset.name, model.title(asset.at), f"{asset.worth}, {tm.IMPACT[asset.worth]}")
        for number, asset in enumerate(model.assets, start=1)
    ]
    head = ("Number", "Asset", "Lies at", "What losing it means")
    return details(f"What is worth protecting: {len(rows)}", table("Assets", head, rows))


def threat_table(model: tm.SystemModel, threats: Mapping[Key, tm.Threat], caption: str) -> str:
    """Return the noted threats, with rating, owner and mitigation where there are any."""
    if not threats:
        return '<div class="lk"><p class="lk-muted">Nothing is noted yet.</p></div>'
    rows = []
    for threat in threats.values():
        score = threat.likelihood * threat.impact
        rated = tm.level(score) if score else ""
        rows.append(
            (
                model.title(threat.target),
                tm.CATEGORIES[threat.category].name,
                threat.technique or "none",
                Fragment(badge(LEVEL_KINDS[rated], f"{score} {rated}")) if rated else "not rated",
                threat.owner or "nobody",
                threat.mitigation or "none",
            )
        )
    head = ("Where", "Threat", "ATLAS technique", "Risk", "Owner", "Mitigation")
    return f'<div class="lk">{table(caption, head, rows)}</div>'


def files_of(model: tm.SystemModel) -> dict[str, str]:
    """Return the three files of a threat model: name to content."""
    return {
        "threat-model.json": tm.write_model(model),
        "diagram.svg": tm.draw(model),
        "risk-register.csv": tm.write_register(model),
    }


_TYPES = {"json": "application/json", "svg": "image/svg+xml", "csv": "text/csv"}


def downloads(files: Mapping[str, str]) -> str:
    """Return links that save each file; nothing is asked of a server."""
    links = [
        f'<a download="{escape(name)}" href="data:{_TYPES[name.rpartition(".")[2]]};charset=utf-8,'
        f'{quote(content)}">{escape(name)}</a>'
        for name, content in files.items()
    ]
    return f'<div class="lk"><p>Take away: {" · ".join(links)}</p></div>'
