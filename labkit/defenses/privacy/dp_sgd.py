"""Differentially private training: Poisson samples, clipped record by record, with noise on the sum."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import class_numbers, finite, floats, interval, length, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.defenses.privacy.client import classes_of, summed
from labkit.models import TorchClassifier
from labkit.models.ensembles import Ensemble, check_members, pass_back, places_of, start_ensemble
from labkit.models.optimiser import AdamW

__all__ = ["dp_sgd", "dp_sgd_ensemble", "steps_of"]

Progress = Callable[[int, int, str], None]


def steps_of(epochs: float, sample_rate: float) -> int:
    """Return how many steps take up every record ``epochs`` times on average."""
    return max(1, round(size("epochs", epochs) / _rate(sample_rate)))


def dp_sgd(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    clip: float,
    noise_multiplier: float,
    sample_rate: float,
    epochs: float = 30,
    lr: float = 0.02,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> TorchClassifier:
    """Train a copy of ``module`` so that no record shows more than its budget allows.

    In each step every record takes part with probability ``sample_rate``, independently of
    all others.  Its gradient is scaled down to ``clip``, Gaussian noise of standard deviation
    ``noise_multiplier * clip`` is added to the sum, and the sum is divided by the *expected*
    number of records, because the true one is private.  What these settings are worth,
    ``privacy_spent`` says, for data sets that differ by one record more or less.

    Parameters
    ----------
    module : nn.Module
        Where training starts.  It is copied, and left as it was; evaluation mode is used, in
        which every record adds a gradient of its own.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        The private records.
    clip, noise_multiplier, sample_rate : float
    epochs : float
        How often each record is taken up on average.
    lr : float
        Learning rate of Adam, which only sees what is protected already.
    seed : int
        Decides samples and noise.  For a release it must stay secret: who knows the noise
        can take it off.
    bounds : pair of float
    progress : function, optional

    References
    ----------
    Abadi et al., "Deep Learning with Differential Privacy", CCS 2016.
    https://arxiv.org/abs/1607.00133
    """
    limit, noise = size("clip", clip), length("noise_multiplier", noise_multiplier)
    rate, lr, bounds = _rate(sample_rate), size("lr", lr), interval("bounds", bounds)
    steps, expected = steps_of(epochs, rate), rate * len(floats("x", x, axes=1))
    if not len(x):
        raise InvalidInputError("expected one record or more, got none")
    network = copy.deepcopy(module).requires_grad_(True).eval()
    weights = dict(network.named_parameters())
    samples, noisy = make_generator(derive(seed, "samples")), make_generator(derive(seed, "noise"))
    optimiser = AdamW(list(weights.values()), weight_decay=0.0)
    with threads(), torch.no_grad():
        classes = classes_of(network, x)
        class_numbers("y", y, len(x), classes)
        for step in range(steps):
            taken = (torch.rand(len(x), generator=samples) < rate).nonzero()[:, 0]
            total = (
                summed(network, x[taken], y[taken], limit)[0]
                if len(taken)
                else {name: torch.zeros_like(weight) for name, weight in weights.items()}
            )
            sent = [
                (total[name] + noise * limit * torch.randn(weight.shape, generator=noisy)) / expected
                for name, weight in weights.items()
            ]
            optimiser.step(sent, lr)
            _report(progress, step, steps, "training with noise")
    network.requires_grad_(False)
    return TorchClassifier(network, tuple(x.shape[1:]), classes, bounds)


def dp_sgd_ensemble(
    x: Tensor,
    y: Tensor,
    members: Tensor,
    *,
    classes: int,
    clip: float,
    noise_multiplier: float | Tensor,
    sample_rate: float,
    epochs: float = 30,
    hidden: Sequence[int] = (64,),
    lr: float = 0.02,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> Ensemble:
    """Train one network for each row of ``members`` as :func:`dp_sgd` does, all at once.

    An attack on a protection needs many models that were protected alike; an audit needs
    several that were not.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
    members : Tensor of shape ``(models, n)``, bool
        Which records each model is trained on.
    classes : int
    clip, sample_rate, epochs, lr, seed, bounds, progress
        As in :func:`dp_sgd`.
    noise_multiplier : float or Tensor of shape ``(models,)``
        The same for all models, or one for each.
    hidden : sequence of int
        Width of each hidden layer; none for a linear model.
    """
    check_members(x, y, members, whole("classes", classes))
    limit, rate, lr = size("clip", clip), _rate(sample_rate), size("lr", lr)
    noise = _noise_of_each(noise_multiplier, len(members)) * limit
    steps, flat, one_hot = steps_of(epochs, rate), x.flatten(1), functional.one_hot(y, classes).float()
    places, real = places_of(members)
    model = start_ensemble(
        len(members), x.shape[1:], classes, hidden=hidden, seed=derive(seed, "weights"), bounds=bounds
    )
    optimiser = AdamW([*model.weights, *model.biases], weight_decay=0.0)
    samples, noisy = make_generator(derive(seed, "samples")), make_generator(derive(seed, "noise"))
    expected = (rate * real.sum(1))[:, None, None]
    with torch.no_grad(), threads():
        for step in range(steps):
            chosen, taken = places_of((torch.rand(places.shape, generator=samples) < rate) & real)
            at = places.gather(1, chosen)
            sent = [
                (total + noise * torch.randn(total.shape, generator=noisy)) / expected
                for total in _clipped_sums(model, flat[at], one_hot[at], taken, limit)
            ]
            optimiser.step(sent, lr)
            _report(progress, step, steps, f"training {len(members)} models with noise")
    return model


def _clipped_sums(model: Ensemble, x: Tensor, wanted: Tensor, taken: Tensor, clip: float) -> list[Tensor]:
    """Return the sum of the clipped gradients of each model: for every weight, then for every bias."""
    passed = model.entering(x)
    found = pass_back(model, passed, passed[-1].softmax(2) - wanted)
    squares = [(b**2).sum(2) * ((a**2).sum(2) + 1) for a, b in zip(passed[:-1], found, strict=True)]
    sizes = torch.stack(squares).sum(0).sqrt()
    shares = ((clip / sizes.clamp_min(1e-12)).clamp_max(1.0) * taken)[..., None]
    scaled = [each * shares for each in found]
    weights = [torch.bmm(a.transpose(1, 2), b) for a, b in zip(passed[:-1], scaled, strict=True)]
    return weights + [each.sum(1, keepdim=True) for each in scaled]


def _noise_of_each(noise_multiplier: float | Tensor, models: int) -> Tensor:
    if not isinstance(noise_multiplier, Tensor):
        return torch.full((models, 1, 1), length("noise_multiplier", noise_multiplier))
    noise = finite("noise_multiplier", noise_multiplier)
    if tuple(noise.shape) != (models,) or not bool((noise >= 0).all()):
        raise InvalidInputError(
            f"expected noise_multiplier as one number >= 0 for each of {models} models, got {noise}"
        )
    return noise[:, None, None]


def _rate(sample_rate: float) -> float:
    rate = size("sample_rate", sample_rate)
    if rate > 1:
        raise InvalidInputError(f"expected sample_rate above 0 and up to 1, got {sample_rate!r}")
    return rate


def _report(progress: Progress | None, step: int, steps: int, message: str) -> None:
    if progress is not None and ((step + 1) % max(1, steps // 50) == 0 or step + 1 == steps):
        progress(step + 1, steps, message)
