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
from labkit.metrics.federated import ClientAccuracy, client_accuracy, fair_share
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
    "ClientAccuracy",
    "Curve",
    "Detection",
    "PerturbationNorms",
    "Rate",
    "attack_success_rate",
    "clean_accuracy",
    "clean_accuracy_drop",
    "client_accuracy",
    "confusion",
    "correlation",
    "detection",
    "fair_share",
    "legal",
    "match_within_classes",
    "normalised_score",
    "perturbation_norms",
    "psnr",
    "re_identification",
    "robust_accuracy",
    "robustness_curve",
    "ssim",
    "targeted_success_rate",
    "trigger_success_rate",
    "utility_retention",
]
