"""Players that show what a threshold is worth: one who knows how, one idle, one lazy.

A lab's ``bots.py`` says what each of them hands in; here they play.  What they measured is
recorded by :mod:`labkit.course.recording`, and the declaration is held to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from labkit.core.errors import DeclarationError, UnknownNameError
from labkit.core.machine import threads
from labkit.course.lab import Lab
from labkit.course.measuring import measure
from labkit.course.modules import load_module

__all__ = ["BOTS", "BotResult", "as_rows", "play", "run_bot"]

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

    Returns
    -------
    list of BotResult
        One for each checkpoint, in the order of the declaration.

    Raises
    ------
    UnknownNameError
        When there is no such bot or scenario.
    DeclarationError
        When ``bots.py`` leaves a checkpoint out.
    """
    setting = lab.scenarios[0] if scenario is None else lab.find_scenario(scenario)
    with threads():
        return play(lab, bot, load_module(lab, "case").make_case(setting, seed, progress))


def play(lab: Lab, bot: str, case: Any) -> list[BotResult]:
    """Let a bot play a case that was made already; see :func:`run_bot`."""
    if bot not in BOTS:
        raise UnknownNameError("bot", bot, BOTS)
    players = load_module(lab, "bots")
    if not hasattr(players, bot):
        raise DeclarationError(lab.folder / "bots.py", None, f"expected a function {bot}(case)")
    found = {}
    for checkpoint_id, artefacts in getattr(players, bot)(case):
        checkpoint = lab.find_checkpoint(checkpoint_id)
        feedback = measure(lab, checkpoint, case, artefacts)
        found[checkpoint.id] = BotResult(
            objective=checkpoint.objective,
            checkpoint=checkpoint.id,
            measured=feedback.measured,
            target=str(feedback.target),
            passed=feedback.passed,
        )
    if missing := [each.id for each in lab.checkpoints if each.id not in found]:
        raise DeclarationError(
            lab.folder / "bots.py", None, f"the bot {bot!r} hands in nothing for {', '.join(missing)}"
        )
    return [found[each.id] for each in lab.checkpoints]


def as_rows(results: Iterable[BotResult]) -> list[dict[str, object]]:
    """Return results as JSON can hold them; where nothing could be measured there is no number."""
    return [
        {**asdict(result), "measured": result.measured if math.isfinite(result.measured) else None}
        for result in results
    ]
