"""Who holds which data: evenly shared, or skewed so that every client sees classes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from labkit.core.checks import class_numbers, floats, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import make_generator

__all__ = ["Clients", "share_by_dirichlet", "share_evenly"]

_TRIES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Clients:
    """The data of all clients, filled up to one shape so that all of them can train at once.

    Attributes
    ----------
    x : Tensor of shape ``(clients, most, ...)`` float32
        Zeros where a client has fewer samples than the one that has most.
    y : Tensor of shape ``(clients, most)`` int64
    sizes : Tensor of shape ``(clients,)`` int64
        How many samples each client really has, one or more.
    """

    x: Tensor
    y: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, parts: Sequence[tuple[Tensor, Tensor]]) -> Clients:
        """Return clients that hold ``parts``, one pair of inputs and classes each.

        Raises
        ------
        InvalidInputError
            When there is no client, a client has no samples, or their inputs differ in shape.
        """
        if not parts:
            raise InvalidInputError("expected one client or more, got none")
        for number, (x, y) in enumerate(parts):
            floats(f"x of client {number}", x, axes=2)
            class_numbers(f"y of client {number}", y, len(x))
            if not len(x) or x.shape[1:] != parts[0][0].shape[1:]:
                raise InvalidInputError(
                    f"expected every client to hold samples of shape {tuple(parts[0][0].shape[1:])}, "
                    f"got {len(x)} of {tuple(x.shape[1:])} at client {number}"
                )
        sizes = torch.tensor([len(x) for x, _ in parts])
        first, most = parts[0][0], int(sizes.max())
        xs = first.new_zeros((len(parts), most, *first.shape[1:]))
        ys = torch.zeros((len(parts), most), dtype=torch.int64)
        for number, (x, y) in enumerate(parts):
            xs[number, : len(x)], ys[number, : len(y)] = x, y
        return cls(xs, ys, sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def data(self, client: int) -> tuple[Tensor, Tensor]:
        """Return what one client holds: inputs ``(n, ...)`` and classes ``(n,)``."""
        n = int(self.sizes[client])
        return self.x[client, :n], self.y[client, :n]


def share_evenly(y: Tensor, *, clients: int, seed: int | torch.Generator = 0) -> list[Tensor]:
    """Deal samples out at random, to every client as many as to any other or one more.

    Parameters
    ----------
    y : Tensor of shape ``(n,)`` int64
        The classes of the samples.
    clients : int
    seed : int or torch.Generator

    Returns
    -------
    list of Tensor
        Positions of the samples of each client, ascending.
    """
    _check(y, clients)
    order = torch.randperm(len(y), generator=make_generator(seed))
    return [part.sort().values for part in order.tensor_split(clients)]


def share_by_dirichlet(
    y: Tensor, *, clients: int, concentration: float, least: int = 10, seed: int | torch.Generator = 0
) -> list[Tensor]:
    """Deal the samples of each class out in shares that are drawn from a Dirichlet distribution.

    Parameters
    ----------
    y : Tensor of shape ``(n,)`` int64
        The classes of the samples.
    clients : int
    concentration : float
        Parameter of the distribution.  At 100 all clients hold nearly the same, at 1 they differ
        plainly, at 0.1 most of them hold two or three classes.
    least : int
        Shares are drawn again until every client has so many samples.
    seed : int or torch.Generator

    Returns
    -------
    list of Tensor
        Positions of the samples of each client, ascending.

    Raises
    ------
    InvalidInputError
        When a hundred draws leave some client with fewer than ``least`` samples.

    References
    ----------
    Hsu, Qi & Brown, "Measuring the Effects of Non-Identical Data Distribution for Federated
    Visual Classification", 2019.  https://arxiv.org/abs/1909.06335
    """
    _check(y, clients)
    spread, needed = size("concentration", concentration), whole("least", least)
    generator = make_generator(seed)
    # torch draws from a Dirichlet distribution with the global generator only.
    draw = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    for _ in range(_TRIES):
        parts: list[list[Tensor]] = [[] for _ in range(clients)]
        for each in torch.unique(y).tolist():
            found = (y == each).nonzero().flatten()
            found = found[torch.randperm(len(found), generator=generator)]
            ends = torch.from_numpy(draw.dirichlet([spread] * clients).cumsum())[:-1]
            for part, share in zip(
                parts, found.tensor_split((ends * len(found)).round().long()), strict=True
            ):
                part.append(share)
        shares = [torch.cat(part).sort().values for part in parts]
        if min(map(len, shares)) >= needed:
            return shares
    raise InvalidInputError(
        f"expected shares of {needed} samples or more for {clients} clients at concentration {spread:g}, "
        f"got fewer in {_TRIES} draws: raise concentration or lower least"
    )


def _check(y: Tensor, clients: int) -> None:
    if len(class_numbers("y", y, len(y))) < whole("clients", clients):
        raise InvalidInputError(f"expected one sample or more for each of {clients} clients, got {len(y)}")
