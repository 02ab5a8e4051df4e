"""Metrics: what was achieved, measured by code that has no part in how."""

from labkit.metrics.accuracy import (
    attack_success_rate,
    clean_accuracy,
    confusion,
    legal,
    robust_accuracy,
    targeted_success_rate,
)
from labkit.metrics.certification import abstention_rate, certified_accuracy, certified_curve
from labkit.metrics.curves import Curve, robustness_curve
from labkit.metrics.evaluation import (
    CASCADE,
    RobustnessReport,
    SanityCheck,
    Stage,
    StageResult,
    robustness,
)
from labkit.metrics.perturbation import PerturbationNorms, perturbation_norms
from labkit.metrics.poisoning import (
    Detection,
    clean_accuracy_drop,
    detection,
    normalised_score,
    trigger_success_rate,
)
from labkit.metrics.rates import Rate
from labkit.metrics.reconstruction import (
    correlation,
    match_within_classes,
    psnr,
    re_identification,
    ssim,
    utility_retention,
)

__all__ = [
    "CASCADE",
    "Curve",
    "Detection",
    "PerturbationNorms",
    "Rate",
    "RobustnessReport",
    "SanityCheck",
    "Stage",
    "StageResult",
    "abstention_rate",
    "attack_success_rate",
    "certified_accuracy",
    "certified_curve",
    "clean_accuracy",
    "clean_accuracy_drop",
    "confusion",
    "correlation",
    "detection",
    "legal",
    "match_within_classes",
    "normalised_score",
    "perturbation_norms",
    "psnr",
    "re_identification",
    "robust_accuracy",
    "robustness",
    "robustness_curve",
    "ssim",
    "targeted_success_rate",
    "trigger_success_rate",
    "utility_retention",
]
