"""What identifies a victim: its architecture, its data, its seed and the code that trains it."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from labkit.core.paths import cache_dir
from labkit.models import architectures, optimiser, recipes, training, trees
from labkit.models.checkpoints import code_digest

__all__ = ["Order", "VictimData", "training_digest"]


class _Split(Protocol):
    @property
    def x(self) -> Tensor: ...
    @property
    def y(self) -> Tensor: ...


class _Card(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...


class VictimData(Protocol):
    """What a victim needs of a data set; ``labkit.data.Dataset`` has it all."""

    @property
    def card(self) -> _Card: ...
    @property
    def train(self) -> _Split: ...
    @property
    def test(self) -> _Split: ...
    @property
    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One victim, wanted or kept."""

    architecture: str
    dataset: VictimData
    seed: int

    @property
    def title(self) -> str:
        """The victim in words, for progress messages."""
        return f"{self.architecture} on {self.dataset.card.name}"

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.dataset.train.x.shape[1:])

    @property
    def classes(self) -> int:
        return len(self.dataset.card.classes)

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe; an unknown architecture is an UnknownNameError."""
        return recipes.recipe(self.architecture, self.input_shape)

    @property
    def key(self) -> str:
        """SHA-256 over all that decides how this victim turns out."""
        decisive = {
            "architecture": self.architecture,
            "settings": self.settings,
            "code": training_digest(),
            "data": self.dataset.digest,
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    @property
    def path(self) -> Path:
        """Where the weights are kept: a name that a person can read, and the key."""
        name = re.sub(r"[^a-z0-9]+", "-", self.dataset.card.name.lower()).strip("-") or "data"
        return cache_dir() / "victims" / f"{self.architecture}-{name}-{self.key[:16]}.safetensors"

    def card(self) -> dict[str, Any]:
        """Return what is written beside the weights."""
        return {
            "key": self.key,
            "architecture": self.architecture,
            "dataset": self.dataset.card.name,
            "data_sha256": self.dataset.digest,
            "seed": self.seed,
            "settings": self.settings,
            "input_shape": list(self.input_shape),
            "classes": self.classes,
        }


@functools.cache
def training_digest() -> str:
    """Return a digest of the code that decides how victims turn out."""
    return code_digest(architectures, optimiser, recipes, training, trees)
