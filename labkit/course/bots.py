"""Players that show what a threshold is worth: one who knows how, one idle, one lazy.

A lab's ``bots.py`` says what each of them hands in; here they play, and their runs are
recorded in ``reference.json``, which the declaration is held to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.core.errors import UnknownNameError
from labkit.course.lab import Lab
from labkit.course.measuring import measure
from labkit.course.modules import load_module

__all__ = ["BOTS", "BotResult", "as_rows", "record", "run_bot"]

BOTS = ("reference", "nothing", "lazy")


@dataclass(frozen=True, slots=True)
class BotResult:
    """One checkpoint as a bot left it."""

    objective: str
    checkpoint: str
    measured: float
    target: str
    passed: bool


def run_bot(
    lab: Lab,
    bot: str,
    *,
    seed: int = 0,
    scenario: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[BotResult]:
    """Let a bot play one variant of a lab; nothing is written anywhere.

    Parameters
    ----------
    lab : Lab
        The lab.
    bot : str
        ``reference``, ``nothing`` or ``lazy``.
    seed : int
        Which variant.
    scenario : str, optional
        Id of the scenario; by default the first.
    progress : function, optional
        ``progress(done, total, message)`` while a victim is trained.

    Raises
    ------
    UnknownNameError
        When there is no such bot or scenario.
    """
    if bot not in BOTS:
        raise UnknownNameError("bot", bot, BOTS)
    setting = lab.scenarios[0] if scenario is None else lab.find_scenario(scenario)
    case = load_module(lab, "case").make_case(setting, seed, progress)
    results = []
    for checkpoint_id, artefacts in getattr(load_module(lab, "bots"), bot)(case):
        checkpoint = lab.find_checkpoint(checkpoint_id)
        feedback = measure(lab, checkpoint, case, artefacts)
        results.append(
            BotResult(
                objective=checkpoint.objective,
                checkpoint=checkpoint.id,
                measured=feedback.measured,
                target=str(feedback.target),
                passed=feedback.passed,
            )
        )
    return results


def record(
    lab: Lab, *, seeds: Iterable[int], progress: Callable[[int, int, str], None] | None = None
) -> Path:
    """Let every bot play every scenario over ``seeds`` and keep what was measured.

    Returns
    -------
    Path
        ``reference.json`` in the lab's folder: ``{"seeds": [...], "scenarios": {scenario:
        {checkpoint: {bot: [measured, ...]}}}}``.
    """
    chosen = list(seeds)
    total = len(lab.scenarios) * len(chosen) * len(BOTS)
    done = 0
    scenarios: dict[str, dict[str, dict[str, list[float]]]] = {}
    for scenario in lab.scenarios:
        kept = scenarios.setdefault(scenario.id, {})
        for seed in chosen:
            for bot in BOTS:
                for result in run_bot(lab, bot, seed=seed, scenario=scenario.id):
                    runs = kept.setdefault(result.checkpoint, {name: [] for name in BOTS})
                    runs[bot].append(round(result.measured, 4))
                done += 1
                if progress is not None:
                    progress(done, total, f"{scenario.id}, seed {seed}, {bot}")
    path = lab.folder / "reference.json"
    _write(path, {"seeds": chosen, "scenarios": scenarios})
    return path


def as_rows(results: Iterable[BotResult]) -> list[dict[str, object]]:
    """Return results as JSON can hold them."""
    return [asdict(result) for result in results]


def _write(path: Path, content: object) -> None:
    """Write with one list of runs a line, so that a change can be read in a diff."""
    text = json.dumps(content, indent=1, sort_keys=True)
    # json puts every number on a line of its own; bring the runs of a bot together again.
    parts = text.split("[")
    text = "[".join(
        [parts[0]]
        + [" ".join(part[: part.index("]")].split()) + part[part.index("]") :] for part in parts[1:]]
    )
    partial = path.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
