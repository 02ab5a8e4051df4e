"""Models that every variant shares: trained once on a machine, kept on disk, read back checked."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from labkit.attacks.membership import Shadows, draw_members
from labkit.core.errors import IntegrityError, StorageError
from labkit.core.paths import cache_dir, ensure_dir
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.membership.records import audited_set, candidates_of
from labkit.course.lab import Scenario
from labkit.data import Split
from labkit.defenses.privacy import dp_sgd, dp_sgd_ensemble
from labkit.models import ensembles, optimiser
from labkit.models.checkpoints import code_digest, exclusively, read_checkpoint, set_aside, write_checkpoint
from labkit.models.ensembles import Ensemble, train_ensemble

__all__ = ["PRACTICE", "SHADOWS", "practice_of", "shadows_of", "train_as_a_vendor", "train_as_the_clinics"]

SHADOWS = 32
"""Shadows of the clinics' readers."""

PRACTICE = 12
"""Trainings with coins of the auditor's own."""

Progress = Callable[[int, int, str], None]
_LOG = logging.getLogger(__name__)


def train_as_the_clinics(
    scenario: Scenario, members: Tensor, *, seed: int, progress: Progress | None = None
) -> Ensemble:
    """Train readers as the clinics did: few forms, keyed in a hurry, and far too long."""
    known = candidates_of(scenario)
    return train_ensemble(
        known.x,
        known.y,
        members,
        classes=_classes(scenario),
        epochs=int(scenario.settings["epochs"]),
        seed=seed,
        progress=progress,
    )


def train_as_a_vendor(
    scenario: Scenario,
    coins: Tensor,
    noise_multiplier: float | Tensor,
    *,
    seed: int,
    progress: Progress | None = None,
) -> Ensemble:
    """Train with the audited records and the canaries that the coins put in, and with this noise."""
    known, settings = audited_set(scenario), scenario.settings
    return dp_sgd_ensemble(
        known.x,
        known.y,
        known.members(coins),
        classes=_classes(scenario),
        clip=1.0,
        noise_multiplier=noise_multiplier,
        sample_rate=float(settings["vendor_sample_rate"]),
        epochs=int(settings["vendor_epochs"]),
        seed=seed,
        progress=progress,
    )


def shadows_of(scenario: Scenario, progress: Progress | None = None) -> Shadows:
    """Return shadows of the clinics' readers: the same for everybody, trained at most once."""
    known = candidates_of(scenario)
    size = int(scenario.settings["members"])
    members = draw_members(len(known), SHADOWS, size, seed=derive(0, "shadows", scenario.id))

    def train() -> Ensemble:
        return train_as_the_clinics(scenario, members, seed=derive(0, "bank"), progress=progress)

    models = _kept(scenario, "shadows", known, members, train, progress)
    return Shadows(models, members, known.x, known.y)


def practice_of(scenario: Scenario, progress: Progress | None = None) -> Shadows:
    """Return trainings without noise on coins that the auditor threw; their candidates are the canaries."""
    known = audited_set(scenario)
    generator = make_generator(derive(0, "practice", scenario.id))
    coins = torch.rand(PRACTICE, known.canaries, generator=generator) < 0.5

    def train() -> Ensemble:
        return train_as_a_vendor(scenario, coins, 0.0, seed=derive(0, "practice"), progress=progress)

    models = _kept(scenario, "practice", Split(known.x, known.y), coins, train, progress)
    return Shadows(models, coins, known.canary.x, known.canary.y)


def _kept(
    scenario: Scenario,
    name: str,
    known: Split,
    members: Tensor,
    train: Callable[[], Ensemble],
    progress: Progress | None,
) -> Ensemble:
    """Return models from memory, from the disk, or trained now and kept in both."""
    key = _key(scenario, name, known, members)
    if key in _IN_MEMORY:
        return _IN_MEMORY[key]
    path = cache_dir() / "victims" / f"membership-{name}-{key[:16]}.safetensors"
    shape = tuple(known.x.shape[1:])
    models = _read(path, key, shape)
    with ExitStack() as stack:
        if models is None:
            try:
                ensure_dir(path.parent)
                stack.enter_context(exclusively(path, progress))
                models = _read(path, key, shape)  # another process may have been faster
            except StorageError as error:
                _LOG.warning("models are kept in memory only: %s", error)
        if models is None:
            models = train()
            try:
                write_checkpoint(path, _tensors(models), {"key": key, "purpose": name})
            except StorageError as error:
                _LOG.warning("models are kept in memory only: %s", error)
    if len(_IN_MEMORY) >= _REMEMBERED:
        _IN_MEMORY.clear()
    _IN_MEMORY[key] = models
    return models


_IN_MEMORY: dict[str, Ensemble] = {}
_REMEMBERED = 8


def _read(path: Path, key: str, shape: tuple[int, ...]) -> Ensemble | None:
    try:
        found = read_checkpoint(path, key)
    except IntegrityError as error:
        _LOG.warning("refused kept models, training anew: %s", error)
        set_aside(path)
        return None
    if found is None:
        return None
    layers = range(len(found[0]) // 2)
    return Ensemble(
        tuple(found[0][f"weight{i}"] for i in layers), tuple(found[0][f"bias{i}"] for i in layers), shape
    )


def _tensors(models: Ensemble) -> dict[str, Tensor]:
    named = {f"weight{i}": weight for i, weight in enumerate(models.weights)}
    return named | {f"bias{i}": bias for i, bias in enumerate(models.biases)}


def _key(scenario: Scenario, name: str, known: Split, members: Tensor) -> str:
    """Digest all that decides how the models turn out."""
    digest = hashlib.sha256(_code().encode())
    digest.update(json.dumps([name, sorted(scenario.settings.items())]).encode())
    for part in (known.x, known.y, members):
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()


@functools.cache
def _code() -> str:
    """Digest the code that trains."""
    return code_digest(ensembles, optimiser, sys.modules[dp_sgd.__module__])


def _classes(scenario: Scenario) -> int:
    from labkit import data

    return len(data.load(scenario.dataset).card.classes)
