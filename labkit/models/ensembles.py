"""Many small networks side by side: one multiplication trains or asks all of them.

Attacks on membership and audits of privacy need dozens of models that differ in nothing but
their data and their first weights.  A loop over them spends its time between the
multiplications; here every weight has an axis more, and a batched multiplication serves all.
The layers are linear with rectifiers between them, so the gradient of one record is an outer
product in each layer and its length is known without ever being held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import class_numbers, floats, length, size, tensor, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.models.classifier import TorchClassifier
from labkit.models.optimiser import AdamW

__all__ = ["Ensemble", "pass_back", "places_of", "start_ensemble", "train_ensemble"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Networks of one shape, each with weights of its own.

    Attributes
    ----------
    weights : tuple of Tensor, each of shape ``(models, before, after)``
        One for each linear layer, from the inputs on; rectifiers stand between them.
    biases : tuple of Tensor, each of shape ``(models, 1, after)``
    input_shape : tuple of int
        Shape of one input; it is flattened.
    bounds : pair of float
        Smallest and largest legal value of an input.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    input_shape: tuple[int, ...]
    bounds: tuple[float, float] = (0.0, 1.0)

    def __len__(self) -> int:
        return len(self.weights[0])

    @property
    def classes(self) -> int:
        return int(self.weights[-1].shape[2])

    def logits(self, x: Tensor) -> Tensor:
        """Return what every model says about the same inputs, ``(models, n, classes)``.

        Parameters
        ----------
        x : Tensor of shape ``(n, ...)``
        """
        if tuple(tensor("x", x).shape[1:]) != self.input_shape:
            raise InvalidInputError(
                f"expected x of shape (n, {', '.join(map(str, self.input_shape))}), got {tuple(x.shape)}"
            )
        with torch.no_grad(), threads():
            return self.entering(x.flatten(1).expand(len(self), -1, -1))[-1]

    def entering(self, x: Tensor) -> list[Tensor]:
        """Return what enters each layer, and last the logits.

        Parameters
        ----------
        x : Tensor of shape ``(models, n, values)``
            Inputs of each model, flattened.
        """
        passed = [x]
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            out = torch.bmm(passed[-1], weight) + bias
            passed.append(out if number + 1 == len(self.weights) else out.relu())
        return passed

    def member(self, number: int) -> TorchClassifier:
        """Return one of the models, as a classifier with weights of its own."""
        layers: list[nn.Module] = [nn.Flatten()]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            with torch.random.fork_rng(devices=[]):
                layer = nn.Linear(int(weight.shape[1]), int(weight.shape[2]))
            with torch.no_grad():
                layer.weight.copy_(weight[number].T)
                layer.bias.copy_(bias[number, 0])
            layers += [layer, nn.ReLU()]
        module = nn.Sequential(*layers[:-1]).requires_grad_(False)
        return TorchClassifier(module, self.input_shape, self.classes, self.bounds)

    def part(self, numbers: Sequence[int] | slice) -> Ensemble:
        """Return some of the models, in the order that is asked for."""
        chosen = numbers if isinstance(numbers, slice) else list(numbers)
        return Ensemble(
            tuple(weight[chosen] for weight in self.weights),
            tuple(bias[chosen] for bias in self.biases),
            self.input_shape,
            self.bounds,
        )


def start_ensemble(
    models: int,
    input_shape: Sequence[int],
    classes: int,
    *,
    hidden: Sequence[int] = (64,),
    seed: int | torch.Generator = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Ensemble:
    """Return untrained networks, each with first weights of its own.

    Parameters
    ----------
    models : int
    input_shape : sequence of int
    classes : int
    hidden : sequence of int
        Width of each hidden layer; none for a linear model.
    seed : int or torch.Generator
    bounds : pair of float
    """
    count, generator = whole("models", models), make_generator(seed)
    widths = [prod(input_shape), *(whole("hidden", width) for width in hidden), whole("classes", classes)]
    weights, biases = [], []
    for before, after in pairwise(widths):
        reach = before**-0.5
        weights.append((2 * torch.rand(count, before, after, generator=generator) - 1) * reach)
        biases.append((2 * torch.rand(count, 1, after, generator=generator) - 1) * reach)
    return Ensemble(tuple(weights), tuple(biases), tuple(input_shape), bounds)


def pass_back(model: Ensemble, passed: Sequence[Tensor], slopes: Tensor) -> list[Tensor]:
    """Return the slope of the loss at the output of each layer, ``(models, n, after)``.

    Parameters
    ----------
    model : Ensemble
    passed : sequence of Tensor
        What :meth:`Ensemble.entering` returned.
    slopes : Tensor of shape ``(models, n, classes)``
        Slope of the loss at the logits.
    """
    found = [slopes]
    for number in range(len(model.weights) - 1, 0, -1):
        back = torch.bmm(found[0], model.weights[number].transpose(1, 2))
        found.insert(0, back * (passed[number] > 0))
    return found


def places_of(members: Tensor) -> tuple[Tensor, Tensor]:
    """Return which records each model may take, padded, and which entries are no padding.

    Parameters
    ----------
    members : Tensor of shape ``(models, n)``, bool

    Returns
    -------
    places : Tensor of shape ``(models, most)``, int64
    real : Tensor of shape ``(models, most)``, bool
    """
    most = int(members.sum(1).max())
    places = members.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
    return places, members.gather(1, places)


def check_members(x: Tensor, y: Tensor, members: Tensor, classes: int) -> None:
    """Raise when these are no records with classes, or when a model would learn from nothing."""
    class_numbers("y", y, len(floats("x", x, axes=2)), classes)
    if tensor("members", members).dtype != torch.bool or members.dim() != 2 or members.shape[1] != len(x):
        raise InvalidInputError(
            f"expected members as True and False of shape (models, {len(x)}), "
            f"got {members.dtype} of shape {tuple(members.shape)}"
        )
    if not len(members) or not bool(members.any(1).all()):
        raise InvalidInputError(
            "expected one record or more for every model, got a row of members without any"
        )


def train_ensemble(
    x: Tensor,
    y: Tensor,
    members: Tensor,
    *,
    classes: int,
    hidden: Sequence[int] = (64,),
    epochs: int = 60,
    batch_size: int | None = None,
    lr: float = 0.01,
    weight_decay: float = 0.0,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> Ensemble:
    """Train one network for each row of ``members``, all at once.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        The records that the models draw from.
    members : Tensor of shape ``(models, n)``, bool
        Which of them each model is trained on.
    classes : int
    hidden : sequence of int
        Width of each hidden layer; none for a linear model.
    epochs : int
        Passes over the records.
    batch_size : int, optional
        Records of one step; all of a model's records by default.
    lr, weight_decay : float
        Learning rate, which warms up over the first tenth, and decay of :class:`AdamW`.
    seed : int
        Decides first weights and orders.
    bounds : pair of float
    progress : function, optional
        ``progress(done, total, message)``.

    Raises
    ------
    InvalidInputError
        When the records, their classes or ``members`` do not fit one another.
    """
    check_members(x, y, members, whole("classes", classes))
    lr, decay, rounds = size("lr", lr), length("weight_decay", weight_decay), whole("epochs", epochs)
    flat, one_hot = x.flatten(1), functional.one_hot(y, classes).float()
    places, real = places_of(members)
    taken = places.shape[1] if batch_size is None else min(whole("batch_size", batch_size), places.shape[1])
    model = start_ensemble(
        len(members), x.shape[1:], classes, hidden=hidden, seed=derive(seed, "weights"), bounds=bounds
    )
    optimiser = AdamW([*model.weights, *model.biases], weight_decay=decay)
    order = make_generator(derive(seed, "order"))
    a_round = max(1, places.shape[1] // taken)
    steps = rounds * a_round
    everything = (flat[places], one_hot[places], real) if taken == places.shape[1] else None
    with torch.no_grad(), threads():
        for step in range(steps):
            batch = everything
            if batch is None:
                if step % a_round == 0:
                    shuffled = torch.rand(places.shape, generator=order).argsort(1)
                start = (step % a_round) * taken
                chosen = shuffled[:, start : start + taken]
                at = places.gather(1, chosen)
                batch = flat[at], one_hot[at], real.gather(1, chosen)
            records, wanted, counts = batch
            passed = model.entering(records)
            slopes = (passed[-1].softmax(2) - wanted) * counts[..., None]
            slopes = slopes / counts.sum(1).clamp_min(1)[:, None, None]
            found = pass_back(model, passed, slopes)
            gradients = [torch.bmm(a.transpose(1, 2), b) for a, b in zip(passed[:-1], found, strict=True)]
            gradients += [each.sum(1, keepdim=True) for each in found]
            optimiser.step(gradients, lr * min(1.0, (step + 1) / (0.1 * steps)))
            if progress is not None and ((step + 1) % max(1, steps // 50) == 0 or step + 1 == steps):
                progress(step + 1, steps, f"training {len(members)} models side by side")
    return model
