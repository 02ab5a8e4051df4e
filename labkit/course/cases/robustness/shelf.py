"""Networks that a variant issues ready made, trained once on a machine and kept as safetensors.

The key of a network is the code that trains it, its settings, and the victim it begins from.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from torch import Tensor

from labkit.core.errors import IntegrityError, StorageError
from labkit.core.paths import cache_dir, ensure_dir
from labkit.data import Dataset
from labkit.defenses.certification import intervals, training
from labkit.defenses.robust_training import fast, loop, noise
from labkit.models.checkpoints import code_digest, exclusively, read_checkpoint, set_aside, write_checkpoint
from labkit.models.orders import Order

__all__ = ["Kept", "Progress", "kept"]

Progress = Callable[[int, int, str], None]

Kept = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors by name, and facts about them."""

_UNKEPT: dict[str, Kept] = {}
"""What the disk would not take, for the life of this process."""


def kept(
    name: str,
    settings: Mapping[str, Any],
    architecture: str,
    dataset: Dataset,
    make: Callable[[Progress | None], Kept],
    progress: Progress | None = None,
) -> Kept:
    """Return what ``make(progress)`` returned the first time it was asked for on this machine.

    Parameters
    ----------
    name : str
        What it is called on the disk; letters, digits and hyphens.
    settings : mapping
        All that decides how it turns out, beside the code, the data and the architecture.
    architecture, dataset
        Of the networks in it.
    make : function
        Returns tensors and facts; called by one process, while others wait.
    progress : function, optional
        ``progress(done, total, message)``.
    """
    key = _key(settings, architecture, dataset)
    if key in _UNKEPT:
        return _UNKEPT[key]
    path = cache_dir() / "robustness" / f"{name}-{architecture}-{dataset.card.name}-{key[:16]}.safetensors"
    found = _read(path, key)
    if found is not None:
        return found
    with ExitStack() as stack:
        try:
            ensure_dir(path.parent)
            stack.enter_context(exclusively(path, progress))
            found = _read(path, key)
            if found is not None:
                return found
            tensors, facts = make(progress)
            write_checkpoint(path, tensors, {"key": key, "facts": facts})
        except StorageError:
            _UNKEPT[key] = make(progress)
            return _UNKEPT[key]
    return tensors, facts


def _read(path: Path, key: str) -> Kept | None:
    try:
        found = read_checkpoint(path, key)
    except IntegrityError:
        set_aside(path)
        return None
    return None if found is None else (found[0], found[1]["facts"])


def _key(settings: Mapping[str, Any], architecture: str, dataset: Dataset) -> str:
    decisive = [settings, architecture, Order(architecture, dataset, 0).key, _code()]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


@functools.cache
def _code() -> str:
    """Digest the code that trains these networks."""
    return code_digest(loop, fast, noise, intervals, training)
