"""Sponge examples: inputs that keep as many units of a network busy as they can."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.protocols import check_batch
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.models import TorchClassifier

__all__ = ["sponge"]

Progress = Callable[[int, int, str], None]

_RECTIFIERS = (nn.ReLU, nn.ReLU6)


def sponge(
    model: TorchClassifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    steps: int = 60,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Change inputs, within L-infinity, so that fewer units of the network are silent.

    Hardware that skips zeros saves energy on silent units; a batch of sponges takes that saving away
    and lets a service miss its deadlines.  What an input then costs,
    :func:`labkit.metrics.activation_density` measures.

    Parameters
    ----------
    model : TorchClassifier
        The victim, with rectifiers as modules; a copy of it is used.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds, and their true classes.
    epsilon : float
        Perturbation budget in the units of ``x``.
    steps : int
        Steps of the search, which grow shorter, down to nothing.
    seed : int or torch.Generator
        Where the search begins.
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    AdversarialExamples

    Raises
    ------
    InvalidInputError
        When inputs and model do not fit, or the model has no rectifier.

    References
    ----------
    Shumailov et al., "Sponge Examples: Energy-Latency Attacks on Neural Networks", EuroS&P 2021.
    https://arxiv.org/abs/2006.03463
    """
    check_batch(model, x, y)
    budget, total, generator = length("epsilon", epsilon), whole("steps", steps), make_generator(seed)
    watched = _Watched(model.module)
    x = x.detach()
    x_adv = x + budget * (2 * torch.rand(x.shape, generator=generator, dtype=x.dtype) - 1)
    best, busiest = x.clone(), watched.density(x)
    for step in range(total):
        x_adv = x_adv.clamp(x - budget, x + budget).clamp(*model.bounds)
        uphill, density = watched.slope(x_adv)
        better = density > busiest
        best[better], busiest[better] = x_adv[better], density[better]
        x_adv = x_adv + budget / 4 * (1 - step / total) * uphill.sign()
        if progress is not None:
            progress(step + 1, total, "looking for costly inputs")
    return AdversarialExamples(
        x=x,
        x_adv=best,
        y=y,
        attack="sponge",
        params={
            "epsilon": budget,
            "norm": "linf",
            "steps": total,
            "seed": seed if isinstance(seed, int) else None,
        },
    )


class _Watched:
    """A copy of a network whose rectifiers are listened to."""

    def __init__(self, module: nn.Module) -> None:
        self.network = copy.deepcopy(module).requires_grad_(False)
        self.heard: list[Tensor] = []
        rectifiers = [part for part in self.network.modules() if isinstance(part, _RECTIFIERS)]
        if not rectifiers:
            raise InvalidInputError("expected a network with rectifiers (torch.nn.ReLU), got none")
        for part in rectifiers:
            part.register_forward_hook(lambda _module, given, _result: self.heard.append(given[0]))

    def _listen(self, x: Tensor) -> list[Tensor]:
        self.heard.clear()
        self.network(x)
        return [each.flatten(1) for each in self.heard]

    def density(self, x: Tensor) -> Tensor:
        """Return the share of the units that are not silent, shape ``(n,)``."""
        with threads(), torch.no_grad():
            return torch.cat([(each > 0).float() for each in self._listen(x)], 1).mean(1)

    def slope(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return where a soft count of busy units grows fastest, and the true share of them."""
        with threads(), torch.inference_mode(False), torch.enable_grad():
            leaf = x.clone().requires_grad_(True)
            before = torch.cat(self._listen(leaf), 1)
            scale = before.detach().abs().mean().clamp_min(1e-6)
            (gradient,) = torch.autograd.grad((before / scale).sigmoid().sum(), leaf)
        return gradient, (before.detach() > 0).float().mean(1)
