"""A hand-in in two files: plain values as JSON, everything that is made of tensors as safetensors.

A tensor stands under the name of its field, and the tensors of a model under ``<field>/<name in
its state dict>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.exams.task.types import Task

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["pack", "unpack"]


def pack(task: Task, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Split checked values into what JSON holds and what safetensors holds."""
    kinds = {field.name: field.kind for field in task.fields}
    plain: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for name, value in values.items():
        if kinds[name] == "tensor":
            tensors[name] = value
        elif kinds[name] == "model":
            tensors |= {f"{name}/{key}": each for key, each in value.items()}
        else:
            plain[name] = value
    return plain, tensors


def unpack(task: Task, plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Put a hand-in together again, unchecked; what no field asks for keeps its name.

    Follow with :func:`labkit.exams.task.check_hand_in`: the two files may come from a stranger.
    """
    models = [field.name for field in task.fields if field.kind == "model"]
    found: dict[str, Any] = dict(plain)
    for key, tensor in tensors.items():
        name, slash, inner = key.partition("/")
        if slash and name in models:
            state = found.get(name)
            # A plain value under the name of a model is no start of one.
            found[name] = {**(state if isinstance(state, dict) and name not in plain else {}), inner: tensor}
        else:
            found[key] = tensor
    return found
