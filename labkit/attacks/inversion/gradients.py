"""Gradient inversion: what one step of training gives away about the records it was taken on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.attacks.inversion._common import Progress, adam, check_prior, roughness
from labkit.attacks.inversion.prior import Prior
from labkit.core.checks import class_numbers, floats, length, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.results import Reconstruction
from labkit.core.seeds import make_generator
from labkit.models import TorchClassifier

__all__ = ["infer_labels", "invert_linear", "match_gradients"]

Gradients = Mapping[str, Tensor]
"""Name of each parameter to the gradient that a client sent for it."""


def infer_labels(model: TorchClassifier, gradients: Gradients, count: int = 1) -> Tensor:
    """Return the classes of the records behind a gradient, ``(count,)``, ascending.

    The gradient of the cross-entropy with respect to the last bias is the mean of
    ``probability - 1[class is true]``: only a class that is there can be negative.  For one
    record that is exact; for more, classes are taken off one by one.

    References
    ----------
    Zhao, Mopuri & Bilen, "iDLG: Improved Deep Leakage from Gradients", 2020.
    """
    number = whole("count", count)
    slope = _checked(model, gradients)[_bias_of(_linear_layers(model)[-1][0])].clone()
    if len(slope) != model.classes:
        raise InvalidInputError(
            f"expected a model whose last linear layer gives the {model.classes} scores, got {len(slope)} "
            "values: its bias does not say which classes there are"
        )
    found = []
    step = float(-slope.clamp_max(0).sum()) / number or 1.0 / number
    for _ in range(number):
        lowest = int(slope.argmin())
        found.append(lowest)
        slope[lowest] += step
    return torch.tensor(sorted(found))


def invert_linear(
    model: TorchClassifier, gradients: Gradients, *, prior: Prior | None = None
) -> Reconstruction:
    """Read one record out of the gradient of a first layer that is linear and has a bias.

    For one record ``dW = d x'`` and ``db = d``, so every row of ``dW`` is ``x`` times an
    entry of ``db``: the record is their quotient.  All rows are used at once, by least
    squares, which is exact without noise and the best guess with it.

    Parameters
    ----------
    model : TorchClassifier
        The model that the gradient was taken of, such as ``mlp`` or ``logistic``.
    gradients : mapping of str to Tensor
        What the client sent.
    prior : Prior, optional
        Where the first layer takes the coefficients of a public prior and not the values
        themselves: turns what was recovered into an input again.

    Raises
    ------
    InvalidInputError
        When the first layer is not linear, or the gradients belong to another model.

    References
    ----------
    Geiping, Bauermeister, Dröge & Moeller, "Inverting Gradients: How easy is it to break
    privacy in federated learning?", NeurIPS 2020, proposition 3.1.
    """
    gradients = _checked(model, gradients)
    name, _ = _linear_layers(model)[0]
    if next(part for part in _leaves(model) if list(part.parameters())) is not model.module.get_submodule(
        name
    ):
        raise InvalidInputError(
            "expected a model whose first layer is linear, such as mlp or logistic; "
            "for others use match_gradients()"
        )
    rows, bias = gradients[f"{name}.weight" if name else "weight"], gradients[_bias_of(name)]
    weight = float((bias**2).sum())
    entering = (bias @ rows) / weight if weight > 0 else torch.zeros(rows.shape[1])
    if prior is None:
        x = _before_first_layer(model, entering)
    elif len(check_prior(prior, model)) != len(entering):
        raise InvalidInputError(
            f"expected the prior whose {len(entering)} coefficients the first layer takes, got one of "
            f"{len(prior)}"
        )
    else:
        x = prior.decode(entering[None])[0]
    return Reconstruction(
        x_hat=x.clamp(*model.bounds)[None],
        y=infer_labels(model, gradients),
        attack="invert_linear",
        params={"layer": name, "rows": len(bias)},
    )


def match_gradients(
    model: TorchClassifier,
    gradients: Gradients,
    *,
    y: Tensor | None = None,
    batch_size: int = 1,
    distance: str = "cosine",
    smoothness: float = 0.01,
    prior: Prior | None = None,
    prior_strength: float = 0.0,
    steps: int = 200,
    step_size: float = 0.05,
    seed: int = 0,
    progress: Progress | None = None,
) -> Reconstruction:
    """Search the records whose gradient is the one that was sent.

    Parameters
    ----------
    model : TorchClassifier
    gradients : mapping of str to Tensor
    y : Tensor of shape ``(batch_size,)``, int64, optional
        Classes of the records; inferred from the gradient where they are not known.
    batch_size : int
        How many records the gradient is the mean of.
    distance : str
        ``"cosine"`` compares directions, so clipping does not matter; ``"l2"`` compares sizes too.
    smoothness : float
        Penalty on the total variation.
    prior : Prior, optional
        Search over its coefficients in place of the values; it also is where the search begins.
    prior_strength : float
        Penalty on the squared coefficients.
    steps, step_size : int and float
        Of Adam.
    seed : int
        Decides where the search begins.
    progress : function, optional

    References
    ----------
    Zhu, Liu & Han, "Deep Leakage from Gradients", NeurIPS 2019 (``"l2"``); Geiping et al.,
    NeurIPS 2020 (``"cosine"`` with total variation).
    """
    gradients = _checked(model, gradients)
    number = whole("batch_size", batch_size)
    if distance not in ("cosine", "l2"):
        raise InvalidInputError(f"expected the distance 'cosine' or 'l2', got {distance!r}")
    labels = infer_labels(model, gradients, number) if y is None else y
    class_numbers("y", labels, number, model.classes)
    smooth, strength = length("smoothness", smoothness), length("prior_strength", prior_strength)
    rate, rounds = size("step_size", step_size), whole("steps", steps)
    if prior is not None:
        check_prior(prior, model)
    low, high = model.bounds
    wanted = _Wanted(model, gradients, labels, distance)

    def decode(value: Tensor) -> Tensor:
        return value if prior is None else prior.decode(value)

    def badness(value: Tensor) -> Tensor:
        x = decode(value)
        apart = wanted.apart(x)
        penalty = smooth * roughness(x) + (strength * (value**2).sum(1) if prior is not None else 0.0)
        return apart / number + penalty / number

    with threads():
        value, final = adam(
            _start(model, prior, number, make_generator(seed)),
            badness,
            steps=rounds,
            lr=rate,
            project=(lambda x: x.clamp(low, high)) if prior is None else None,
            progress=progress,
            words="matching the gradient",
        )
    return Reconstruction(
        x_hat=decode(value).clamp(low, high),
        y=labels,
        attack="match_gradients",
        params={
            "batch_size": number,
            "distance": distance,
            "smoothness": smooth,
            "components": len(prior) if prior is not None else 0,
            "prior_strength": strength,
            "steps": rounds,
            "step_size": rate,
            "seed": seed,
        },
        objective=final,
    )


class _Wanted:
    """The gradient that was sent, and how far records of given classes are from making it."""

    def __init__(
        self, model: TorchClassifier, gradients: Mapping[str, Tensor], y: Tensor, distance: str
    ) -> None:
        self.network, self.y, self.distance = model.module, y, distance
        self.weights = {
            name: weight.detach().clone().requires_grad_() for name, weight in model.module.named_parameters()
        }
        self.sent = torch.cat([gradients[name].flatten() for name in self.weights])

    def apart(self, x: Tensor) -> Tensor:
        """Return the distance between the gradient on ``x`` and the one that was sent, differentiable."""
        scores = torch.func.functional_call(self.network, self.weights, (x,))
        loss = functional.cross_entropy(scores, self.y)
        parts = torch.autograd.grad(loss, list(self.weights.values()), create_graph=True)
        made = torch.cat([part.flatten() for part in parts])
        if self.distance == "cosine":
            return 1 - functional.cosine_similarity(made, self.sent, dim=0, eps=1e-12)
        return ((made - self.sent) ** 2).sum()


def _start(model: TorchClassifier, prior: Prior | None, number: int, generator: torch.Generator) -> Tensor:
    """Return where the search begins: near the middle of the box, or of the prior's coefficients."""
    if prior is not None:
        return 0.1 * torch.randn(number, len(prior), generator=generator)
    low, high = model.bounds
    return (low + high) / 2 + 0.05 * (high - low) * torch.randn(
        number, *model.input_shape, generator=generator
    )


