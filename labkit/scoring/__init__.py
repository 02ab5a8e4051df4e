"""Floor 4: what a measurement is worth, and what a person is told about it.  Pure functions.

Nothing here measures, reads a file or knows a clock: a measurement comes in, feedback or
points go out, so the same measurement always earns the same.
"""

from labkit.scoring.feedback import Feedback, judge
from labkit.scoring.measurement import Measurement, Target
from labkit.scoring.rubric import Criterion, Score, ScoreLine, score
from labkit.scoring.rules import Condition, Rule, parse_when

__all__ = [
    "Condition",
    "Criterion",
    "Feedback",
    "Measurement",
    "Rule",
    "Score",
    "ScoreLine",
    "Target",
    "judge",
    "parse_when",
    "score",
]
