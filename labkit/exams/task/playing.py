"""Bots play a variant before a candidate does: what they measured sets the ends of the criteria."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import DeclarationError, InvalidInputError
from labkit.core.files import write_whole
from labkit.core.machine import threads
from labkit.evidence.entry import canonical
from labkit.exams.issued import Issued
from labkit.exams.task.checking import check_hand_in
from labkit.exams.task.marking import mark_task
from labkit.exams.task.reading import BOTS, load_code
from labkit.exams.task.types import Measured, Task, Variant

__all__ = ["Played", "fingerprint", "issue", "measure", "play", "record"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Played:
    """What the bots got on one variant.

    Attributes
    ----------
    variant : str
    issued : mapping of str to Any
        Fingerprint of the materials.
    metrics : mapping of str to mapping
        Bot to metric to value.
    earned : mapping of str to float
        Bot to points.
    problems : tuple of str
        Fields of a bot that the check refuses, metrics that were not measured.
    """

    variant: str
    issued: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    earned: Mapping[str, float]
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what ``reference.json`` keeps of it."""
        bots = {
            bot: {
                "metrics": {name: _rounded(value) for name, value in sorted(self.metrics[bot].items())},
                "earned": _rounded(self.earned[bot]),
            }
            for bot in BOTS
        }
        return {"issued": self.issued, **bots}


def issue(task: Task, variant: Variant) -> Issued:
    """Return what a candidate gets for ``variant``: what ``task.py`` issues."""
    with threads():
        issued: Issued = load_code(task).issue(variant)
    return issued


def measure(task: Task, variant: Variant, values: Mapping[str, Any]) -> Measured:
    """Measure checked values by the task's own code.

    Raises
    ------
    InvalidInputError
        When ``task.py`` refuses what was handed in, or returns something that is no measurement.
    """
    with threads():
        found: Measured = load_code(task).measure(variant, values)
    if not isinstance(found, Measured):
        raise InvalidInputError(f"{task.id}: expected measure to return Measured, got {type(found).__name__}")
    return Measured({name: float(value) for name, value in found.metrics.items()}, dict(found.facts))


def play(task: Task, variant: Variant, bots: Iterable[str] = BOTS) -> Played:
    """Let the bots play a variant; nothing is written.

    Raises
    ------
    DeclarationError
        When ``bots.py`` has no such function.
    """
    issued = issue(task, variant)
    players = load_code(task, "bots")
    metrics: dict[str, dict[str, float]] = {}
    handed: dict[str, Mapping[str, Any]] = {}
    problems: list[str] = []
    for bot in bots:
        if not hasattr(players, bot):
            raise DeclarationError(
                task.folder / "bots.py", None, f"expected a function {bot}(issued, variant)"
            )
        with threads():
            given = getattr(players, bot)(issued, variant)
        checked = check_hand_in(task, issued.facts, given, issued.tensors)
        problems += [f"{variant.id} {bot}: {problem}" for problem in checked.problems.values()]
        if bot == "reference" and checked.missing:
            problems.append(f"{variant.id} {bot}: hands in nothing for {', '.join(checked.missing)}")
        handed[bot] = checked.values
        metrics[bot] = _metrics(task, variant, bot, checked.values, problems)
    earned = {bot: mark_task(task, metrics, metrics[bot], handed[bot]).earned for bot in metrics}
    return Played(variant.id, fingerprint(issued), metrics, earned, tuple(problems))


def record(
    task: Task, variants: Iterable[Variant], folder: Path, progress: Progress | None = None
) -> tuple[Played, ...]:
    """Let the bots play ``variants`` and keep what they measured in ``folder/reference.json``."""
    listed = tuple(variants)
    played = []
    for number, variant in enumerate(listed):
        if progress is not None:
            progress(number, len(listed), f"{task.id} {variant.id}")
        played.append(play(task, variant))
    kept = {"version": 1, "variants": {each.variant: each.as_json() for each in played}}
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    write_whole(folder / "reference.json", text.encode() + b"\n")
    return tuple(played)


def fingerprint(issued: Issued) -> dict[str, Any]:
    """Return what pins the materials on every machine.

    Whole numbers and texts are pinned exactly.  Of floats the mean and the spread are kept: the
    last bits of a trained victim differ between processors.
    """
    exact = hashlib.sha256(canonical(_exact(issued.facts)))
    floats = {}
    for name, tensor in sorted(issued.tensors.items()):
        plain = tensor.detach().cpu().contiguous()
        exact.update(f"{name}|{plain.dtype}|{tuple(plain.shape)}".encode())
        if plain.is_floating_point():
            spread = float(plain.double().std(correction=0)) if plain.numel() else 0.0
            centre = float(plain.double().mean()) if plain.numel() else 0.0
            floats[name] = [round(centre, 6), round(spread, 6)]
        else:
            exact.update(plain.numpy().tobytes())
    return {"exact": exact.hexdigest(), "floats": floats}


def _exact(value: Any) -> Any:
    """Return facts without the digits of floats that a processor may round another way."""
    if isinstance(value, Mapping):
        return {str(key): _exact(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value


def _metrics(
    task: Task, variant: Variant, bot: str, values: Mapping[str, Any], problems: list[str]
) -> dict[str, float]:
    try:
        found = dict(measure(task, variant, values).metrics)
    except InvalidInputError as error:
        if bot == "reference":
            problems.append(f"{variant.id} {bot}: not measured: {error}")
        found = {}
    if bot == "reference" and (missing := [name for name in task.metrics if name not in found]):
        problems.append(f"{variant.id} {bot}: no measurement of {', '.join(missing)}")
    return found


def _rounded(value: float) -> float | None:
    """Return what JSON can hold, in as many digits as mean anything."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