def _checked(model: TorchClassifier, gradients: Gradients) -> dict[str, Tensor]:
    wanted = {name: tuple(weight.shape) for name, weight in model.module.named_parameters()}
    if not isinstance(gradients, Mapping):
        raise InvalidInputError(
            f"expected a gradient for each parameter of the model by its name, got {type(gradients).__name__}"
        )
    got = {name: tuple(getattr(value, "shape", ())) for name, value in gradients.items()}
    if wanted != got:
        raise InvalidInputError(f"expected a gradient for each parameter of the model, {wanted}; got {got}")
    return {name: floats(f"the gradient of {name}", value).detach() for name, value in gradients.items()}


def _leaves(model: TorchClassifier) -> list[nn.Module]:
    return [part for part in model.module.modules() if not list(part.children())]


def _linear_layers(model: TorchClassifier) -> list[tuple[str, nn.Linear]]:
    found = [
        (name, part)
        for name, part in model.module.named_modules()
        if isinstance(part, nn.Linear) and part.bias is not None
    ]
    if not found:
        raise InvalidInputError("expected a model with a linear layer that has a bias")
    return found


def _bias_of(name: str) -> str:
    return f"{name}.bias" if name else "bias"


def _before_first_layer(model: TorchClassifier, entering: Tensor) -> Tensor:
    """Undo what is done to an input before the first layer: that is linear, value by value."""
    zero = torch.zeros(1, *model.input_shape)
    offset, slope = _enter(model, zero), _enter(model, zero + 1)
    # A value that does not enter at all was not sent along, and stays in the middle.
    middle = torch.full_like(zero.flatten(), sum(model.bounds) / 2)
    if offset.shape == middle.shape == entering.shape:
        seen = slope != offset
        x = torch.where(seen, (entering - offset) / torch.where(seen, slope - offset, 1.0), middle)
        back = _enter(model, x.view(zero.shape))
        if torch.allclose(back, entering, rtol=1e-3, atol=1e-3 * float(1 + entering.abs().max())):
            return x.view(model.input_shape)
    raise InvalidInputError(
        f"expected a first layer that takes the {middle.numel()} values of an input one by one; this one "
        f"takes {entering.numel()} features. Hand in the prior that they are the coefficients of, as "
        "invert_linear(model, gradients, prior=prior)"
    )


def _enter(model: TorchClassifier, x: Tensor) -> Tensor:
    """Return what reaches the first layer that has parameters, ``(values,)``."""
    with torch.no_grad():
        for part in _leaves(model):
            if list(part.parameters()):
                break
            x = part(x)
    return x.flatten()
