"""Versions of a hand-in on disk: each in a folder of its own, none ever changed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import IntegrityError, StorageError
from labkit.core.files import settle, write_whole
from labkit.evidence.entry import canonical, digest_of
from labkit.exams.task import Task
from labkit.exams.task.packing import pack, unpack

if TYPE_CHECKING:
    from labkit.exams.sitting.desk import Desk

__all__ = [
    "HAND_IN",
    "TENSORS",
    "drop_version",
    "files_of",
    "keep_version",
    "last_version",
    "mend",
    "plain_values",
    "version_values",
    "versions",
]

HAND_IN, TENSORS = "hand_in.json", "tensors.safetensors"
_NUMBER = re.compile(r"\d{4,}")


def versions(desk: Desk, slot: str) -> list[int]:
    """Return the numbers of the versions that lie on disk, the last one last."""
    folder = desk.work / "handed" / slot
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if _NUMBER.fullmatch(path.name))


def last_version(desk: Desk, slot: str) -> Path | None:
    """Return the folder of the version that counts."""
    numbers = versions(desk, slot)
    return _folder(desk, slot, numbers[-1]) if numbers else None


def version_values(desk: Desk, task: Task) -> dict[str, Any]:
    """Return what is handed in for a task now; empty when there is nothing.

    Raises
    ------
    IntegrityError
        When the files are damaged.
    """
    folder = last_version(desk, task.id)
    if folder is None:
        return {}
    import safetensors.torch

    try:
        plain = json.loads((folder / HAND_IN).read_text(encoding="utf-8"))
        path = folder / TENSORS
        tensors = safetensors.torch.load(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise IntegrityError(
            f"version {folder.name} of {task.id} is damaged: {error}. Hand everything in again"
        ) from None
    return unpack(task, plain, tensors)


def keep_version(desk: Desk, task: Task, values: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
    """Write the next version of a hand-in; return its number and the digests of its files.

    Hold the lock of the desk.

    Raises
    ------
    StorageError
        When it cannot be written; earlier versions are as they were.
    """
    plain, tensors = pack(task, values)
    files = {HAND_IN: canonical(plain)}
    if tensors:
        import safetensors.torch

        # Two fields may be one tensor; in the file each has its own bytes.
        files[TENSORS] = safetensors.torch.save(
            {name: each.clone() for name, each in sorted(tensors.items())}
        )
    number = (versions(desk, task.id) or [0])[-1] + 1
    folder = _folder(desk, task.id, number)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, content in files.items():
            write_whole(partial / name, content, lasting=True)
        partial.replace(folder)
        # The log is about to say that it is there; a power cut must not make that untrue.
        settle(folder.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"{task.id} was not handed in: {error.strerror or error}. Earlier versions are safe. "
            f"Free some space on the disk of {desk.folder} and hand it in again"
        ) from error
    return number, {name: digest_of(content) for name, content in files.items()}


def drop_version(desk: Desk, slot: str, number: int) -> None:
    """Remove a version that could not be logged: what was not acknowledged must not count."""
    shutil.rmtree(_folder(desk, slot, number), ignore_errors=True)


def files_of(folder: Path) -> dict[str, str]:
    """Return the digests of the files of a version."""
    return {path.name: digest_of(path.read_bytes()) for path in sorted(folder.iterdir()) if path.is_file()}


def mend(desk: Desk) -> None:
    """Make what follows from the log agree with it, after a crash between the two."""
    with desk.locked():
        if desk.kept("submitted.json"):
            return
        entries = desk.entries()
        for slot, number, files in _unlogged(desk, entries):
            desk.append("mended", {"task": slot, "number": number, "files": files})
        answers: dict[str, Any] = {}
        for each in entries:
            said = each["payload"]
            if each["kind"] == "answered" and said["answer"] is None:
                answers.pop(said["item"], None)
            elif each["kind"] == "answered":
                answers[said["item"]] = {"answer": said["answer"], "confidence": said["confidence"]}
        if answers != desk.kept("answers.json"):
            desk.keep("answers.json", answers)


def _unlogged(desk: Desk, entries: Iterable[Mapping[str, Any]]) -> list[tuple[str, int, dict[str, str]]]:
    """Return the versions that lie on disk and are not in the log."""
    logged = {
        (each["payload"]["task"], each["payload"]["number"])
        for each in entries
        if each["kind"] in ("handed_in", "mended")
    }
    return [
        (slot, number, files_of(_folder(desk, slot, number)))
        for slot in desk.form.slots
        for number in versions(desk, slot)
        if (slot, number) not in logged
    ]


def plain_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a candidate gave, with models as state dicts and arrays as tensors."""
    return {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    kind = type(value).__module__.partition(".")[0]
    if kind == "numpy" and getattr(value, "ndim", None):
        import torch

        return torch.as_tensor(value)
    module = getattr(value, "module", value)
    if hasattr(module, "state_dict") and callable(module.state_dict):
        return {name: each.detach() for name, each in module.state_dict().items()}
    if kind == "torch" and type(value).__name__ == "Parameter":
        return value.detach()
    return value


def _folder(desk: Desk, slot: str, number: int) -> Path:
    return desk.work / "handed" / slot / f"{number:04d}"
