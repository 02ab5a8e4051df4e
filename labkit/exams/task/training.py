"""Train once on a machine what a variant needs, however many processes issue or measure it.

A model is kept under a digest of everything that decides how it turns out: the code that trains,
the first weights, the data, the settings.  Whoever changes one of them gets another model.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from labkit.core.errors import IntegrityError, StorageError
from labkit.core.paths import cache_dir, ensure_dir
from labkit.models import TorchClassifier, train
from labkit.models.checkpoints import exclusively, read_checkpoint, set_aside, write_checkpoint
from labkit.models.orders import training_digest

__all__ = ["train_once"]


def train_once(module: nn.Module, x: Tensor, y: Tensor, **settings: float) -> TorchClassifier:
    """Return what :func:`labkit.models.train` makes of the same module, data and settings.

    It is trained by the first who asks and read by all others.  A file that is damaged is set
    aside; where nothing can be kept, or ``LABKIT_KEEP`` is ``no``, it is trained each time.

    Parameters
    ----------
    module : nn.Module
        Where training starts.  It is copied, and left as it was.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Inputs within 0 and 1, and their classes.
    settings
        Numbers that :func:`labkit.models.train` takes, such as ``epochs``, ``lr``, ``seed``.

    Returns
    -------
    TorchClassifier
        In evaluation mode, its parameters frozen.
    """
    key = _key(module, x, y, settings)
    path = cache_dir() / "exams" / f"{key[:32]}.safetensors"
    if (weights := _read(path, key)) is None:
        try:
            ensure_dir(path.parent)
            with exclusively(path, None):
                if (weights := _read(path, key)) is None:
                    model = train(module, x, y, **settings)  # type: ignore[arg-type]
                    write_checkpoint(path, model.module.state_dict(), {"key": key})
                    return model
        except StorageError:
            return train(module, x, y, **settings)  # type: ignore[arg-type]
    return _dressed(module, weights, x)


def _read(path: Path, key: str) -> dict[str, Tensor] | None:
    try:
        found = read_checkpoint(path, key)
    except IntegrityError:
        set_aside(path)
        return None
    return None if found is None else found[0]


def _dressed(module: nn.Module, weights: Mapping[str, Tensor], x: Tensor) -> TorchClassifier:
    network = copy.deepcopy(module).requires_grad_(False)
    network.load_state_dict(weights)
    with torch.no_grad():
        classes = int(network.eval()(x[:1]).shape[1])
    return TorchClassifier(network, tuple(x.shape[1:]), classes)


def _key(module: nn.Module, x: Tensor, y: Tensor, settings: Mapping[str, float]) -> str:
    digest = hashlib.sha256(json.dumps([training_digest(), str(module), settings], sort_keys=True).encode())
    for name, tensor in [("x", x), ("y", y), *module.state_dict().items()]:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()
