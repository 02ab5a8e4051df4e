"""Thresholds rest on recorded runs: the reference reaches them, doing nothing does not."""

from __future__ import annotations

import json
import math
from typing import Any

from labkit.core.errors import DeclarationError
from labkit.course.lab import Checkpoint, Lab
from labkit.course.tables import Source

__all__ = ["check_references"]


def check_references(lab: Lab, source: Source) -> None:
    """Check every threshold of ``lab`` against the runs in its ``reference.json``.

    Raises
    ------
    DeclarationError
        When a checkpoint has no recorded run in some scenario, the recorded reference
        misses the target, or doing nothing meets it.
    """
    recorded = _read(lab)
    for position, checkpoint in enumerate(lab.checkpoints):
        key = "at_least" if checkpoint.target.at_least is not None else "at_most"
        for scenario in lab.scenarios:
            runs = recorded.get(scenario.id, {}).get(checkpoint.id, {})
            if problem := _problem(checkpoint, runs):
                raise source.error(
                    ("checkpoint", position, key),
                    f"the threshold of {checkpoint.id!r} in scenario {scenario.id!r}: {problem}; record the "
                    f"runs again with `labkit bot {lab.id} --record`, or move the threshold",
                )


def _problem(checkpoint: Checkpoint, runs: dict[str, Any]) -> str:
    for player in ("reference", "nothing"):
        values = runs.get(player)
        if not values:
            return f"reference.json has no run of the {player} bot"
        if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
            return f"the runs of the {player} bot are not all finite numbers"
    target = checkpoint.target
    if missed := [value for value in runs["reference"] if not target.met(value)]:
        return f"the reference solution misses '{target}': {len(missed)} runs, such as {missed[0]:.4g}"
    if met := [value for value in runs["nothing"] if target.met(value)]:
        return f"doing nothing meets '{target}': {len(met)} runs, such as {met[0]:.4g}"
    return ""


def _read(lab: Lab) -> dict[str, Any]:
    path = lab.folder / "reference.json"
    if not path.is_file():
        return {}
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeclarationError(path, None, f"expected recorded reference runs, got {error!r}") from error
    for scenario, checkpoints in recorded.items():
        stale = checkpoints.keys() - {checkpoint.id for checkpoint in lab.checkpoints}
        if stale or scenario not in {each.id for each in lab.scenarios}:
            raise DeclarationError(
                path,
                None,
                f"runs of {scenario!r} ({', '.join(sorted(stale)) or 'scenario'}) that is not declared",
            )
    return recorded
