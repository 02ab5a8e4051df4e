"""Train the victims that the labs need, at low priority, while the participant reads.

A program of its own, started by the server; each line that it prints is one state of one
victim as JSON: ``{"name": "cnn on digits", "state": "training", "share": 0.4}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator

from labkit import data
from labkit.core.errors import LabkitError
from labkit.course import labs
from labkit.models import load_victim, trained

__all__ = ["main", "wanted"]


def wanted() -> Iterator[tuple[str, str]]:
    """Return architecture and data set of every victim of the labs, once each, in their order."""
    pairs = ((each.victim, each.dataset) for lab in labs() for each in lab.scenarios)
    yield from dict.fromkeys((victim, dataset) for victim, dataset in pairs if victim and dataset)


def main() -> None:
    """Train what is missing; a victim that is there costs a look."""
    with contextlib.suppress(OSError, AttributeError):  # Windows has no nice
        os.nice(10)
    pairs = list(wanted())
    for victim, dataset in pairs:
        _say(victim, dataset, "waiting", 0.0)
    for victim, dataset in pairs:
        # Whatever is wrong here is said where it matters: when the lab itself is opened.
        try:
            _prepare(victim, dataset)
        except LabkitError:
            _say(victim, dataset, "failed", 0.0)


def _prepare(victim: str, dataset: str) -> None:
    loaded = data.load(dataset)
    if not trained(victim, loaded):
        _say(victim, dataset, "training", 0.0)
        load_victim(
            victim,
            loaded,
            progress=lambda done, total, _: _say(victim, dataset, "training", done / max(1, total)),
        )
    _say(victim, dataset, "ready", 1.0)


def _say(victim: str, dataset: str, state: str, share: float) -> None:
    said = {"name": f"{victim} on {dataset}", "state": state, "share": round(share, 3)}
    try:
        print(json.dumps(said), flush=True)
    except OSError:
        # The server has gone, and nobody waits for the rest.
        sys.exit(0)


if __name__ == "__main__":
    main()
