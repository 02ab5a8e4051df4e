"""Metrics: what was achieved, measured by code that has no part in how."""

from labkit.metrics.accuracy import (
    attack_success_rate,
    clean_accuracy,
    confusion,
    legal,
    robust_accuracy,
    targeted_success_rate,
)
from labkit.metrics.curves import Curve, robustness_curve
from labkit.metrics.explanation import (
    completeness_error,
    deletion_score,
    flip_rate,
    insertion_score,
    named_first,
    parity_gap,
    rank_agreement,
    stability,
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
    "Curve",
    "Detection",
    "PerturbationNorms",
    "Rate",
    "attack_success_rate",
    "clean_accuracy",
    "clean_accuracy_drop",
    "completeness_error",
    "confusion",
    "correlation",
    "deletion_score",
    "detection",
    "flip_rate",
    "insertion_score",
    "legal",
    "match_within_classes",
    "named_first",
    "normalised_score",
    "parity_gap",
    "perturbation_norms",
    "psnr",
    "rank_agreement",
    "re_identification",
    "robust_accuracy",
    "robustness_curve",
    "ssim",
    "stability",
    "targeted_success_rate",
    "trigger_success_rate",
    "utility_retention",
]
