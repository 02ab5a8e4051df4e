"""Take files: what comes is written aside, checked against its digest, moved into place, and receipted.

A file is on disk before its arrival is written down, and its arrival before anybody is told.  A crash in
between leaves a file that nobody was told of; sent again, it gets its receipt.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.core.errors import LabkitError, StorageError
from labkit.core.files import settle
from labkit.core.paths import ensure_dir
from labkit.exams.form import GRACE, said_time
from labkit.exams.receiving.agreement import due_at
from labkit.exams.receiving.arrivals import Line
from labkit.exams.receiving.folder import Receiving, Registered
from labkit.exams.signing import Keys

__all__ = ["Desk", "Part", "RefusedError"]

MOST_FILES = 5
"""Files that are kept for one sitting; the first counts."""

SPARE = 64 << 20
"""Bytes that are left free on the disk, so that arrivals can still be written down."""


class RefusedError(LabkitError):
    """Something is not taken; ``status`` is that of HTTP."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


class Desk:
    """Where files are taken, for all sittings of an examiner.

    Parameters
    ----------
    receiving : Receiving
    keys : Keys
    largest : int
        Bytes of a file.
    """

    def __init__(self, receiving: Receiving, keys: Keys, largest: int) -> None:
        self.receiving, self.largest = receiving, largest
        self._keys = keys
        self.arrivals = receiving.arrivals()
        self._partial = receiving.folder / "partial"
        # What was on its way when the service stopped will be sent again.
        shutil.rmtree(self._partial, ignore_errors=True)
        ensure_dir(self._partial)
        self._sending: set[str] = set()
        self._announced: dict[str, tuple[str, datetime]] = {}
        self._looked = datetime.now(UTC), time.monotonic()

    @property
    def under_way(self) -> int:
        """How many files are on their way."""
        return len(self._sending)

    def moved(self) -> float:
        """Return by how many seconds the clock of this machine was set since this was asked last."""
        (said, counted), self._looked = self._looked, (datetime.now(UTC), time.monotonic())
        return (self._looked[0] - said).total_seconds() - (self._looked[1] - counted)

    def time(self, sitting: Registered, challenge: str) -> dict[str, Any]:
        """Return how late it is for a sitting, signed together with the challenge of whoever asks."""
        self.arrivals.follow()
        now = datetime.now(UTC)
        added = self.arrivals.added(sitting.session)
        due = due_at(sitting.deadline, sum(each.minutes for each in added))
        answer = {
            "session": sitting.session,
            "challenge": challenge,
            "at": said_time(now),
            "deadline": said_time(due),
            "over": now >= due,
            "added": [{"minutes": each.minutes, "reason": each.reason} for each in added],
        }
        return {"answer": answer, "signature": self._keys.sign("clock", answer)}

    def receipt(self, sitting: Registered, sha256: str) -> Line | None:
        """Return the receipt of a file that arrived; to ask for it announces the file."""
        self.announced(sitting, sha256)
        self.arrivals.follow()
        return self.arrivals.find(sitting.session, sha256)

    def announced(self, sitting: Registered, sha256: str) -> datetime:
        """Return when a file was announced, which is the time that counts.

        Nothing about a file can change once its digest is known, however long it takes to come, and
        however often it has to be sent.  Of each sitting that holds for the first file alone: whoever
        announces several, to choose among them later, has announced one.
        """
        now = datetime.now(UTC)
        first, at = self._announced.setdefault(sitting.session, (sha256, now))
        return at if first == sha256 else now

    def begin(self, sitting: Registered, sha256: str, size: int) -> Part:
        """Make room for a file that is about to come.

        Raises
        ------
        RefusedError
            When it is too large, another one of this sitting is on its way, or there is no room.
        """
        session = sitting.session
        if session in self._sending:
            raise RefusedError(
                409, "another file of this sitting is on its way; wait until it is through, and try again"
            )
        if len(self.arrivals.files(session)) >= MOST_FILES:
            raise RefusedError(
                409,
                f"{MOST_FILES} files of this sitting were received already, and no more are kept. "
                "The first counts",
            )
        if shutil.disk_usage(self._partial).free < size + SPARE:
            raise RefusedError(507, "the examiner's disk is full. Tell the examiner, and try again")
        part = Part(self, sitting, sha256, size)
        self._sending.add(session)
        return part

    def path_aside(self) -> Path:
        """Return a place for a file that is not whole."""
        return self._partial / f"{secrets.token_hex(12)}.part"

    def free(self, session: str) -> None:
        """Let another file of a sitting come."""
        self._sending.discard(session)

    def settle(self, part: Part) -> Line:
        """Move a whole file into place, and write its arrival down."""
        sitting = part.sitting
        place = self.receiving.path_of(sitting.session, part.sha256)
        with self.arrivals.held():
            if known := self.arrivals.find(sitting.session, part.sha256):
                return known
            ensure_dir(place.parent)
            part.path.replace(place)
            settle(place.parent)
            first = self.arrivals.first(sitting.session)
            due = due_at(sitting.deadline, self.arrivals.minutes(sitting.session))
            return self.arrivals.append(
                self._keys,
                "received" if first is None else "set_aside",
                {
                    "session": sitting.session,
                    "owner": sitting.owner,
                    "sha256": part.sha256,
                    "size": part.size,
                    "announced_at": said_time(part.announced_at),
                    "due": said_time(due),
                    "late": part.announced_at > due + GRACE,
                    "counts": part.sha256 if first is None else first.payload["sha256"],
                },
            )


class Part:
    """A file on its way."""

    def __init__(self, desk: Desk, sitting: Registered, sha256: str, size: int) -> None:
        self.sitting, self.sha256, self.size = sitting, sha256, size
        self.announced_at = desk.announced(sitting, sha256)
        self.path = desk.path_aside()
        self._desk, self._digest, self._came = desk, hashlib.sha256(), 0
        self._open = True
        try:
            self._file = self.path.open("xb")
        except OSError as error:
            raise _full(error) from None

    def write(self, chunk: bytes) -> None:
        """Keep what came.

        Raises
        ------
        RefusedError
            When the disk is full.
        """
        self._came += len(chunk)
        self._digest.update(chunk)
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _full(error) from None

    def finish(self) -> Line:
        """Return the receipt of what came whole.

        Raises
        ------
        RefusedError
            When it is not the file that was announced, or cannot be kept.
        """
        try:
            if self._came != self.size or self._digest.hexdigest() != self.sha256:
                raise RefusedError(
                    422,
                    "what came is not the file that was announced: it is cut off or was altered on the way. "
                    "Send it again",
                )
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            return self._desk.settle(self)
        except StorageError as error:
            raise RefusedError(
                507, f"the examiner's machine cannot keep it: {_cause(error)}. Try again"
            ) from None
        except OSError as error:
            raise _full(error) from None
        finally:
            self.drop()

    def drop(self) -> None:
        """Forget what came, unless it was kept; it may be called twice."""
        if not self._open:
            return
        self._open = False
        self._desk.free(self.sitting.session)
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def _full(error: OSError) -> RefusedError:
    return RefusedError(
        507,
        f"the examiner's machine cannot keep it: {error.strerror or 'the disk failed'}. "
        "Tell the examiner, and try again",
    )


def _cause(error: StorageError) -> str:
    cause = error.__cause__
    return (cause.strerror if isinstance(cause, OSError) else "") or "its records are busy"
