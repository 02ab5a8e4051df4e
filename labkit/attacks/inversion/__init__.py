"""Inversion: what a model, its answers or one step of its training give away about its data.

Every attack returns a :class:`labkit.core.Reconstruction` and claims nothing about success.
"""

from labkit.attacks.inversion.gradients import infer_labels, invert_linear, match_gradients
from labkit.attacks.inversion.model_inversion import invert_class
from labkit.attacks.inversion.prior import Prior, fit_prior
from labkit.attacks.inversion.search import search_class

__all__ = [
    "Prior",
    "fit_prior",
    "infer_labels",
    "invert_class",
    "invert_linear",
    "match_gradients",
    "search_class",
]
