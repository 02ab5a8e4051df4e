"""Explanations: how much each part of an input counted for one class (Captum beneath)."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.explain.gradient import integrated_gradients
    from labkit.explain.layer import grad_cam
    from labkit.explain.perturbation import occlusion

__all__ = ["grad_cam", "integrated_gradients", "occlusion"]

# These need torch and Captum, so they load when first used.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "grad_cam": "labkit.explain.layer",
        "integrated_gradients": "labkit.explain.gradient",
        "occlusion": "labkit.explain.perturbation",
    },
)
