"""Local training of all clients at once: one more axis in every weight, one product for all of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import floats, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import make_generator
from labkit.models.classifier import TorchClassifier
from labkit.models.federated.clients import Clients

__all__ = ["batches", "local_updates", "model_with", "weights_of"]


def weights_of(module: nn.Module) -> Tensor:
    """Return all parameters of a module one after the other, shape ``(d,)`` float32, as a copy."""
    return torch.cat([weight.detach().flatten() for weight in module.parameters()])


def model_with(module: nn.Module, weights: Tensor, clients: Clients) -> TorchClassifier:
    """Return the victim that a module with these weights is; the module stays as it was.

    Parameters
    ----------
    module : nn.Module
    weights : Tensor of shape ``(d,)``
        As :func:`weights_of` returns them.
    clients : Clients
        Whose inputs it reads.
    """
    made = copy.deepcopy(module)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            weight.copy_(_cut(module, weights[None])[name][0])
    shape = tuple(clients.x.shape[2:])
    with torch.no_grad():
        outputs = int(made.eval()(clients.x[0, :1]).shape[1])
    return TorchClassifier(made.requires_grad_(False), shape, outputs)


def local_updates(
    module: nn.Module,
    weights: Tensor,
    clients: Clients,
    *,
    epochs: int = 1,
    lr: float = 0.1,
    batch_size: int = 32,
    seed: int | torch.Generator = 0,
) -> Tensor:
    """Train every client from the same weights on its own data, and return how far each one came.

    Plain stochastic gradient descent on the mean cross-entropy of a batch.  All clients take a
    step together; a client that has no more batches in an epoch waits for the others.

    Parameters
    ----------
    module : nn.Module
        The shape of the network; its weights are not used, and it is left as it was.  Linear layers
        and what lies between them, as in ``mlp`` and ``logistic``.
    weights : Tensor of shape ``(d,)`` float32
        Where training starts.
    clients : Clients
    epochs, batch_size : int
        Passes of a client over its data, and samples a step.
    lr : float
        Learning rate.
    seed : int or torch.Generator
        Decides the order of the samples.

    Returns
    -------
    Tensor of shape ``(clients, d)`` float32
        Weights after training less those before.  Not finite where training diverged.

    Raises
    ------
    InvalidInputError
        When the weights do not fit the module, or the module is not made of linear layers.

    References
    ----------
    McMahan, Moore, Ramage, Hampson & Agüera y Arcas, "Communication-Efficient Learning of Deep
    Networks from Decentralized Data", AISTATS 2017.  https://arxiv.org/abs/1602.05629
    """
    _check_module(module)
    floats("weights", weights, (sum(each.numel() for each in module.parameters()),))
    whole("epochs", epochs)
    whole("batch_size", batch_size)
    step, generator = size("lr", lr), make_generator(seed)
    start = weights.expand(len(clients), -1)
    now = {name: part.clone() for name, part in _cut(module, start).items()}
    rows = torch.arange(len(clients))[:, None]

    def scores(chosen: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(module, chosen, (x,))

    with threads(), torch.enable_grad():
        for chosen, present in batches(clients.sizes, epochs, batch_size, generator):
            leaves = {name: part.requires_grad_() for name, part in now.items()}
            made = torch.func.vmap(scores)(leaves, clients.x[rows, chosen])
            losses = functional.cross_entropy(
                made.flatten(0, 1), clients.y[rows, chosen].flatten(), reduction="none"
            ).view_as(present)
            counts = present.sum(1).clamp_min(1)
            loss = ((losses * present).sum(1) / counts).sum()
            slopes = torch.autograd.grad(loss, list(leaves.values()))
            now = {
                name: part.detach().sub_(slope, alpha=step)
                for (name, part), slope in zip(leaves.items(), slopes, strict=True)
            }
    return torch.cat([part.flatten(1) for part in now.values()], 1) - start


def _check_module(module: nn.Module) -> None:
    """Refuse what many clients cannot share: statistics of inputs, and layouts of pictures."""
    if next(module.buffers(), None) is not None or any(
        isinstance(part, nn.Conv2d) for part in module.modules()
    ):
        raise InvalidInputError(
            "expected a network of linear layers, got one with convolutions or batch normalisation: use mlp "
            "or logistic"
        )


def batches(
    sizes: Tensor, epochs: int, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the positions of each client's next batch, and which of them are really there.

    Parameters
    ----------
    sizes : Tensor of shape ``(clients,)`` int64
    epochs, batch_size : int
    generator : torch.Generator

    Yields
    ------
    chosen : Tensor of shape ``(clients, batch_size)`` int64
    present : Tensor of the same shape, bool
    """
    most = int(sizes.max())
    absent = torch.arange(most) >= sizes[:, None]
    for _ in range(epochs):
        keys = torch.rand(len(sizes), most, generator=generator).masked_fill_(absent, 2.0)
        order = keys.argsort(1)
        for begin in range(0, most, batch_size):
            places = torch.arange(begin, min(begin + batch_size, most))
            yield order[:, places], places < sizes[:, None]


def _cut(module: nn.Module, weights: Tensor) -> dict[str, Tensor]:
    """Return the weights of many clients, shape ``(clients, d)``, by the parameter they belong to."""
    named = dict(module.named_parameters())
    parts = torch.split(weights, [each.numel() for each in named.values()], 1)
    return {
        name: part.reshape(-1, *each.shape) for (name, each), part in zip(named.items(), parts, strict=True)
    }
