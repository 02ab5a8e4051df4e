"""Tiny real victims for the tests: one whose answers can be worked out by hand, one trained in a second."""

from functools import lru_cache

import torch
from torch import nn

from labkit import data
from labkit.models import TorchClassifier, build, train


def linear(weights=(1.0, -2.0, 0.5, 0.25), bias=0.0):
    """Return a victim of two classes with logits ``w·x + b`` and ``-(w·x + b)``."""
    layer = nn.Linear(len(weights), 2)
    w = torch.tensor(weights)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([w, -w]))
        layer.bias.copy_(torch.tensor([bias, -bias]))
    return TorchClassifier(layer.requires_grad_(False), (len(weights),), 2)


@lru_cache(maxsize=1)
def small_cnn():
    """Return a CNN trained for about a second, with 60 test inputs and their classes."""
    digits = data.load("digits")
    module = build("cnn", (1, 8, 8), 10, seed=0)
    model = train(module, digits.train.x[:800], digits.train.y[:800], epochs=8, seed=0)
    return model, digits.test.x[:60], digits.test.y[:60]
