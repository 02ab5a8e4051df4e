"""Attacks on explanations: a model that knows when it is being explained."""

from labkit.attacks.explanation.detector import KINDS, Detector, fit_detector
from labkit.attacks.explanation.perturbing import perturb_like_lime, perturb_like_shap
from labkit.attacks.explanation.scaffold import Scaffold, scaffold

__all__ = [
    "KINDS",
    "Detector",
    "Scaffold",
    "fit_detector",
    "perturb_like_lime",
    "perturb_like_shap",
    "scaffold",
]
