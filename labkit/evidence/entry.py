"""What a pack holds: one entry for what was measured, with the files that were handed in."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labkit.core.errors import IntegrityError, InvalidInputError

__all__ = ["Artifact", "Evidence", "canonical", "digest_of"]


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
    lab, scenario : str
        Ids of where it comes from.
    seed : int or None
        Which variant was played.
    title : str
        What the entry is called.
    version : str
        Version of labkit that measured it.
    at : str
        When it was added, UTC in ISO 8601.
    facts : mapping
        Threat model, measurements, parameters: what makes it repeatable.
    artifacts : tuple of Artifact
        What was handed in.
    """

    lab: str
    scenario: str
    seed: int | None
    title: str
    version: str
    at: str
    facts: Mapping[str, Any] = field(hash=False)
    artifacts: tuple[Artifact, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the entry in canonical JSON: it changes when anything of it does."""
        return digest_of(canonical(self.as_json()))

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON can hold it, without its digest."""
        return {
            **{name: getattr(self, name) for name in ("lab", "scenario", "seed", "title", "version", "at")},
            "facts": plain(self.facts),
            "artifacts": [asdict(artifact) for artifact in self.artifacts],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Evidence:
        """Return the entry that :meth:`as_json` described.

        Raises
        ------
        IntegrityError
            When it is no such description.
        """
        try:
            artifacts = tuple(Artifact(**artifact) for artifact in raw["artifacts"])
            entry = cls(**{**raw, "artifacts": artifacts})
            known = all(isinstance(getattr(entry, name), str) for name in ("lab", "title", "version", "at"))
        except (TypeError, KeyError) as error:
            raise IntegrityError(f"no entry of a pack: {error}") from error
        if not known or not isinstance(entry.facts, Mapping):
            raise IntegrityError("no entry of a pack: lab, title, version, at or facts of the wrong type")
        return entry


def canonical(content: Any) -> bytes:
    """Return ``content`` as JSON that is the same wherever it is written.

    Raises
    ------
    InvalidInputError
        When it holds something that JSON cannot.
    """
    try:
        return json.dumps(
            content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"expected facts that JSON can hold: {error}") from None


def plain(value: Any) -> Any:
    """Return ``value`` in plain containers; numbers that JSON does not know become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
