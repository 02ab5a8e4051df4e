"""The files of a sitting: form, log, answers.  One writer at a time, every write whole.

The log comes first and everything else follows from it, so that after a crash the rest can be
made again: an answer stands in its log entry; a hand-in lies in its folder before it is logged.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from labkit.core.errors import IntegrityError, LabkitError, StorageError
from labkit.core.files import append_whole, write_whole
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import canonical, digest_of
from labkit.exams import chain
from labkit.exams.form import Form, said_time
from labkit.exams.signing import key_id, verify
from labkit.exams.sitting.clock import Clock

__all__ = ["Desk", "lost"]

_WAIT = 30.0
_TAIL = 1 << 16


class Desk:
    """The folder of one sitting.

    Parameters
    ----------
    folder : Path
        Made by :func:`labkit.exams.sitting.make_sitting`.
    clock : function, optional
        Returns the time of this machine, which counts where no server says how late it is.

    Raises
    ------
    IntegrityError
        When the folder holds no sitting, or its form is not the one that was signed.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime] | None = None) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.form_bytes, self.signature_bytes = _read(folder / "form.json"), _read(folder / "form.sig.json")
        try:
            self.form = Form.from_json(json.loads(self.form_bytes))
            signature = json.loads(self.signature_bytes)
            public = _public(signature)
        except ValueError as error:
            raise IntegrityError(f"the form in {folder} is damaged: {error}") from None
        signed = verify("form", self.form.as_json(), signature, public)
        if not signed or key_id(public) != self.form.key_id or self.form.as_bytes() != self.form_bytes:
            raise IntegrityError(
                f"the form in {folder} is not the one that was signed: it was altered. "
                "Ask the examiner for the original; answers below work/ are kept"
            )
        ensure_dir(self.work)
        self._lock = FileLock(self.work / ".lock")
        machine = clock or (lambda: datetime.now(UTC))
        self.clock = Clock(self.form, machine, self.kept("clock.json"), self._keep_time)

    def now(self) -> str:
        """Return the time as it is logged."""
        return said_time(self.clock())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the sitting against other tabs and processes; the same process may nest.

        Raises
        ------
        StorageError
            When another process holds it for half a minute, or no lock can be made.
        """
        try:
            self._lock.acquire(timeout=_WAIT)
        except Timeout:
            raise StorageError(
                f"another window has been writing to this sitting for {_WAIT:.0f} seconds. "
                "Close the others and try again; nothing was lost"
            ) from None
        except OSError as error:
            raise StorageError(
                f"cannot write to {self.work}: {error.strerror or error}. Nothing was changed: copy the "
                "sitting to a folder that you can write to, and go on there"
            ) from error
        try:
            yield
        finally:
            self._lock.release()

    def append(self, kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Add an entry to the log and return it; hold the lock.

        Raises
        ------
        StorageError
            When it cannot be written whole; then the log is as it was.
        """
        path = self.log_path
        n, previous, size = self._end()
        made = chain.entry(n + 1, self.now(), kind, payload, previous)
        try:
            # A last line that a crash cut off was never acknowledged.
            append_whole(path, canonical(made) + b"\n", size)
        except OSError as error:
            raise StorageError(
                f"this was not kept: {error.strerror or error}. What you did before is safe. "
                f"Free some space on the disk of {self.folder} and do it again"
            ) from error
        return made

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries of the log; lines that are none are left out."""
        found = map(_entry, self.log_bytes().split(b"\n"))
        return [each for each in found if each is not None]

    def tell_damage(self) -> None:
        """Warn when a line of the log holds no entry."""
        lines = self.log_bytes().split(b"\n")[:-1]
        damaged = [str(number) for number, line in enumerate(lines, start=1) if _entry(line) is None]
        if damaged:
            warnings.warn(
                f"{self.log_path} was damaged in line {', '.join(damaged)}. What you handed in is kept and "
                "can be submitted; tell your examiner, for the log no longer vouches for it",
                stacklevel=3,
            )

    @property
    def log_path(self) -> Path:
        return self.work / "log.jsonl"

    def log_bytes(self) -> bytes:
        """Return the log without a last line that a crash cut off."""
        path = self.log_path
        content = path.read_bytes() if path.is_file() else b""
        return content[: content.rfind(b"\n") + 1]

    def keep(self, name: str, content: Any) -> None:
        """Write ``work/<name>`` as JSON, whole."""
        text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
        write_whole(self.work / name, text.encode() + b"\n")

    def kept(self, name: str) -> dict[str, Any]:
        """Return what :meth:`keep` wrote; empty when there is nothing, or it is damaged."""
        try:
            found = json.loads((self.work / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _keep_time(self, answer: Mapping[str, Any]) -> None:
        """Keep what the server said for the next kernel."""
        with suppress(LabkitError), self.locked():
            self.keep("clock.json", answer)

    def _end(self) -> tuple[int, str, int]:
        """Return number and digest of the last whole entry, and where it ends."""
        path = self.log_path
        try:
            with path.open("rb") as file:
                start = max(0, file.seek(0, os.SEEK_END) - _TAIL)
                file.seek(start)
                tail = file.read()
        except FileNotFoundError:
            return 0, digest_of(self.form_bytes), 0
        except OSError as error:
            raise StorageError(f"the log of the sitting cannot be read: {error.strerror}") from error
        whole = tail[: tail.rfind(b"\n") + 1]
        if not whole:
            return (0, digest_of(self.form_bytes), 0) if start == 0 else self._end_of_all()
        last = whole[:-1].rpartition(b"\n")[2]
        made = _entry(last)
        if made is None or (len(last) + 1 == len(whole) and start > 0):
            return self._end_of_all()
        return made["n"], made["digest"], start + len(whole)

    def _end_of_all(self) -> tuple[int, str, int]:
        """Do as :meth:`_end` for a log whose last entry is longer than the tail that was read, or damaged."""
        entries, size = self.entries(), len(self.log_bytes())
        if not entries:
            return 0, digest_of(self.form_bytes), size
        return entries[-1]["n"], entries[-1]["digest"], size


def lost(path: Path, error: Exception) -> IntegrityError:
    """Return what to say when something that was issued cannot be read any more."""
    what = error.strerror if isinstance(error, OSError) else error
    return IntegrityError(
        f"{path} cannot be read: {what}. Copy it again from whoever issued this sitting; "
        "what you handed in is kept, and can be submitted"
    )


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return the entry in a line of the log; None when the line was damaged."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    kinds = {"n": int, "at": str, "kind": str, "payload": dict, "digest": str}
    whole = isinstance(found, dict) and all(type(found.get(key)) is kind for key, kind in kinds.items())
    return found if whole else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IntegrityError(
            f"{path.parent} holds no sitting ({path.name}: {error.strerror}). "
            "Make one with `labkit exam open --practice`"
        ) from None


def _public(signature: Any) -> bytes:
    import base64

    text = signature["public_key"] if isinstance(signature, dict) and "public_key" in signature else ""
    return base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4))
