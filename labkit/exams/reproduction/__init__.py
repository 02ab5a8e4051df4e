"""Run a candidate's notebook again, in a sandbox: a gate that can flag, and never awards."""

from labkit.exams.reproduction.claims import claims_again, claims_of
from labkit.exams.reproduction.gate import Reproduced, reproduce
from labkit.exams.reproduction.overlay import Overlaid, overlay
from labkit.exams.reproduction.sandbox import Ended, Sandbox, SandboxLimits, self_test

__all__ = [
    "Ended",
    "Overlaid",
    "Reproduced",
    "Sandbox",
    "SandboxLimits",
    "claims_again",
    "claims_of",
    "overlay",
    "reproduce",
    "self_test",
]
