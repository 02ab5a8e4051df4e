"""The zoo: victims by architecture and data set, trained on first use and kept.

A victim is kept in the user's cache under a key of the code that trains it, its data and
its seed.  So it is trained once, by one process, and again only when one of these changes.
"""

from __future__ import annotations

import copy
import logging
import time
import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from torch import Tensor

from labkit.core.errors import IntegrityError, InvalidInputError, StorageError
from labkit.core.paths import ensure_dir
from labkit.core.protocols import Classifier, predict
from labkit.models.architectures import build
from labkit.models.checkpoints import exclusively, read_checkpoint, set_aside, write_checkpoint
from labkit.models.classifier import TorchClassifier
from labkit.models.orders import Order, VictimData
from labkit.models.recipes import fit
from labkit.models.training import Progress
from labkit.models.trees import TreeClassifier

__all__ = ["load_victim", "prepare", "trained"]

_LOG = logging.getLogger(__name__)

_UNKEPT: dict[str, Classifier] = {}
"""Victims that the disk would not take, by key: kept for the life of this process."""


def load_victim(
    architecture: str, dataset: VictimData, *, seed: int = 0, progress: Progress | None = None
) -> Classifier:
    """Return a trained victim: from the cache, or trained now and kept there.

    Two processes never train the same victim: the second waits for the first.  A checkpoint
    that is damaged, incomplete or of the wrong shape is set aside and the victim trained
    anew.  When the disk takes nothing, a warning says so and the victim is kept in memory.

    Parameters
    ----------
    architecture : str
        A name out of ``ARCHITECTURES``.
    dataset : labkit.data.Dataset
        What the victim is trained on.
    seed : int
        Decides its first weights and the order of the samples.
    progress : function, optional
        ``progress(done, total, message)``; an exception that it raises ends the training,
        and nothing is kept.

    Returns
    -------
    Classifier
        A copy of its own for every call, frozen and in evaluation mode.  It is a
        ``DifferentiableClassifier`` for every architecture but ``gbt``.

    Raises
    ------
    UnknownNameError
        When there is no such architecture.
    InvalidInputError
        When the architecture does not take inputs of this shape.
    """
    order = Order(architecture, dataset, seed)
    if order.key in _UNKEPT:
        return copy.deepcopy(_UNKEPT[order.key])
    found = _read(order)
    if found is not None:
        return found
    with ExitStack() as stack:
        try:
            ensure_dir(order.path.parent)
            stack.enter_context(exclusively(order.path, progress))
        except StorageError as error:
            return _keep_in_memory(order, _train(order, progress)[0], error, progress)
        found = _read(order)
        if found is not None:
            return found
        victim, card = _train(order, progress)
        try:
            write_checkpoint(order.path, _tensors(victim), card)
        except StorageError as error:
            return _keep_in_memory(order, victim, error, progress)
    return victim


def trained(architecture: str, dataset: VictimData, seed: int = 0) -> bool:
    """Say whether :func:`load_victim` would answer at once, without training."""
    order = Order(architecture, dataset, seed)
    try:
        return order.key in _UNKEPT or read_checkpoint(order.path, order.key) is not None
    except IntegrityError:
        return False


def prepare(
    pairs: Iterable[tuple[str, VictimData]], *, seed: int = 0, progress: Progress | None = None
) -> int:
    """Train every victim that is not yet in the cache, and return how many were trained.

    Parameters
    ----------
    pairs : iterable of (str, Dataset)
        Architecture and data set of each victim.
    seed : int
        Seed of every victim.
    progress : function, optional
        ``progress(done, total, message)`` in hundredths of a victim.
    """
    missing = [pair for pair in pairs if not trained(*pair, seed)]
    for number, (architecture, dataset) in enumerate(missing):

        def report(done: int, total: int, message: str, number: int = number) -> None:
            if progress is not None:
                progress(100 * number + 100 * done // max(1, total), 100 * len(missing), message)

        load_victim(architecture, dataset, seed=seed, progress=report)
    return len(missing)


def _read(order: Order) -> Classifier | None:
    """Return the victim from its checkpoint; a checkpoint that is not sound is set aside."""
    try:
        found = read_checkpoint(order.path, order.key)
        return None if found is None else _dress(order, found[0])
    except IntegrityError as error:
        _LOG.warning("refused a checkpoint, training anew: %s", error)
        set_aside(order.path)
        return None


def _train(order: Order, progress: Progress | None) -> tuple[Classifier, dict[str, Any]]:
    def report(done: int, total: int, message: str) -> None:
        if progress is not None:
            progress(done, total, f"{order.title}: {message}")

    started = time.perf_counter()
    x, y = order.dataset.train.x, order.dataset.train.y
    victim = fit(order.architecture, x, y, order.classes, seed=order.seed, progress=report)
    held_out = order.dataset.test
    right = predict(victim, held_out.x) == held_out.y
    card = order.card() | {
        "test_accuracy": round(float(right.float().mean()), 4),
        "training_seconds": round(time.perf_counter() - started, 2),
    }
    _LOG.info("%s trained: %s", order.title, card)
    return victim, card


def _keep_in_memory(
    order: Order, victim: Classifier, error: StorageError, progress: Progress | None
) -> Classifier:
    message = f"{order.title}: {error}. It is kept in memory and will be trained again next time."
    warnings.warn(message, RuntimeWarning, stacklevel=3)
    if progress is not None:
        progress(1, 1, message)
    _UNKEPT[order.key] = victim
    return copy.deepcopy(victim)


def _tensors(victim: Classifier) -> dict[str, Tensor]:
    if isinstance(victim, TreeClassifier):
        return dict(victim.nodes)
    if isinstance(victim, TorchClassifier):
        return dict(victim.module.state_dict())
    raise InvalidInputError(f"expected a victim of the zoo, got {type(victim).__name__}")


def _dress(order: Order, tensors: dict[str, Tensor]) -> Classifier:
    """Turn stored tensors into the victim again, or refuse them."""
    try:
        if order.architecture == "gbt":
            depth = int(order.settings["depth"])
            return TreeClassifier(tensors, order.input_shape, order.classes, depth)
        module = build(order.architecture, order.input_shape, order.classes)
        module.load_state_dict(tensors)
    except (RuntimeError, InvalidInputError) as error:
        raise IntegrityError(f"{order.path.name} does not fit its architecture: {error}") from error
    return TorchClassifier(module.requires_grad_(False), order.input_shape, order.classes)
