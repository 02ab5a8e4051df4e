"""``labkit labs``: the catalogue in the terminal."""

from __future__ import annotations

import argparse
import json

from labkit.core.tables import format_table
from labkit.course.catalogue import labs

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print every lab."""
    found = labs()
    if args.json:
        rows = [
            {
                "id": lab.id,
                "title": lab.title,
                "minutes": lab.minutes,
                "domain": lab.domain,
                "route": lab.route,
                "prerequisites": list(lab.prerequisites),
                "objectives": [{"id": each.id, "text": each.text} for each in lab.objectives],
                "standards": list(lab.standards),
            }
            for lab in found
        ]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    print(
        format_table(
            ["id", "title", "minutes", "domain", "needs", "about"],
            [
                [lab.id, lab.title, lab.minutes, lab.domain, ", ".join(lab.prerequisites) or "-", lab.summary]
                for lab in found
            ],
        )
    )
    return 0
