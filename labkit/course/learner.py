"""Who learns here, and which variant of the labs is theirs."""

from __future__ import annotations

import hashlib
import os
import re
import secrets

from labkit.core.errors import InvalidInputError
from labkit.course.recorder import Recorder

__all__ = ["folder_name", "learner_name", "own_seed"]


def learner_name() -> str:
    """Return ``LABKIT_LEARNER``, the user of a JupyterHub, or ``local`` on a machine of one's own."""
    for name in ("LABKIT_LEARNER", "JUPYTERHUB_USER"):
        if given := os.environ.get(name, "").strip():
            return given
    return "local"


def own_seed(recorder: Recorder) -> int:
    """Return the seed of the learner's variants: ``LABKIT_SEED``, or one drawn once and kept.

    Two tabs that open at the same time agree: the first enrolment in the log counts.
    """
    given = os.environ.get("LABKIT_SEED", "").strip()
    if given:
        if not given.isdecimal():
            raise InvalidInputError(f"expected LABKIT_SEED as a whole number from 0 up, got {given!r}")
        return int(given)
    for _ in range(2):
        enrolled = (event for event in recorder.events() if event.kind == "enrolled")
        seed = next((event.payload.get("seed") for event in enrolled), None)
        if isinstance(seed, int):
            return seed
        recorder.record("", "enrolled", {"seed": secrets.randbelow(2**31)})
    raise AssertionError("an enrolment that was recorded is among the events")


def folder_name(learner: str) -> str:
    """Return a name for the learner's folder: safe on every file system, different for everybody."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", learner)[:40]
    if plain == learner:
        return plain
    return f"{plain}-{hashlib.sha256(learner.encode()).hexdigest()[:8]}"
