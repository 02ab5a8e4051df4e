"""What arrived, and what time was added: lines that are only ever added, chained and signed.

Each line is an entry of :mod:`labkit.exams.chain` with the signature of the service, and is itself
the receipt that a candidate keeps.  Whoever alters, moves or inserts a line has to have the key;
lines cut off at the end are missed by those who hold a receipt, and their files lie there without one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from labkit.core.errors import IntegrityError, StorageError
from labkit.core.files import append_whole
from labkit.evidence.entry import canonical, digest_of
from labkit.exams import chain
from labkit.exams.form import said_time
from labkit.exams.signing import Keys, verify

__all__ = ["PURPOSE", "Arrivals", "Extension", "Line"]

PURPOSE = "arrival"
_WAIT = 20.0


@dataclass(frozen=True, slots=True)
class Line:
    """One entry and its signature."""

    entry: Mapping[str, Any] = field(hash=False)
    signature: Mapping[str, Any] = field(hash=False)

    @property
    def payload(self) -> Mapping[str, Any]:
        """What happened."""
        payload: Mapping[str, Any] = self.entry["payload"]
        return payload

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain JSON: the receipt."""
        return {"entry": dict(self.entry), "signature": dict(self.signature)}

    @classmethod
    def from_json(cls, raw: Any, public: bytes) -> Line:
        """Return a line that ``public`` signed.

        Raises
        ------
        IntegrityError
            When it is none, or somebody else signed it.
        """
        try:
            entry, signature = raw["entry"], raw["signature"]
            kind, payload = entry["kind"], entry["payload"]
        except (KeyError, TypeError):
            raise IntegrityError("no entry of a receiving service") from None
        if kind not in chain.ARRIVALS or not isinstance(payload, dict):
            raise IntegrityError("no entry of a receiving service")
        if not verify(PURPOSE, entry, signature, public):
            raise IntegrityError("the receiving service did not sign it")
        return cls(entry, signature)


@dataclass(frozen=True, slots=True)
class Extension:
    """Time that was added to a sitting during the exam, and why."""

    minutes: int
    reason: str
    by: str
    at: str


class Arrivals:
    """The file ``arrivals.jsonl``, read as far as it goes and followed as it grows.

    Parameters
    ----------
    path : Path
    public : bytes
        Key of the service.

    Raises
    ------
    IntegrityError
        When it was edited: a line altered, moved, inserted, taken out or not signed.
    """

    def __init__(self, path: Path, public: bytes) -> None:
        self.path, self._public = path, public
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        self.lines: list[Line] = []
        self._size = 0
        self._files: dict[str, dict[str, Line]] = {}
        self._added: dict[str, list[Extension]] = {}
        self.follow()

    @property
    def head(self) -> str:
        """Digest of the last entry; of the key, before there is one."""
        return chain.head_of((line.entry for line in self.lines[-1:]), digest_of(self._public))

    def first(self, session: str) -> Line | None:
        """Return the arrival that counts for a sitting."""
        return next(iter(self._files.get(session, {}).values()), None)

    def find(self, session: str, sha256: str) -> Line | None:
        """Return the arrival of a file."""
        return self._files.get(session, {}).get(sha256)

    def files(self, session: str) -> list[Line]:
        """Return everything that arrived for a sitting, the first one first."""
        return list(self._files.get(session, {}).values())

    def sessions(self) -> list[str]:
        """Return the sittings for which something arrived."""
        return list(self._files)

    def added(self, session: str) -> list[Extension]:
        """Return the time that was added to a sitting."""
        return list(self._added.get(session, []))

    def minutes(self, session: str) -> int:
        """Return how many minutes were added to a sitting."""
        return sum(each.minutes for each in self.added(session))

    def follow(self) -> None:
        """Read what was added since; a last line that a crash cut off is none."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._size:
                    raise IntegrityError(f"{self.path} was cut: it is shorter than it was")
                file.seek(self._size)
                fresh = file.read()
        except FileNotFoundError:
            if self._size:
                raise IntegrityError(f"{self.path} is gone") from None
            return
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror or error}") from error
        whole = fresh[: fresh.rfind(b"\n") + 1]
        for text in whole.splitlines():
            self._take(self._line(text))
        self._size += len(whole)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the file against other processes, and know everything that is in it.

        Raises
        ------
        StorageError
            When another process holds it for too long.
        """
        try:
            self._lock.acquire(timeout=_WAIT)
        except (Timeout, OSError) as error:
            raise StorageError(f"cannot lock {self.path}: {error}. Try again") from None
        try:
            self.follow()
            yield
        finally:
            self._lock.release()

    def append(self, keys: Keys, kind: str, payload: Mapping[str, Any], at: datetime | None = None) -> Line:
        """Add an entry, signed and synced to disk; hold the file.

        Raises
        ------
        StorageError
            When it cannot be written whole; then the file is as it was.
        """
        moment = said_time(datetime.now(UTC) if at is None else at)
        entry = chain.entry(len(self.lines) + 1, moment, kind, payload, self.head)
        line = Line(entry, keys.sign(PURPOSE, entry))
        text = canonical(line.as_json()) + b"\n"
        try:
            # Nobody was told of a last line that a crash cut off.
            append_whole(self.path, text, self._size)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror or error}") from error
        self._size += len(text)
        self._take(line)
        return line

    def _line(self, text: bytes) -> Line:
        number = len(self.lines) + 1
        try:
            line = Line.from_json(json.loads(text), self._public)
        except (ValueError, IntegrityError) as error:
            raise IntegrityError(f"{self.path} was edited: line {number}: {error}") from None
        if problems := chain.broken_links([line.entry], self.head, number):
            raise IntegrityError(f"{self.path} was edited: {problems[0]}")
        return line

    def _take(self, line: Line) -> None:
        self.lines.append(line)
        payload = line.payload
        if line.entry["kind"] == "extended":
            more = Extension(payload["minutes"], payload["reason"], payload["by"], line.entry["at"])
            for session in payload["sessions"]:
                self._added.setdefault(session, []).append(more)
        else:
            self._files.setdefault(payload["session"], {})[payload["sha256"]] = line
