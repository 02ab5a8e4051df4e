"""The SQLite file under the progress log: open, append, read, and mend what can be mended.

A connection lives for one operation, so a forked kernel, a second tab or a thread never
shares one.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from labkit.core.errors import StorageError
from labkit.core.paths import ensure_dir

__all__ = ["SCHEMA_VERSION", "EventStore"]

SCHEMA_VERSION = 1
BUSY_SECONDS = 20.0

_NO_DELETE = """CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"""
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        uid TEXT NOT NULL UNIQUE,
        at TEXT NOT NULL,
        learner TEXT NOT NULL,
        lab TEXT NOT NULL,
        kind TEXT NOT NULL,
        payload TEXT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS by_learner ON events (learner, lab, id)",
    """CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    _NO_DELETE,
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_Result = TypeVar("_Result")


class EventStore:
    """Rows that are appended and read; see the module for what it promises."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice: str | None = None

    def insert(self, row: tuple[str, str, str, str, str, str]) -> None:
        """Append one row and wait until it is on the disk; a known ``uid`` changes nothing."""

        def work(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute(
                    "INSERT INTO events (uid, at, learner, lab, kind, payload) VALUES (?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (uid) DO NOTHING",
                    row,
                )

        self._run(work)

    def forget(self, learner: str) -> None:
        """Remove every row of one learner, for good: the one exception to "append only"."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA secure_delete = ON")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("DROP TRIGGER no_delete")
                connection.execute("DELETE FROM events WHERE learner = ?", (learner,))
                connection.execute(_NO_DELETE)
            # What is in the write-ahead log would outlive it.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        self._run(work)

    def after(self, number: int) -> list[tuple[Any, ...]]:
        """Return ``(id, uid, at, learner, lab, kind, payload)`` of the row ``number`` and all behind it."""

        def work(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            query = "SELECT id, uid, at, learner, lab, kind, payload FROM events WHERE id >= ? ORDER BY id"
            return connection.execute(query, (number,)).fetchall()

        return self._run(work) if self.path.exists() else []

    def select(self, wanted: Mapping[str, str], newest_by: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Return ``(uid, at, learner, lab, kind, payload)`` where every column has the value wanted.

        With ``newest_by``, names of entries of the payload, only the newest row of those that
        agree in all of them.
        """
        # The names come from the code that calls, never from a user.
        where = " AND ".join(f"{column} = ?" for column in wanted) or "1"
        values = tuple(wanted.values())
        if newest_by:
            groups = ", ".join(f"json_extract(payload, '$.{name}')" for name in newest_by)
            where += f" AND id IN (SELECT MAX(id) FROM events WHERE {where} GROUP BY {groups})"  # noqa: S608
            values *= 2
        query = f"SELECT uid, at, learner, lab, kind, payload FROM events WHERE {where} ORDER BY id"  # noqa: S608

        def work(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return connection.execute(query, values).fetchall()

        try:
            if not self.path.exists():
                return []
            return self._run(work)
        except PermissionError as error:
            raise self._storage_error(error) from error
        except StorageError as error:
            # What is on a read-only disk can still be shown.
            return self._read_only(work, error)

    def _read_only(self, work: Callable[[sqlite3.Connection], _Result], failure: StorageError) -> _Result:
        if failure.__cause__ is None:
            raise failure
        try:
            with closing(
                sqlite3.connect(f"{self.path.resolve().as_uri()}?immutable=1", uri=True)
            ) as connection:
                return work(connection)
        except sqlite3.DatabaseError:
            raise failure from None

    def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        try:
            return self._attempt(work)
        except sqlite3.DatabaseError as error:
            if _code(error) not in _DAMAGED:
                raise self._storage_error(error) from error
        try:
            self._set_aside()
            return self._attempt(work)
        except (sqlite3.DatabaseError, OSError) as error:
            raise self._storage_error(error) from error

    def _attempt(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        self._create_private()
        with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            self._prepare(connection)
            return work(connection)

    def _create_private(self) -> None:
        """Make the file before SQLite does, so that nobody else can ever read it."""
        ensure_dir(self.path.parent)
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self._storage_error(error) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"{self.path} has the schema {version} of a newer labkit; this one knows {SCHEMA_VERSION}. "
                "Use the newer labkit, or set LABKIT_HOME to another folder."
            )
        if version == SCHEMA_VERSION:
            return
        _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                connection.execute(statement)

    def _set_aside(self) -> None:
        """Move a damaged file out of the way, unless another process has done so already."""
        with _exclusive(self.path.with_name(self.path.name + ".repair")):
            if not self._is_damaged():
                return
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            kept = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
            for suffix in ("-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    Path(f"{self.path}{suffix}").replace(f"{kept}{suffix}")
            self.notice = (
                f"The progress file was damaged. It is kept as {kept}, and a new one was started: "
                "earlier progress is not shown until that file is mended."
            )

    def _is_damaged(self) -> bool:
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as connection:
                return connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok"
        except sqlite3.DatabaseError as error:
            return _code(error) in _DAMAGED

    def _storage_error(self, error: Exception) -> StorageError:
        return StorageError(
            f"progress cannot be kept in {self.path}: {error}. Free some space, check that the folder "
            "is yours to write to, or set LABKIT_HOME to another folder."
        )


def _code(error: sqlite3.Error) -> int:
    # The low byte is the primary code; the rest says more about the same thing.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _patiently(work: Callable[[], object]) -> None:
    """Repeat ``work`` while another process holds the file: SQLite does not wait for a journal change."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            work()
            return
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file; one that is older than half a minute was left by a process that died."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > 30 or time.monotonic() > deadline:
                    path.unlink(missing_ok=True)
            time.sleep(0.02)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
