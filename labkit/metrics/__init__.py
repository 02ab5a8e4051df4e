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
from labkit.metrics.fidelity import fidelity, parameter_error
from labkit.metrics.ownership import (
    OwnershipTest,
    binomial_p_value,
    holm,
    ownership_test,
    permutation_p_value,
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
    "OwnershipTest",
    "PerturbationNorms",
    "Rate",
    "attack_success_rate",
    "binomial_p_value",
    "clean_accuracy",
    "clean_accuracy_drop",
    "confusion",
    "correlation",
    "detection",
    "fidelity",
    "holm",
    "legal",
    "match_within_classes",
    "normalised_score",
    "ownership_test",
    "parameter_error",
    "permutation_p_value",
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
