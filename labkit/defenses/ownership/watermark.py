"""A watermark: keys that mean nothing, with random answers that the model is trained to give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from labkit.core.checks import whole
from labkit.core.seeds import derive, make_generator
from labkit.defenses.ownership.keys import KeySet
from labkit.models.classifier import TorchClassifier
from labkit.models.training import train

__all__ = ["embed_watermark", "noise_keys"]


def noise_keys(count: int, input_shape: tuple[int, ...], classes: int, *, seed: int = 0) -> KeySet:
    """Draw keys of random noise with random answers: no model gives these unless it learned them.

    The answers are drawn from the classes uniformly and independently of everything else, so the
    chance of one over their number is exact, whatever the suspect is.

    Parameters
    ----------
    count : int
    input_shape : tuple of int
    classes : int
    seed : int
        The owner's secret.

    References
    ----------
    Adi et al., "Turning Your Weakness Into a Strength: Watermarking Deep Neural Networks by
    Backdooring", USENIX Security 2018.  https://arxiv.org/abs/1802.04633
    """
    count, classes = whole("count", count), whole("classes", classes, at_least=2)
    generator = make_generator(derive(seed, "watermark"))
    x = torch.rand(count, *input_shape, generator=generator)
    y = torch.randint(classes, (count,), generator=generator)
    return KeySet(x, y, 1 / classes, "watermark", {"count": count, "seed": seed})


def embed_watermark(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    keys: KeySet,
    *,
    repeats: int = 2,
    fit: Callable[..., TorchClassifier] = train,
    **settings: Any,
) -> TorchClassifier:
    """Train a copy of ``module`` on samples and on the keys.

    Parameters
    ----------
    module : nn.Module
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
    keys : KeySet
    repeats : int
        How often each key is shown in an epoch.
    fit : function
        What trains, with the signature of :func:`labkit.models.train`.
    settings
        As ``fit`` takes them.
    """
    again = whole("repeats", repeats)
    return fit(module, torch.cat([x, *[keys.x] * again]), torch.cat([y, *[keys.y] * again]), **settings)
