"""An evidence pack: what was measured, with what, and files whose digests say they are unchanged.

A pack is a folder.  Every entry is a JSON file under ``entries/`` and, where something was
handed in, files under ``files/``; ``pack.html`` shows it all for reading and printing.  An
entry is written once and never changed: adding again makes a further entry.

The digests find accidents and clumsy changes.  Whoever can write the folder can compute
them anew, so a pack is a record for its owner and no certificate.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit import __version__
from labkit.core.errors import IntegrityError, InvalidInputError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import Artifact, Evidence, canonical, digest_of, plain
from labkit.evidence.report import render

__all__ = ["EvidencePack"]

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._-]{0,78}[A-Za-z0-9])?")


class EvidencePack:
    """The pack of one learner.

    Parameters
    ----------
    path : Path
        Its folder; made when the first entry is added.
    clock : function
        Returns the time, with its zone.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = Path(path)
        self._clock = clock

    def add(
        self,
        lab: str,
        title: str,
        facts: Mapping[str, Any],
        artifacts: Mapping[str, Any] | None = None,
        *,
        scenario: str = "",
        seed: int | None = None,
    ) -> Path:
        """Add an entry and return its JSON file.

        Parameters
        ----------
        lab, title : str
            Id of the lab, and what the entry is called.
        facts : mapping
            As JSON can hold them; numbers that are not finite become None.
        artifacts : mapping of str to bytes, str or Tensor, optional
            Files by name; a tensor is kept as safetensors.
        scenario : str
            Id of the scenario.
        seed : int, optional
            Which variant was played.

        Raises
        ------
        InvalidInputError
            When a name could not be a file name, or a fact is not JSON.
        StorageError
            When it cannot be written; nothing half written counts as an entry.
        """
        now = self._clock().astimezone(UTC)
        stem = f"{now:%Y%m%dT%H%M%S%f}-{_checked(lab)}-{secrets.token_hex(2)}"
        files = _files(stem, artifacts or {})
        entry = Evidence(
            lab=lab,
            scenario=scenario,
            seed=seed,
            title=title,
            version=__version__,
            at=now.isoformat(timespec="seconds"),
            facts=plain(facts),
            artifacts=tuple(artifact for artifact, _ in files),
        )
        content = {**entry.as_json(), "digest": entry.digest}
        canonical(content)
        # The order stays as it was given, for the reader; the digest does not depend on it.
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        for artifact, data in files:
            _write(self.path / artifact.path, data)
        # The entry comes last: files without an entry are harmless, the other way round is not.
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
        return [_read(path)[0] for path in self._paths()]

    def verify(self) -> list[str]:
        """Return what is missing or was altered since it was added; empty when all is well."""
        problems = []
        for path in self._paths():
            try:
                entry, digest = _read(path)
            except IntegrityError as error:
                problems.append(str(error))
                continue
            if digest != entry.digest:
                problems.append(f"{entry.lab}: {path.name} was altered")
            problems += [f"{entry.lab}: {problem}" for a in entry.artifacts if (problem := self._problem(a))]
        return problems

    def html(self) -> str:
        """Return the pack as one page that needs nothing beside it."""
        return render(self.entries())

    def write_html(self) -> Path:
        """Write ``pack.html`` and return its path."""
        path = self.path / "pack.html"
        _write(path, self.html().encode())
        return path

    def _paths(self) -> list[Path]:
        return sorted((self.path / "entries").glob("*.json"))

    def _problem(self, artifact: Artifact) -> str:
        path = self.path / artifact.path
        if not path.resolve().is_relative_to((self.path / "files").resolve()):
            return f"{artifact.path} lies outside the pack"
        if not path.is_file():
            return f"{artifact.path} is missing"
        return "" if digest_of(path.read_bytes()) == artifact.sha256 else f"{artifact.path} was altered"


def _read(path: Path) -> tuple[Evidence, str]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        digest = raw.pop("digest")
        return Evidence.from_json(raw), digest
    except (OSError, ValueError, KeyError, AttributeError, TypeError, IntegrityError) as error:
        raise IntegrityError(f"{path} is damaged ({error}); move it away to read the others") from None


def _files(stem: str, artifacts: Mapping[str, Any]) -> list[tuple[Artifact, bytes]]:
    found = []
    for name, content in artifacts.items():
        data, ending = _bytes(_checked(name), content)
        file = name if name.endswith(ending) else name + ending
        found.append((Artifact(name, f"files/{stem}/{file}", digest_of(data)), data))
    if len({artifact.path.casefold() for artifact, _ in found}) < len(found):
        raise InvalidInputError(f"expected names that stay different as files, got {', '.join(artifacts)}")
    return found


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            "expected a name of at most 80 letters, digits, spaces, '.', '_' and '-', with a letter or digit "
            f"at both ends; got {name!r}"
        )
    return name


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
    return save({name: content.detach().cpu().contiguous()}), ".safetensors"


def _write(path: Path, content: bytes) -> None:
    ensure_dir(path.parent)
    write_whole(path, content)
