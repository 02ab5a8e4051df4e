"""The risk register as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io

from labkit.governance.threatmodel.catalogue import mitigations, techniques
from labkit.governance.threatmodel.model import SystemModel
from labkit.governance.threatmodel.risk import level
from labkit.governance.threatmodel.stride import CATEGORIES

__all__ = ["write_register"]

_HEAD = (
    "where",
    "assets",
    "threat",
    "technique",
    "technique_title",
    "likelihood",
    "impact",
    "score",
    "level",
    "owner",
    "mitigation",
    "mitigation_title",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_register(model: SystemModel) -> str:
    """Return the threats of a model as CSV, the worst first.

    A text that a spreadsheet would run as a formula is given a leading apostrophe (CWE-1236).
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(_HEAD)
    for threat in sorted(model.threats, key=lambda each: -each.likelihood * each.impact):
        score = threat.likelihood * threat.impact
        table.writerow(
            [
                _plain(model.title(threat.target)),
                _plain("; ".join(asset.name for asset in model.assets if asset.at == threat.target)),
                CATEGORIES[threat.category].name,
                _plain(threat.technique),
                _title(threat.technique),
                threat.likelihood or "",
                threat.impact or "",
                score or "",
                level(score) if score else "",
                _plain(threat.owner),
                _plain(threat.mitigation),
                _title(threat.mitigation),
            ]
        )
    return text.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _title(id: str) -> str:
    """Return the title of an ATLAS id; empty for one that the bundled release does not have."""
    return {**techniques(), **mitigations()}.get(id, "")
