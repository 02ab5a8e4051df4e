"""Checkpoints: weights as safetensors, and beside them a card in JSON with their digest.

Nothing is ever pickled.  The digest finds a damaged, truncated or exchanged file; it does
not prove who wrote it, because whoever can write the weights can write the card as well.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import safetensors.torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from torch import Tensor

from labkit.core.errors import IntegrityError, StorageError
from labkit.models.training import Progress

__all__ = ["code_digest", "exclusively", "read_checkpoint", "set_aside", "write_checkpoint"]

Card = Mapping[str, Any]


def code_digest(*modules: ModuleType) -> str:
    """Digest code that decides how something turns out; comments and layout do not count."""
    digest = hashlib.sha256()
    for module in modules:
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        digest.update(ast.dump(ast.parse(source)).encode())
    return digest.hexdigest()


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], card: Card) -> None:
    """Write ``path`` (weights) and its JSON card, each whole or not at all.

    Raises
    ------
    StorageError
        When the disk is full, read-only or not ours, or ``LABKIT_KEEP`` is ``no``.
    """
    _allowed(path)
    payload = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()})
    described = {**card, "sha256": hashlib.sha256(payload).hexdigest()}
    try:
        _write_whole(path, payload)
        _write_whole(_card_path(path), json.dumps(described, indent=2).encode() + b"\n")
    except OSError as error:
        raise StorageError(f"cannot keep {path.name} in {path.parent}: {error.strerror}") from error


def read_checkpoint(path: Path, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the tensors and the card, or None when there is no checkpoint.

    Raises
    ------
    IntegrityError
        When the files are damaged, incomplete, or were made for another ``key``.
    """
    try:
        payload, described = path.read_bytes(), _card_path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IntegrityError(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        card = json.loads(described)
        declared, made_for = card["sha256"], card["key"]
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"the card of {path.name} is damaged") from error
    measured = hashlib.sha256(payload).hexdigest()
    if measured != declared:
        raise IntegrityError(f"{path.name}: expected SHA-256 {declared}, got {measured}")
    if made_for != key:
        raise IntegrityError(f"{path.name} was made for another victim")
    try:
        return safetensors.torch.load(payload), card
    except SafetensorError as error:
        raise IntegrityError(f"{path.name} is no safetensors file: {error}") from error


def set_aside(path: Path) -> None:
    """Rename a refused checkpoint to ``*.refused``, so that it is never read again."""
    for part in (path, _card_path(path)):
        with suppress(OSError):
            part.replace(part.with_name(part.name + ".refused"))


@contextmanager
def exclusively(path: Path, progress: Progress | None, wait: float = 0.5) -> Iterator[None]:
    """Hold the lock of ``path``; while another process or thread holds it, wait and say so.

    The operating system frees the lock when its holder dies, so a lock is never stale.

    Raises
    ------
    StorageError
        When no lock can be made there, or ``LABKIT_KEEP`` is ``no``: then nobody waits for a
        checkpoint that is never written.
    """
    _allowed(path)
    lock = FileLock(path.with_name(path.name + ".lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            if progress is not None:
                progress(0, 1, "another session is training this victim: waiting for it")
        except (OSError, NotImplementedError) as error:
            raise StorageError(f"cannot lock {path.name} in {path.parent}: {error}") from error
    try:
        yield
    finally:
        lock.release()


def _allowed(path: Path) -> None:
    """Hold a process that reads what strangers sent to leaving nothing that another one reads."""
    if os.environ.get("LABKIT_KEEP") == "no":
        raise StorageError(f"{path.name} is not kept: LABKIT_KEEP is no")


def _card_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _write_whole(path: Path, payload: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
