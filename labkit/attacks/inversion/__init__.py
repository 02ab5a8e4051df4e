"""Inversion: what a model, its answers or one step of its training give away about its data.

Every attack returns a :class:`labkit.core.Reconstruction` and claims nothing about success.
"""

from collections.abc import Callable

from labkit.attacks.inversion.gradients import infer_labels, invert_linear, match_gradients
from labkit.attacks.inversion.model_inversion import OBJECTIVES, invert_class
from labkit.attacks.inversion.prior import Prior, fit_prior
from labkit.attacks.inversion.search import search_class
from labkit.core.results import Reconstruction

__all__ = [
    "ATTACKS",
    "OBJECTIVES",
    "Prior",
    "fit_prior",
    "infer_labels",
    "invert_class",
    "invert_linear",
    "match_gradients",
    "search_class",
]

ATTACKS: dict[str, Callable[..., Reconstruction]] = {
    "invert_class": invert_class,
    "invert_linear": invert_linear,
    "match_gradients": match_gradients,
    "search_class": search_class,
}
"""Attacks on a model (``*_class``) and on one step of its training, by name."""
