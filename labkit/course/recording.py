"""Record what the bots measure over many variants: ``reference.json``, which thresholds rest on."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from labkit.core.errors import StorageError
from labkit.core.machine import threads
from labkit.course.bots import BOTS, play
from labkit.course.lab import Lab
from labkit.course.modules import load_module

__all__ = ["record"]

_DIGITS = 4
_LIST = re.compile(r"\[[^\[\]{}]*\]")


def record(
    lab: Lab, *, seeds: Iterable[int], progress: Callable[[int, int, str], None] | None = None
) -> Path:
    """Let every bot play every scenario over ``seeds`` and keep what was measured.

    Nothing is written before all of them have played.

    Parameters
    ----------
    lab : Lab
        May have been read without its references.
    seeds : iterable of int
        The variants.
    progress : function, optional
        ``progress(done, total, message)``, in bots that have played.

    Returns
    -------
    Path
        ``reference.json`` in the lab's folder: ``{"version": 1, "metrics": {checkpoint:
        metric}, "seeds": [...], "scenarios": {scenario: {checkpoint: {bot: [measured,
        ...]}}}}``; None stands where nothing could be measured.
    """
    chosen = sorted(set(seeds))
    total = len(lab.scenarios) * len(chosen) * len(BOTS)
    runs: dict[str, dict[str, dict[str, list[float | None]]]] = {
        scenario.id: {each.id: {bot: [] for bot in BOTS} for each in lab.checkpoints}
        for scenario in lab.scenarios
    }
    done = 0
    for scenario in lab.scenarios:
        for seed in chosen:
            with threads():
                case = load_module(lab, "case").make_case(scenario, seed, None)
                for bot in BOTS:
                    for result in play(lab, bot, case):
                        runs[scenario.id][result.checkpoint][bot].append(_kept(result.measured))
                    done += 1
                    if progress is not None:
                        progress(done, total, f"{lab.id}, {scenario.id}, seed {seed}, {bot}")
    metrics = {each.id: each.metric for each in lab.checkpoints}
    path = lab.folder / "reference.json"
    _write(path, {"version": 1, "metrics": metrics, "seeds": chosen, "scenarios": runs})
    return path


def _kept(measured: float) -> float | None:
    return round(measured, _DIGITS) if math.isfinite(measured) else None


def _write(path: Path, content: object) -> None:
    """Write with one list of runs a line, so that a change can be read in a diff."""
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    text = _LIST.sub(lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror}; what was there is intact") from error
