"""Against theft by asking: disturbed answers, limits, and an eye on what an account asks."""

from labkit.defenses.extraction.answers import PerturbedAnswers, RoundedScores
from labkit.defenses.extraction.detection import SIGNALS, QueryDetector, fit_detector, query_signal
from labkit.defenses.extraction.service import Account, GuardedService

__all__ = [
    "SIGNALS",
    "Account",
    "GuardedService",
    "PerturbedAnswers",
    "QueryDetector",
    "RoundedScores",
    "fit_detector",
    "query_signal",
]
