"""The risk register as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io

from labkit.core.tables import for_spreadsheet
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
                for_spreadsheet(model.title(threat.target)),
                for_spreadsheet("; ".join(asset.name for asset in model.assets if asset.at == threat.target)),
                CATEGORIES[threat.category].name,
                for_spreadsheet(threat.technique),
                _title(threat.technique),
                threat.likelihood or "",
                threat.impact or "",
                score or "",
                level(score) if score else "",
                for_spreadsheet(threat.owner),
                for_spreadsheet(threat.mitigation),
                _title(threat.mitigation),
            ]
        )
    return text.getvalue()


def _title(id: str) -> str:
    """Return the title of an ATLAS id; empty for one that the bundled release does not have."""
    return {**techniques(), **mitigations()}.get(id, "")
