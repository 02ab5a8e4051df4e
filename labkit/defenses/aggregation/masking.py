"""Secure aggregation: masks that cancel in the sum, so that the server learns the sum and no more.

A demonstration of the core of the protocol.  Agreement on the masks (a key exchange) and the
recovery from clients that drop out (shares of their secrets) are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import floats, tensor, whole
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive, make_generator
from labkit.defenses.aggregation._common import check_updates
from labkit.models.federated.rounds import Aggregation, Aggregator

__all__ = ["FixedPoint", "grouped", "masked_updates", "pairwise_masks"]


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Numbers as integers modulo ``2 ** bits``: sums are exact, and nothing in them has a size.

    Attributes
    ----------
    bits : int
        Size of the ring, from 2 to 62.
    fraction_bits : int
        Binary places after the point; more are finer, and leave less room before the ring wraps.
    """

    bits: int = 32
    fraction_bits: int = 16

    def __post_init__(self) -> None:
        whole("fraction_bits", self.fraction_bits, at_least=0)
        if whole("bits", self.bits, at_least=2) > 62 or self.fraction_bits >= self.bits:
            raise InvalidInputError(
                f"expected bits from 2 to 62 and fraction_bits below that, "
                f"got {self.bits} and {self.fraction_bits}"
            )

    @property
    def largest(self) -> float:
        """The largest number that a sum may reach before it wraps around."""
        return float((2 ** (self.bits - 1) - 1) / 2**self.fraction_bits)

    def encode(self, values: Tensor) -> Tensor:
        """Return floats as integers in ``[0, 2 ** bits)``, int64; rounded to the nearest step."""
        floats("values", values)
        steps = (values.double() * 2**self.fraction_bits).round()
        return steps.to(torch.int64).remainder(2**self.bits)

    def decode(self, numbers: Tensor) -> Tensor:
        """Return integers of the ring as floats; the upper half of the ring stands for what is negative."""
        half = 2 ** (self.bits - 1)
        signed = (tensor("numbers", numbers) + half).remainder(2**self.bits) - half
        return (signed.double() / 2**self.fraction_bits).float()


def pairwise_masks(clients: int, length: int, *, bits: int = 32, seed: int = 0) -> Tensor:
    """Return one mask for each client; together they add up to zero modulo ``2 ** bits``.

    Every two clients share a secret, from which both draw the same numbers; one adds them, the
    other takes them off.  To whoever lacks the secrets of a client its mask is random.

    Parameters
    ----------
    clients, length : int
        How many masks, and of how many numbers each.
    bits : int
        Size of the ring, from 1 to 62.
    seed : int
        What the secret of each pair is derived from.

    Returns
    -------
    Tensor of shape ``(clients, length)`` int64, in ``[0, 2 ** bits)``

    References
    ----------
    Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning",
    CCS 2017.  https://doi.org/10.1145/3133956.3133982
    """
    n, d = whole("clients", clients), whole("length", length)
    if whole("bits", bits) > 62:
        raise InvalidInputError(f"expected bits from 1 to 62, got {bits}")
    masks = torch.zeros(n, d, dtype=torch.int64)
    for one in range(n):
        for other in range(one + 1, n):
            drawn = torch.randint(
                2**bits, (d,), generator=make_generator(derive(seed, "pair", one, other)), dtype=torch.int64
            )
            masks[one] = (masks[one] + drawn).remainder(2**bits)
            masks[other] = (masks[other] - drawn).remainder(2**bits)
    return masks


def masked_updates(updates: Tensor, *, numbers: FixedPoint | None = None, seed: int = 0) -> Tensor:
    """Return what the server receives: each update as integers, with a mask on it.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    numbers : FixedPoint, optional
        How floats become integers; 32 bits with 16 after the point without it.
    seed : int
        What the secrets of the pairs are derived from.

    Returns
    -------
    Tensor of shape ``(n, d)`` int64
        The sum over clients, decoded, is the sum of the updates; a row alone says nothing.
    """
    given, ring = check_updates(updates), numbers or FixedPoint()
    masks = pairwise_masks(len(given), given.shape[1], bits=ring.bits, seed=seed)
    return (ring.encode(given) + masks).remainder(2**ring.bits)


def grouped(
    updates: Tensor,
    *,
    group_size: int,
    aggregate: Aggregator,
    numbers: FixedPoint | None = None,
    seed: int = 0,
) -> Aggregation:
    """Sum clients up in groups under masks, and let a rule judge the means of the groups.

    The server sees no client alone, only sums over ``group_size`` of them, and a rule against
    liars still has several things to compare.  One liar spoils the whole group.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    group_size : int
        Clients in each group, from 1 (no protection) to ``n`` (one sum).  Those that are left
        over join the last group.
    aggregate : function
        What judges the means of the groups, ``(groups, d)``.
    numbers : FixedPoint, optional
    seed : int
        Decides who is in whose group, and the masks; a new one every round.

    Returns
    -------
    Aggregation
        Its weights share what each group counted among its members.
    """
    given, each = check_updates(updates), whole("group_size", group_size)
    ring, n = numbers or FixedPoint(), len(given)
    if each > n:
        raise InvalidInputError(f"expected group_size from 1 to {n}, got {each}")
    order = torch.randperm(n, generator=make_generator(derive(seed, "groups")))
    groups = _split(order, each)
    means = torch.stack(
        [
            ring.decode(masked_updates(given[who], numbers=ring, seed=derive(seed, "masks", i)).sum(0))
            / len(who)
            for i, who in enumerate(groups)
        ]
    )
    made = aggregate(means)
    weights = torch.zeros(n)
    for who, share in zip(groups, made.weights.tolist(), strict=True):
        weights[who] = share / len(who)
    return Aggregation(made.update, weights)


def _split(order: Tensor, each: int) -> Sequence[Tensor]:
    count = len(order) // each
    if count < 2:
        return [order]
    even = (count - 1) * each
    return [*torch.split(order[:even], each), order[even:]]
