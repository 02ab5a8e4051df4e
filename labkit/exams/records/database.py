"""Open a gradebook: SQLite on this machine, or PostgreSQL by its address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, pool, text
from sqlalchemy.orm import Session

from labkit.core.errors import EngineNotInstalledError, InvalidInputError, StorageError
from labkit.core.paths import data_dir, ensure_dir

__all__ = ["Records", "default_url", "open_records", "upgrade"]

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 5_272_024
"""Key of the lock in PostgreSQL under which the chain of events grows."""


class Records:
    """An open gradebook.

    :meth:`begin` gives a session in which everything is written or nothing; one writes at a
    time.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Write: everything until the end of the block, or nothing of it.

        Raises
        ------
        StorageError
            When the disk is full, the server is away, or the account may not do this.
        InvalidInputError
            When the database refuses what is written: a row that may not change, somebody who may
            not release or decide.
        """
        with _translated(), Session(self.engine) as session, session.begin():
            if self.engine.dialect.name == "postgresql":
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Read; nothing that is written in the block stays."""
        with _translated(), Session(self.engine) as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def default_url() -> str:
    """Return the address of the gradebook: ``LABKIT_RECORDS``, or a file among the user's own."""
    if own := os.environ.get("LABKIT_RECORDS"):
        return own
    return f"sqlite:///{ensure_dir(data_dir()) / 'exam-records.sqlite'}"


def open_records(url: str | None = None) -> Records:
    """Open a gradebook.

    A file is made, and brought up to date, where need be; a server's tables are made by its owner,
    with :func:`upgrade`.

    Parameters
    ----------
    url : str, optional
        ``sqlite:///file``, ``postgresql://user@host/name``, or a path of a file.

    Raises
    ------
    InvalidInputError
        When it is no such address.
    StorageError
        When it cannot be reached, or its tables are of another version.
    """
    engine = _engine(default_url() if url is None else url)
    if engine.dialect.name == "sqlite":
        _upgrade(engine)
        return Records(engine)
    with _translated(), engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if found != newest:
        engine.dispose()
        raise StorageError(
            f"expected a gradebook of version {newest} on the server, got {found or 'none'}: its owner runs "
            "labkit exam release migrate --records URL"
        )
    return Records(engine)


def upgrade(url: str | None = None) -> str:
    """Make or renew the tables, triggers and roles of a gradebook; return their version."""
    engine = _engine(default_url() if url is None else url)
    try:
        return _upgrade(engine)
    finally:
        engine.dispose()


def now() -> str:
    """Return the time in UTC, as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _upgrade(engine: Engine) -> str:
    newest = ScriptDirectory.from_config(_config()).get_current_head() or ""
    with _translated(), engine.begin() as connection:
        if MigrationContext.configure(connection).get_current_revision() != newest:
            command.upgrade(_config(connection), "head")
    return newest


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> Engine:
    if "://" not in url:
        url = f"sqlite:///{Path(url).expanduser()}"
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        parsed = None
    kinds = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    if parsed is None or parsed.drivername.partition("+")[0] not in kinds:
        raise InvalidInputError(
            "expected the gradebook as a file, sqlite:///FILE or postgresql://USER@HOST/NAME; got "
            f"{parsed.render_as_string() if parsed is not None else 'something else'}"
        )
    kind = parsed.drivername.partition("+")[0]
    if kind == "sqlite":
        _keep_private(parsed.database)
        engine = create_engine(parsed, poolclass=pool.NullPool)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(parsed.set(drivername=kinds[kind]), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise EngineNotInstalledError("PostgreSQL", "postgres") from error


def _keep_private(name: str | None) -> None:
    """Make the file of a new gradebook readable by its owner alone: it holds names and results."""
    if name and name != ":memory:" and not Path(name).exists():
        # Where it cannot be made, opening it says why.
        with suppress(OSError):
            Path(name).touch(mode=0o600)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver begins transactions late; the listener below begins them at once.
    connection.isolation_level = None
    for pragma in (
        "foreign_keys = ON",
        "recursive_triggers = ON",
        "synchronous = FULL",
        "busy_timeout = 20000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # One writer at a time from the first statement on: the chain may not fork.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _translated() -> Iterator[None]:
    """Say what the database said, in our words."""
    try:
        yield
    except (exc.IntegrityError, exc.InternalError) as error:
        raise InvalidInputError(f"the gradebook refuses this: {_first_line(error)}") from error
    except exc.DBAPIError as error:
        said = _first_line(error)
        # What a trigger of PostgreSQL raises; and what an account lacks.
        if getattr(error.orig, "sqlstate", "") == "P0001":
            raise InvalidInputError(f"the gradebook refuses this: {said}") from error
        raise StorageError(f"the gradebook cannot be used: {said}") from error


def _first_line(error: exc.DBAPIError) -> str:
    return (str(error.orig).strip().splitlines() or ["no reason given"])[0]
