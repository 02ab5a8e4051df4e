"""Freeze an exam: the very files that a sitting is graded by, kept for an appeal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from labkit.core.errors import StorageError
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import digest_of

__all__ = ["digest_of_exam", "freeze_exam"]

_LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}


def freeze_exam(exam: Path, kept: Path, *, items: Path | None = None) -> Path:
    """Copy blueprint, tasks and items into a folder named after their digest, and return it.

    Parameters
    ----------
    exam : Path
        Folder of the exam.
    kept : Path
        Where frozen exams lie.
    items : Path, optional
        Folder of a private item bank, in place of the exam's own.

    Raises
    ------
    StorageError
        When the disk is full or read-only.
    """
    sources = dict(_sources(exam, items))
    digest = _digest({name: path.read_bytes() for name, path in sources.items()})
    place = kept / digest[:32]
    if place.is_dir():
        return place
    partial = ensure_dir(kept) / f"{place.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for name, path in sources.items():
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        partial.rename(place)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(partial)
        raise StorageError(f"cannot freeze the exam in {kept}: {error.strerror or error}") from error
    return place


def digest_of_exam(frozen: Path) -> str:
    """Return the digest of a frozen exam as it is now."""
    return _digest({name: path.read_bytes() for name, path in _walk(frozen)})


def _sources(exam: Path, items: Path | None) -> Iterator[tuple[str, Path]]:
    yield "blueprint.toml", exam / "blueprint.toml"
    for name, path in _walk(exam / "tasks"):
        yield f"tasks/{name}", path
    for name, path in _walk(items or exam / "items"):
        yield f"items/{name}", path


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _LEFT_OUT & set(path.parts):
            yield path.relative_to(folder).as_posix(), path


def _digest(files: dict[str, bytes]) -> str:
    return digest_of("\n".join(f"{digest_of(text)} {name}" for name, text in sorted(files.items())).encode())
