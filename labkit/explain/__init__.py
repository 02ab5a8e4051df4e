"""Explanations: how much each part of an input counted, and what an auditor compares (Captum, SHAP, LIME)."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.explain.audits import plausible, twins
    from labkit.explain.counterfactual_search import Counterfactuals, counterfactual
    from labkit.explain.gradient import integrated_gradients
    from labkit.explain.layer import grad_cam
    from labkit.explain.local_surrogate import lime
    from labkit.explain.permutation import permutation_importance
    from labkit.explain.perturbation import occlusion
    from labkit.explain.shapley import shap

__all__ = [
    "Counterfactuals",
    "counterfactual",
    "grad_cam",
    "integrated_gradients",
    "lime",
    "occlusion",
    "permutation_importance",
    "plausible",
    "shap",
    "twins",
]

# These need torch, and Captum, SHAP or LIME, so they load when first used.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Counterfactuals": "labkit.explain.counterfactual_search",
        "counterfactual": "labkit.explain.counterfactual_search",
        "grad_cam": "labkit.explain.layer",
        "integrated_gradients": "labkit.explain.gradient",
        "lime": "labkit.explain.local_surrogate",
        "occlusion": "labkit.explain.perturbation",
        "permutation_importance": "labkit.explain.permutation",
        "plausible": "labkit.explain.audits",
        "shap": "labkit.explain.shapley",
        "twins": "labkit.explain.audits",
    },
)
