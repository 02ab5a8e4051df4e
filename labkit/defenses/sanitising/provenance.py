"""Provenance: keep what arrived as its source made it, batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

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
    for name, tensor in (("x", x), ("y", y)):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.detach().contiguous().numpy().tobytes())
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
        :func:`batch_digest` of every batch.

    Returns
    -------
    Screening
        Scores are 1 for samples whose batch is not vouched for, else 0.

    Notes
    -----
    The list says that nothing changed *after* a source published its digest.  What the
    source itself made wrong, it does not say.
    """
    vouched = {source: frozenset(digests) for source, digests in allowed.items()}
    doubtful = torch.ones(len(y), dtype=torch.bool)
    seen = torch.zeros(len(y), dtype=torch.bool)
    known = 0
    for batch in batches:
        where = batch.indices
        if where.numel() and not (int(where.min()) >= 0 and int(where.max()) < len(y)):
            raise InvalidInputError(f"batch {batch.name!r} names samples outside 0 to {len(y) - 1}")
        if bool(seen[where].any()):
            raise InvalidInputError(f"batch {batch.name!r} names samples that another batch has")
        seen[where] = True
        if batch_digest(x[where], y[where]) in vouched.get(batch.source, frozenset()):
            doubtful[where] = False
            known += 1
    return Screening("provenance", doubtful.float(), doubtful, {"vouched_batches": known})
