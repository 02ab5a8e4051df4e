"""Integrity of a stored model: which of its tensors are no longer what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from labkit.core.errors import InvalidInputError
from labkit.models import TorchClassifier

__all__ = ["tampered_tensors", "weight_digests"]


def weight_digests(model: TorchClassifier) -> dict[str, str]:
    """Return the SHA-256 of every tensor of a model, buffers included, by its name.

    Shape and type are part of the digest.  Keep the digests where whoever can write the model
    cannot, or sign them: next to the model they prove nothing.
    """
    return {
        name: hashlib.sha256(
            f"{tensor.dtype} {tuple(tensor.shape)} ".encode()
            + tensor.detach().cpu().contiguous().view(-1).numpy().tobytes()
        ).hexdigest()
        for name, tensor in model.module.state_dict().items()
    }


def tampered_tensors(model: TorchClassifier, digests: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the tensors that changed, are missing, or were added; sorted.

    Raises
    ------
    InvalidInputError
        When ``digests`` holds nothing: an empty list would vouch for every model.
    """
    if not digests:
        raise InvalidInputError("expected the digests of a model, got none: make them with weight_digests")
    found = weight_digests(model)
    names = found.keys() | digests.keys()
    return tuple(sorted(name for name in names if found.get(name) != digests.get(name)))
