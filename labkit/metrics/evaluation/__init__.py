"""How robust a model is: a cascade of attacks, the curve, and checks that expose a masked gradient."""

from labkit.metrics.evaluation.report import RobustnessReport, SanityCheck, StageResult
from labkit.metrics.evaluation.running import robustness
from labkit.metrics.evaluation.stages import CASCADE, Stage

__all__ = ["CASCADE", "RobustnessReport", "SanityCheck", "Stage", "StageResult", "robustness"]
