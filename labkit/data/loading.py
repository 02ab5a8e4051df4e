"""Load a data set by name, and verify that it is what its card says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from labkit.core.errors import DeclarationError, IntegrityError, LabkitError, UnknownNameError
from labkit.data.card import DatasetCard, find_card, names
from labkit.data.dataset import Dataset, Split, digest_of
from labkit.data.tabular import read_csv, scaled

__all__ = ["Verdict", "load", "verify"]

_TEST_SHARE = 0.2


def load(name: str) -> Dataset:
    """Load a data set and verify it against the digest of its card.

    Parameters
    ----------
    name : str
        One of ``labkit.data.names()``.

    Raises
    ------
    UnknownNameError
        When there is no such data set.
    IntegrityError
        When the samples are not those that the card was written for.
    """
    card = find_card(name)
    stamp = card.path.stat().st_mtime_ns
    return _load(card, stamp)


@lru_cache(maxsize=4)
def _load(card: DatasetCard, _stamp: int) -> Dataset:
    dataset = _read(card)
    if dataset.digest != card.sha256:
        raise IntegrityError(
            f"the data set {card.name!r} has the digest {dataset.digest[:12]}…, and its card says "
            f"{card.sha256[:12]}…. The files in {card.path.parent} are damaged or were changed: "
            + ("add it again." if card.origin == "yours" else "restore them from the repository.")
        )
    return dataset


def _read(card: DatasetCard) -> Dataset:
    if card.kind not in _READERS:
        raise UnknownNameError(f"kind of data (in {card.path})", card.kind, _READERS)
    try:
        train, test = _READERS[card.kind](card)
    except LabkitError:
        raise
    except Exception as error:
        # Whatever a damaged file makes its parser say, the cure is the same.
        raise IntegrityError(
            f"the data set {card.name!r} cannot be read from {card.path.parent}: {error}. Restore its files."
        ) from error
    for split, wanted in ((train, card.samples("train")), (test, card.samples("test"))):
        if tuple(split.x.shape) != (wanted, *card.shape):
            raise DeclarationError(
                card.path,
                None,
                f"declares {wanted} samples of shape {card.shape}, found {tuple(split.x.shape)}",
            )
    return Dataset(card, train, test)


def _read_scikit_learn(card: DatasetCard) -> tuple[Split, Split]:
    x, y = _FROM_SCIKIT_LEARN[card.name](card)
    return split_by_hash(x, torch.from_numpy(y.astype(np.int64)), card.name)


def _digits(card: DatasetCard) -> tuple[Tensor, NDArray[np.int64]]:
    """Return 8 × 8 pixels of 0 to 16, brought to [0, 1]."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return torch.from_numpy(pixels.astype(np.float32) / 16).view(-1, *card.shape), labels


def _clinic(card: DatasetCard) -> tuple[Tensor, NDArray[np.int64]]:
    """Return the thirty measurements of each mass, in the order of the card."""
    from sklearn.datasets import load_breast_cancer

    measured, labels = load_breast_cancer(return_X_y=True)
    return scaled(measured, card), labels


_FROM_SCIKIT_LEARN = {"digits": _digits, "clinic": _clinic}


def _read_csv(card: DatasetCard) -> tuple[Split, Split]:
    return read_csv(card.path.parent / f"{card.name}.csv", card)


def _read_npz(card: DatasetCard) -> tuple[Split, Split]:
    return read_npz(card.path.parent / f"{card.name}.npz")


def read_npz(path: Path) -> tuple[Split, Split]:
    """Return pictures kept as bytes: ``<split>_x`` of shape ``(n, c, h, w)`` and ``<split>_y``, uint8."""
    # NumPy leaves a file that it opened itself open when it is damaged.
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        train, test = (
            Split(
                torch.from_numpy(arrays[f"{split}_x"].astype(np.float32) / np.float32(255)),
                torch.from_numpy(arrays[f"{split}_y"].astype(np.int64)),
            )
            for split in ("train", "test")
        )
    return train, test


def _read_safetensors(card: DatasetCard) -> tuple[Split, Split]:
    tensors = load_file(card.path.parent / "data.safetensors")
    train, test = (Split(tensors[f"{split}_x"], tensors[f"{split}_y"]) for split in ("train", "test"))
    return train, test


_READERS: dict[str, Callable[[DatasetCard], tuple[Split, Split]]] = {
    "scikit-learn": _read_scikit_learn,
    "npz": _read_npz,
    "csv": _read_csv,
    "safetensors": _read_safetensors,
}


def split_by_hash(x: Tensor, y: Tensor, salt: str, test_share: float = _TEST_SHARE) -> tuple[Split, Split]:
    """Split by class, in an order that depends on nothing but ``salt`` and the position.

    A generator's stream may change between versions of a library; SHA-256 does not.
    """
    order = sorted(range(len(x)), key=lambda i: hashlib.sha256(f"{salt}/{i}".encode()).digest())
    members_of: dict[int, list[int]] = {}
    labels = y.tolist()
    for i in order:
        members_of.setdefault(labels[i], []).append(i)
    test: list[int] = []
    for members in members_of.values():
        test += members[: max(1, round(test_share * len(members)))]
    held = set(test)
    train_rows = torch.tensor([i for i in order if i not in held])
    test_rows = torch.tensor([i for i in order if i in held])
    return Split(x[train_rows], y[train_rows]), Split(x[test_rows], y[test_rows])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a data set is what its card says."""

    name: str
    ok: bool
    expected: str
    got: str
    problem: str = ""


def verify(name: str | None = None) -> list[Verdict]:
    """Read one data set, or all, and compare each with the digest of its card."""
    return [_verdict(each) for each in ([name] if name else names())]


def _verdict(name: str) -> Verdict:
    try:
        card = find_card(name)
    except DeclarationError as error:
        return Verdict(name, False, "", "", str(error))
    try:
        dataset = _read(card)
    except LabkitError as error:
        return Verdict(name, False, card.sha256, "", str(error))
    got = digest_of(dataset.train, dataset.test)
    return Verdict(name, got == card.sha256, card.sha256, got, "" if got == card.sha256 else "other samples")
