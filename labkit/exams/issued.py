"""What a candidate gets for a task: tensors in safetensors, facts in JSON, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import IntegrityError, InvalidInputError, UnknownNameError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import canonical

if TYPE_CHECKING:
    from torch import Tensor, nn

    from labkit.models import TorchClassifier

__all__ = [
    "Issued",
    "architecture_of",
    "build_module",
    "digest_of_issued",
    "load_model",
    "model_tensors",
    "read_issued",
    "state_of",
    "write_issued",
]

TENSORS, FACTS = "materials.safetensors", "facts.json"


@dataclass(frozen=True, slots=True)
class Issued:
    """Materials of one task.

    Attributes
    ----------
    tensors : mapping of str to Tensor
        Data by name; the weights of a model ``victim`` are called ``victim/<name>``.
    facts : mapping of str to Any
        Plain JSON.  ``dims`` names sizes, ``models`` says how each model is built:
        ``{"victim": {"architecture", "input_shape", "classes"}}``.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict, hash=False)
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)


def write_issued(folder: Path, issued: Issued) -> None:
    """Write ``materials.safetensors`` and ``facts.json``; the folder is made.

    Raises
    ------
    StorageError
        When the disk is full or read-only.
    InvalidInputError
        When a fact is nothing that JSON can hold.
    """
    facts = json.dumps(json.loads(canonical(issued.facts)), indent=1, ensure_ascii=False, sort_keys=True)
    ensure_dir(folder)
    write_whole(folder / TENSORS, _bytes_of(issued.tensors))
    write_whole(folder / FACTS, facts.encode() + b"\n")


def read_issued(folder: Path) -> Issued:
    """Return the materials that :func:`write_issued` wrote.

    Raises
    ------
    IntegrityError
        When they are missing or damaged.
    """
    import safetensors.torch

    try:
        tensors = safetensors.torch.load((folder / TENSORS).read_bytes())
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise IntegrityError(f"the materials in {folder} cannot be read: {error}") from error
    return Issued(tensors, facts)


def load_model(issued: Issued | Path, name: str = "victim", *, seed: int = 0) -> TorchClassifier:
    """Return an issued model as a victim with gradients.

    Parameters
    ----------
    issued : Issued or Path
        The materials, or their folder.
    name : str
        Which model.
    seed : int
        Nothing depends on it once the weights are loaded; kept for a model issued without weights.

    Raises
    ------
    UnknownNameError
        When no model of that name was issued.
    """
    from labkit.models import TorchClassifier

    kept = read_issued(issued) if isinstance(issued, Path) else issued
    about = architecture_of(kept.facts, name)
    module = build_module(about, seed=seed)
    if weights := state_of(kept.tensors, name):
        module.load_state_dict(weights)
    low, high = about.get("bounds", (0.0, 1.0))
    return TorchClassifier(module, tuple(about["input_shape"]), int(about["classes"]), (low, high))


def model_tensors(name: str, module: nn.Module) -> dict[str, Tensor]:
    """Return the weights of ``module`` under the names that an issued model has."""
    return {f"{name}/{key}": value.detach().clone() for key, value in module.state_dict().items()}


def state_of(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the state dict of the model ``name``; empty when its weights were not issued."""
    start = f"{name}/"
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}


def architecture_of(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return how the model ``name`` is built, out of ``facts["models"]`` or of ``facts`` themselves.

    Raises
    ------
    UnknownNameError
        When there is no such entry.
    """
    known = {
        key: about
        for key, about in {**facts, **facts.get("models", {})}.items()
        if isinstance(about, Mapping) and {"architecture", "input_shape", "classes"} <= about.keys()
    }
    if name not in known:
        raise UnknownNameError("issued model", name, known)
    return known[name]


def build_module(about: Mapping[str, Any], *, seed: int = 0) -> nn.Module:
    """Return a fresh module of an issued architecture.

    Raises
    ------
    InvalidInputError
        When the entry is no architecture of ours.
    """
    from labkit.models import build

    try:
        shape, classes = tuple(map(int, about["input_shape"])), int(about["classes"])
    except (KeyError, TypeError, ValueError):
        raise InvalidInputError(f"expected architecture, input_shape and classes, got {about!r}") from None
    return build(str(about["architecture"]), shape, classes, seed=seed)


def digest_of_issued(issued: Issued) -> str:
    """Return a SHA-256 over everything that is issued, the same on every machine."""
    parts = [canonical(issued.facts)]
    for name, tensor in sorted(issued.tensors.items()):
        plain = tensor.detach().cpu().contiguous()
        head = f"{name}|{plain.dtype}|{tuple(plain.shape)}|"
        parts.append(head.encode() + plain.numpy().tobytes())
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _bytes_of(tensors: Mapping[str, Tensor]) -> bytes:
    import safetensors.torch

    # Two names for the same storage are two tensors here.
    plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in sorted(tensors.items())}
    return safetensors.torch.save(plain)
