"""The architectures that victims are built from: one table, four small networks.

Weights are drawn from the generator that the caller hands in; nothing is seeded globally.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.seeds import make_generator

__all__ = ["ARCHITECTURES", "build"]

Shape = tuple[int, ...]


class Centre(nn.Module):
    """Move inputs from [0, 1] to [-1, 1], where a fresh network learns faster.

    Images go on with their channels last in memory, which makes the convolutions of small
    networks up to 40 % faster.  The gradient comes back in the layout of the input, because
    attacks take views of it.
    """

    def forward(self, x: Tensor) -> Tensor:
        centred = 2.0 * x - 1.0
        if centred.dim() != 4:
            return centred
        if centred.requires_grad:
            centred.register_hook(Tensor.contiguous)  # type: ignore[no-untyped-call]
        return centred.contiguous(memory_format=torch.channels_last)


class Residual(nn.Module):
    """Two 3×3 convolutions with batch norm, and a way around them."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        plain = stride == 1 and channels_in == channels
        self.around = nn.Identity() if plain else _convolution(channels_in, channels, stride, size=1)
        self.first = _convolution(channels_in, channels, stride)
        self.second = _convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(torch.relu(self.first(x)))
        return torch.relu(inner + self.around(x))


def _convolution(channels_in: int, channels: int, stride: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels),
    )


def _image_shape(name: str, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3 or min(shape[1:]) < 4:
        raise InvalidInputError(
            f"expected images of shape (channels, height, width), 4 pixels or more, for {name!r}; "
            f"got {shape}. Use mlp, logistic or gbt."
        )
    return shape[0], shape[1], shape[2]


def _cnn(shape: Shape, classes: int) -> nn.Module:
    """Stack convolutions of 16, 32, 32, ... channels that halve the image down to 4 to 7 pixels."""
    channels, height, width = _image_shape("cnn", shape)
    layers: list[nn.Module] = [Centre(), nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU()]
    channels = 16
    while min(height, width) >= 8:
        if min(height, width) >= 16:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        layers += [nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU()]
        channels = 32
        if min(height, width) < 16:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    features = channels * height * width
    layers += [nn.Flatten(), nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, classes)]
    return nn.Sequential(*layers)


def _resnet(shape: Shape, classes: int) -> nn.Module:
    """Stack a stem and residual blocks of 16, 32 and 64 channels, then take the mean over the image."""
    channels, height, width = _image_shape("resnet", shape)
    stride = 2 if min(height, width) >= 16 else 1
    return nn.Sequential(
        Centre(),
        _convolution(channels, 16, stride),
        nn.ReLU(),
        Residual(16, 16, 1),
        Residual(16, 32, 2),
        Residual(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def _mlp(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        Centre(),
        nn.Linear(prod(shape), 128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def _logistic(shape: Shape, classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), classes))


_NETWORKS: dict[str, Callable[[Shape, int], nn.Module]] = {
    "cnn": _cnn,
    "resnet": _resnet,
    "mlp": _mlp,
    "logistic": _logistic,
}

ARCHITECTURES: dict[str, str] = {
    "cnn": "small convolutional network",
    "resnet": "small residual network with batch norm",
    "mlp": "multi-layer perceptron with two hidden layers",
    "logistic": "logistic regression",
    "gbt": "gradient-boosted trees, black-box only",
}
"""Every architecture that a victim can have, and what it is in words."""


def build(name: str, input_shape: Shape, classes: int, *, seed: int | torch.Generator = 0) -> nn.Module:
    """Build an untrained network.

    Parameters
    ----------
    name : str
        ``cnn``, ``resnet``, ``mlp`` or ``logistic``.
    input_shape : tuple of int
        ``(channels, height, width)``, or ``(features,)`` for ``mlp`` and ``logistic``.
    classes : int
        Number of classes.
    seed : int or torch.Generator
        What the weights are drawn from.

    Raises
    ------
    UnknownNameError
        When no network has that name.
    InvalidInputError
        When the network takes images and ``input_shape`` is none.
    """
    if name not in _NETWORKS:
        raise UnknownNameError("network", name, _NETWORKS)
    # Building a layer draws from the global generator: what it draws is put back and the
    # weights are drawn again below.  (torch's meta device draws nothing, but imports its
    # compiler to do so.)
    with torch.random.fork_rng(devices=[]):
        module = _NETWORKS[name](tuple(input_shape), classes)
    return _initialise(module, make_generator(seed))


@torch.no_grad()
def _initialise(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draw weights as torch does by default (He uniform, a = √5), from ``generator``."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.weight = nn.Parameter(part.weight.contiguous(memory_format=torch.channels_last))
        if isinstance(part, nn.Conv2d | nn.Linear):
            fan_in = part.weight[0].numel()
            reach = fan_in**-0.5
            part.weight.uniform_(-reach, reach, generator=generator)
            if part.bias is not None:
                part.bias.uniform_(-reach, reach, generator=generator)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
    return module
