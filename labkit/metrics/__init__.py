"""Metrics: what was achieved, measured by code that has no part in how."""

from labkit.metrics.accuracy import (
    attack_success_rate,
    clean_accuracy,
    confusion,
    legal,
    robust_accuracy,
    targeted_success_rate,
)
from labkit.metrics.auditing import EpsilonBound, epsilon_lower_bound, one_run_epsilon_bound
from labkit.metrics.calibration import CalibrationBin, calibration_gap, calibration_within_groups
from labkit.metrics.certification import abstention_rate, certified_accuracy, certified_curve
from labkit.metrics.curves import Curve, robustness_curve
from labkit.metrics.energy import activation_density
from labkit.metrics.evaluation import CASCADE, RobustnessReport, SanityCheck, Stage, StageResult, robustness
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
from labkit.metrics.fairness import (
    EqualisedOdds,
    demographic_parity,
    equal_opportunity,
    equalised_odds,
    false_positive_rate_at,
    predictive_parity,
)
from labkit.metrics.federated import ClientAccuracy, client_accuracy, fair_share
from labkit.metrics.fidelity import fidelity, parameter_error
from labkit.metrics.gaps import Gap
from labkit.metrics.membership import (
    OverSplits,
    Roc,
    balanced_accuracy,
    membership_auc,
    membership_roc,
    over_splits,
    tpr_at_fpr,
)
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
    "CASCADE",
    "CalibrationBin",
    "ClientAccuracy",
    "Curve",
    "Detection",
    "EpsilonBound",
    "EqualisedOdds",
    "Gap",
    "OverSplits",
    "OwnershipTest",
    "PerturbationNorms",
    "Rate",
    "RobustnessReport",
    "Roc",
    "SanityCheck",
    "Stage",
    "StageResult",
    "abstention_rate",
    "activation_density",
    "attack_success_rate",
    "balanced_accuracy",
    "binomial_p_value",
    "calibration_gap",
    "calibration_within_groups",
    "certified_accuracy",
    "certified_curve",
    "clean_accuracy",
    "clean_accuracy_drop",
    "client_accuracy",
    "completeness_error",
    "confusion",
    "correlation",
    "deletion_score",
    "demographic_parity",
    "detection",
    "epsilon_lower_bound",
    "equal_opportunity",
    "equalised_odds",
    "fair_share",
    "false_positive_rate_at",
    "fidelity",
    "flip_rate",
    "holm",
    "insertion_score",
    "legal",
    "match_within_classes",
    "membership_auc",
    "membership_roc",
    "named_first",
    "normalised_score",
    "one_run_epsilon_bound",
    "over_splits",
    "ownership_test",
    "parameter_error",
    "parity_gap",
    "permutation_p_value",
    "perturbation_norms",
    "predictive_parity",
    "psnr",
    "rank_agreement",
    "re_identification",
    "robust_accuracy",
    "robustness",
    "robustness_curve",
    "ssim",
    "stability",
    "targeted_success_rate",
    "tpr_at_fpr",
    "trigger_success_rate",
    "utility_retention",
]
