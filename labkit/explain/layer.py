"""Grad-CAM: where in the image the last convolution saw what speaks for a class."""

from __future__ import annotations

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier, require_differentiable
from labkit.core.results import Attribution
from labkit.explain.inputs import Target, at_work, expand_target, parts
from labkit.models import TorchClassifier

__all__ = ["grad_cam"]


def grad_cam(
    model: Classifier,
    x: Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    positive: bool = True,
) -> Attribution:
    """Explain a logit by the channels of a convolution, each weighed by its mean gradient.

    The map has the resolution of the convolution; it is enlarged to the image and the same
    for all channels of the input.  ``completeness_gap`` is None: the map says where, not
    how much, and its sum has no meaning in logits.

    Parameters
    ----------
    model : TorchClassifier
        The victim; it is left as it was.
    x : Tensor of shape ``(n, channels, height, width)``
        Images within ``model.bounds``.
    target : int, Tensor of shape ``(n,)``, or None
        The class to explain; None explains the predicted one.
    layer : str, optional
        Name of a convolution in ``model.module``; by default the last one.
    positive : bool
        Keep what speaks for the class and drop what speaks against it, as in the paper.

    Raises
    ------
    InvalidInputError
        When the model has no gradient, shows no layers, or has no convolution.
    UnknownNameError
        When no convolution is called ``layer``.

    References
    ----------
    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", ICCV 2017.  https://arxiv.org/abs/1610.02391
    """
    victim = _with_layers(model)
    target = expand_target(victim, x, target)
    name, convolution = _convolution(victim.module, layer)
    method = LayerGradCam(victim.forward, convolution)
    values = torch.zeros_like(x)
    with at_work():
        for part in parts(len(x), 1):
            seen = method.attribute(
                x[part].detach().clone().requires_grad_(), target=target[part], relu_attributions=positive
            ).detach()
            values[part] = functional.interpolate(
                seen, x.shape[2:], mode="bilinear", align_corners=False
            ).expand_as(values[part])
    return Attribution(
        x=x,
        values=values,
        target=target,
        method="grad_cam",
        params={"layer": name, "positive": positive},
    )


def _with_layers(model: Classifier) -> TorchClassifier:
    if isinstance(model, TorchClassifier):
        return model
    require_differentiable(model, "Grad-CAM")
    raise InvalidInputError(
        f"expected a TorchClassifier, whose layers Grad-CAM can see; got {type(model).__name__}. "
        "Use occlusion() or integrated_gradients(), or explain the model inside the wrapper."
    )


def _convolution(module: nn.Module, layer: str | None) -> tuple[str, nn.Module]:
    known = {name: part for name, part in module.named_modules() if isinstance(part, nn.Conv2d)}
    if not known:
        raise InvalidInputError(
            f"Grad-CAM needs a convolution, and {type(module).__name__} has none. "
            "Use occlusion() or integrated_gradients()."
        )
    if layer is None:
        layer = list(known)[-1]
    if layer not in known:
        raise UnknownNameError("convolution", layer, known)
    return layer, known[layer]
