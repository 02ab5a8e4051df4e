"""Record what the bots measure over many variants: ``reference.json``, which thresholds rest on."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from labkit.core.errors import DeclarationError
from labkit.core.files import write_whole
from labkit.core.machine import threads
from labkit.course.bots import BOTS, play
from labkit.course.lab import Lab, Scenario
from labkit.course.modules import load_module

__all__ = ["record"]

_DIGITS = 4
_LIST = re.compile(r"\[[^\[\]{}]*\]")


_Runs = dict[str, dict[str, list[float | None]]]


def record(
    lab: Lab,
    *,
    seeds: Iterable[int],
    scenario: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Let every bot play every scenario over ``seeds`` and keep what was measured.

    Nothing is written before all of them have played.

    Parameters
    ----------
    lab : Lab
        May have been read without its references.
    seeds : iterable of int
        The variants.
    scenario : str, optional
        Play this scenario only, and keep what is recorded of the others.
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
    path = lab.folder / "reference.json"
    metrics = {each.id: each.metric for each in lab.checkpoints}
    kept = {} if scenario is None else _kept(path, metrics, chosen)
    played = lab.scenarios if scenario is None else (lab.find_scenario(scenario),)
    runs = {name: of for name, of in kept.items() if name in {each.id for each in lab.scenarios}}
    total = len(played) * len(chosen) * len(BOTS)
    for position, each in enumerate(played):

        def tell(done: int, message: str, before: int = position * len(chosen) * len(BOTS)) -> None:
            if progress is not None:
                progress(before + done, total, message)

        runs[each.id] = _play_all(lab, each, chosen, tell)
    _write(path, {"version": 1, "metrics": metrics, "seeds": chosen, "scenarios": runs})
    return path


def _play_all(lab: Lab, scenario: Scenario, seeds: list[int], tell: Callable[[int, str], None]) -> _Runs:
    """Return what every bot measured at every checkpoint, in the order of ``seeds``."""
    runs: _Runs = {each.id: {bot: [] for bot in BOTS} for each in lab.checkpoints}
    done = 0
    for seed in seeds:
        with threads():
            case = load_module(lab, "case").make_case(scenario, seed, None)
            for bot in BOTS:
                for result in play(lab, bot, case):
                    runs[result.checkpoint][bot].append(_rounded(result.measured))
                done += 1
                tell(done, f"{lab.id}, {scenario.id}, seed {seed}, {bot}")
    return runs


def _kept(path: Path, metrics: dict[str, str], seeds: list[int]) -> dict[str, _Runs]:
    """Return the recorded runs of all scenarios, or say why they cannot stay beside new ones."""
    if not path.is_file():
        return {}
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        same = recorded["metrics"] == metrics and recorded["seeds"] == seeds
        runs: dict[str, _Runs] = recorded["scenarios"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeclarationError(
            path, None, f"expected recorded runs, got {error!r}; record all again"
        ) from None
    if not same:
        raise DeclarationError(
            path, None, "was recorded for other checkpoints or seeds; record all scenarios again"
        )
    return runs


def _rounded(measured: float) -> float | None:
    return round(measured, _DIGITS) if math.isfinite(measured) else None


def _write(path: Path, content: object) -> None:
    """Write with one list of runs a line, so that a change can be read in a diff."""
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    text = _LIST.sub(lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text)
    write_whole(path, f"{text}\n".encode())
