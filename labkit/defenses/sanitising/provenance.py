"""Provenance: keep what arrived as its source made it, batch by batch."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import tensor
from labkit.core.errors import InvalidInputError
from labkit.defenses.sanitising.screening import Screening

__all__ = ["Batch", "batch_digest", "provenance"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A part of a delivery that came from one source.

    Attributes
    ----------
    name : str
        What the delivery note calls it.
    source : str
        Who made it, as they say.
    indices : Tensor of shape ``(k,)``, int64
        Which samples of the delivery it holds, in their order.
    """

    name: str
    source: str
    indices: Tensor


def batch_digest(x: Tensor, y: Tensor) -> str:
    """Return the SHA-256 of samples and labels, shapes and types included, in hexadecimal."""
    total = hashlib.sha256()
    for name, part in (("x", x), ("y", y)):
        total.update(f"{name} {part.dtype} {tuple(part.shape)}\n".encode())
        total.update(part.detach().contiguous().numpy().tobytes())
    return total.hexdigest()


def provenance(
    x: Tensor, y: Tensor, batches: Iterable[Batch], allowed: Mapping[str, Iterable[str]]
) -> Screening:
    """Take out every batch that its source has not vouched for as it is.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The delivery.
    batches : iterable of Batch
        Which sample came with which batch; a sample of no batch has no provenance.
    allowed : mapping of source to digests
        What each source that is trusted published, by another way than the delivery itself:
        :func:`batch_digest` of every batch.  A digest vouches for one batch: the same one
        again, sent a second time, needs to have been published twice.

    Returns
    -------
    Screening
        Scores are 1 for samples whose batch is not vouched for, else 0.

    Raises
    ------
    InvalidInputError
        When samples and labels do not fit together, or a batch names what is no sample, a
        sample twice, or one that another batch has.

    Notes
    -----
    The list says that nothing changed *after* a source published its digest.  What the
    source itself made wrong, it does not say.
    """
    for name, given in (("x", x), ("y", y)):
        tensor(name, given)
    if len(x) != len(y):
        raise InvalidInputError(f"expected a label for each sample, got {len(x)} samples and {len(y)} labels")
    # Each published digest is worth one batch: who sends a batch twice has one for the first only.
    vouched = {source: Counter(digests) for source, digests in allowed.items()}
    doubtful = torch.ones(len(y), dtype=torch.bool)
    seen = torch.zeros(len(y), dtype=torch.bool)
    known = 0
    for batch in batches:
        where = _positions(batch, seen)
        seen[where] = True
        left = vouched.get(batch.source, Counter())
        digest = batch_digest(x[where], y[where])
        if left[digest] > 0:
            left[digest] -= 1
            doubtful[where] = False
            known += 1
    return Screening("provenance", doubtful.float(), doubtful, {"vouched_batches": known})


def _positions(batch: Batch, seen: Tensor) -> Tensor:
    """Return the samples of a batch, each once, none of which was seen before."""
    where, last = tensor("indices", batch.indices), len(seen) - 1
    if where.dtype != torch.int64 or where.dim() != 1:
        raise InvalidInputError(
            f"expected the indices of batch {batch.name!r} as int64 of shape (k,), "
            f"got {where.dtype} of {tuple(where.shape)}"
        )
    if where.numel() and not (int(where.min()) >= 0 and int(where.max()) <= last):
        raise InvalidInputError(f"batch {batch.name!r} names samples outside 0 to {last}")
    if len(set(where.tolist())) != len(where):
        raise InvalidInputError(
            f"batch {batch.name!r} names a sample twice: each sample comes once, in one batch"
        )
    if bool(seen[where].any()):
        raise InvalidInputError(f"batch {batch.name!r} names samples that another batch has")
    return where
