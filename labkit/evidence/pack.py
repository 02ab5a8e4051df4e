"""An evidence pack: what was measured, with what, and files whose digests say they are unchanged.

A pack is a folder.  Every entry is a JSON file under ``entries/`` and, where something was
handed in, files under ``files/``; ``pack.html`` shows it all for reading and printing.  An
entry is written once and never changed: adding again makes a further entry.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit import __version__
from labkit.core.errors import IntegrityError, InvalidInputError, StorageError
from labkit.core.paths import ensure_dir
from labkit.evidence.report import render

__all__ = ["Artifact", "Evidence", "EvidencePack"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file in the pack: its name, its path inside the pack, and the SHA-256 of its bytes."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One entry of a pack.

    Attributes
    ----------
    lab, title : str
        Where it comes from, and what it is called.
    at : str
        When it was added, UTC in ISO 8601.
    version : str
        Version of labkit that measured it.
    facts : mapping
        Threat model, seed, measurements: what makes it repeatable.
    artifacts : tuple of Artifact
        What was handed in.
    """

    lab: str
    title: str
    at: str
    version: str
    facts: Mapping[str, Any]
    artifacts: tuple[Artifact, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON can hold it."""
        return {**asdict(self), "facts": dict(self.facts), "artifacts": [asdict(a) for a in self.artifacts]}


class EvidencePack:
    """The pack of one learner.

    Parameters
    ----------
    path : Path
        Its folder; made when the first entry is added.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def add(
        self, lab: str, title: str, facts: Mapping[str, Any], artifacts: Mapping[str, Any] | None = None
    ) -> Path:
        """Add an entry and return its JSON file.

        Parameters
        ----------
        lab, title : str
            Id of the lab, and what the entry is called.
        facts : mapping
            As JSON can hold them; numbers that are not finite become None.
        artifacts : mapping of str to bytes or Tensor, optional
            Files by name; a tensor is kept as safetensors.

        Raises
        ------
        InvalidInputError
            When a name could not be a file name, or a fact is not JSON.
        StorageError
            When it cannot be written; nothing half written is left behind.
        """
        for name in (lab, *(artifacts or {})):
            if not _NAME.fullmatch(name):
                raise InvalidInputError(
                    f"expected a name of letters, digits, spaces, '.', '_' and '-', up to 80; got {name!r}"
                )
        now = datetime.now(UTC)
        stem = f"{lab}-{now:%Y%m%dT%H%M%S%f}"
        files = {name: _bytes(name, content) for name, content in (artifacts or {}).items()}
        kept = tuple(
            Artifact(name, f"files/{stem}/{_file_name(name, files[name][1])}", _digest(files[name][0]))
            for name in files
        )
        entry = Evidence(lab, title, now.isoformat(timespec="seconds"), __version__, _plain(facts), kept)
        try:
            text = json.dumps(entry.as_json(), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"a fact cannot be kept as JSON: {error}") from None
        for artifact in kept:
            _write(self.path / artifact.path, files[artifact.name][0])
        path = self.path / "entries" / f"{stem}.json"
        _write(path, text.encode())
        return path

    def entries(self) -> list[Evidence]:
        """Return every entry, oldest first.

        Raises
        ------
        IntegrityError
            When a file is no entry any more.
        """
        found = []
        for path in sorted((self.path / "entries").glob("*.json"), key=lambda p: p.stem.rsplit("-", 1)[-1]):
            try:
                raw = json.loads(path.read_text(encoding="utf-8"))
                raw["artifacts"] = tuple(Artifact(**artifact) for artifact in raw["artifacts"])
                found.append(Evidence(**raw))
            except (ValueError, KeyError, TypeError) as error:
                raise IntegrityError(
                    f"{path} is damaged ({error}); move it away to read the others"
                ) from None
        return found

    def verify(self) -> list[str]:
        """Return what is missing or was altered since it was added; empty when all is well."""
        problems = []
        for entry in self.entries():
            for artifact in entry.artifacts:
                path = self.path / artifact.path
                if not path.is_file():
                    problems.append(f"{entry.lab}: {artifact.path} is missing")
                elif _digest(path.read_bytes()) != artifact.sha256:
                    problems.append(f"{entry.lab}: {artifact.path} was altered")
        return problems

    def write_html(self) -> Path:
        """Write ``pack.html``, which needs nothing beside it, and return its path."""
        path = self.path / "pack.html"
        _write(path, render([entry.as_json() for entry in self.entries()]).encode())
        return path


def _bytes(name: str, content: Any) -> tuple[bytes, str]:
    """Return the bytes of an artefact and the ending of its file."""
    if isinstance(content, bytes):
        return content, ""
    if isinstance(content, str):
        return content.encode(), ".txt"
    import torch
    from safetensors.torch import save

    if not isinstance(content, torch.Tensor):
        raise InvalidInputError(
            f"expected bytes, text or a tensor for {name!r}, got {type(content).__name__}"
        )
    return save({name: content.detach().contiguous()}), ".safetensors"


def _file_name(name: str, ending: str) -> str:
    return name if name.endswith(ending) else name + ending


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _plain(value: Any) -> Any:
    """Return ``value`` with plain containers and without numbers that JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write(path: Path, content: bytes) -> None:
    ensure_dir(path.parent)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror}. Free some space, or set LABKIT_HOME to a folder "
            "you can write to; what was kept before is intact."
        ) from error
