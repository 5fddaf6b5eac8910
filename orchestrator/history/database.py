"""Where the history is: one SQLite file, or a PostgreSQL server. Transactions, and the tables of today's version.

SQLite is in WAL mode, so readers and one writer work at the same time; writers wait for each other. Every change is one
transaction that is on the disk when it ends: a writer that is killed leaves all of it or nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from orchestrator.errors import HistoryUnavailable, UsageError
from orchestrator.history.derived import rebuild
from orchestrator.host.extras import install_command

MIGRATIONS = Path(__file__).with_name("migrations")
HEAD = max(path.name[1:5] for path in MIGRATIONS.glob("versions/v*.py"))
WAIT_S = 120.0  # for other writers
_MAGIC = b"SQLite format 3\0"
_IMPORT = "orchestrate history import makes one"


@dataclass(frozen=True)
class Database:
    """A history. `name` is for people: no password is in it."""

    name: str
    engine: Engine

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may change something: all of it or nothing. Raises HistoryUnavailable."""
        with self._said(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A view of one moment. Raises HistoryUnavailable."""
        options = {"sqlite_begin": "BEGIN", "isolation_level": "REPEATABLE READ"}
        if self.engine.dialect.name == "sqlite":
            del options["isolation_level"]
        with self._said(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise HistoryUnavailable(f"{self.name}: {_reason(error.orig)}") from error
        except sqlite3.Error as error:  # while it connects
            raise HistoryUnavailable(f"{self.name}: {_reason(error)}") from error


def open_database(target: str, *, create: bool) -> Database:
    """The history at a path or a postgresql:// URL, with today's tables. Without `create` a file must be there.

    Raises UsageError, HistoryUnavailable.
    """
    url = _url(target)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not create and not path.is_file():
            raise UsageError(f"{path}: there is no history", hint=_IMPORT)
        if path.exists() and not path.is_file():  # SQLite would wait for who writes into a pipe
            raise UsageError(f"{path}: no file, so no history")
        _check_file(path, create=create)
        path.parent.mkdir(parents=True, exist_ok=True)
    database = Database(_name(target, url), _engine(url))
    _upgrade(database)
    return database


def open_read_only(target: str) -> Database:
    """A history that this connection cannot change, not even its tables. Raises UsageError, HistoryUnavailable."""
    url = _url(target)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise UsageError(f"{target}: there is no history", hint=_IMPORT)
    database = Database(_name(target, url), _engine(url, is_read_only=True))
    with database.reading() as connection:
        if _version(database, connection) != HEAD:
            raise UsageError(
                f"{database.name}: was written by an older version of orchestrate",
                hint="orchestrate history query runs brings its tables up to date",
            )
    return database


def _check_file(path: Path, *, create: bool) -> None:
    """SQLite takes less than a page of anything for an empty database, and writes over it. Raises UsageError,
    HistoryUnavailable."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise HistoryUnavailable(f"{path}: {error.strerror}") from error
    if not begins and not create:
        raise UsageError(f"{path}: there is no history in it: it is empty", hint=_IMPORT)
    if begins and begins != _MAGIC:
        raise HistoryUnavailable(f"{path}: file is not a database")


def _name(target: str, url: URL) -> str:
    return url.render_as_string(hide_password=True) if "://" in target else target


def _url(target: str) -> URL:
    if "://" not in target:
        return URL.create("sqlite", database=str(Path(target).absolute()))
    try:
        url = make_url(target)
    except ArgumentError as error:
        raise UsageError("the URL of the history cannot be read", hint="postgresql://USER@HOST/DATABASE") from error
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise UsageError(f"{url.drivername}:// is no history", hint="a path of a file, or postgresql://HOST/DATABASE")
    return url.set(drivername="postgresql+psycopg")


def _engine(url: URL, *, is_read_only: bool = False) -> Engine:
    if url.get_backend_name() != "sqlite":
        options = {"options": "-c default_transaction_read_only=on"} if is_read_only else {}
        try:
            return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10, **options})
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise UsageError("PostgreSQL's driver is not installed", hint=install_command("history")) from error
    file = f"file:{quote(url.database or '')}{'?mode=ro' if is_read_only else ''}"
    how = ("query_only = ON",) if is_read_only else ("synchronous = FULL", "foreign_keys = ON")

    def connect() -> sqlite3.Connection:
        # a connection is used by one thread at a time, and not always by the one that made it
        return sqlite3.connect(file, timeout=WAIT_S, uri=True, check_same_thread=False)

    engine = create_engine(url, poolclass=NullPool, creator=connect)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # no hidden COMMIT before DDL: _began begins transactions
        if not is_read_only:
            _use_wal(connection)
        # patterns tell upper from lower case, as those of PostgreSQL do
        for pragma in (*how, "case_sensitive_like = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _began(connection: Connection) -> None:
        # a writer says so at once: one that began as a reader can end in a deadlock
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite's own waiting does not cover this: who reads the header to find out, and then wants to change it while
    another does the same, is told at once that the file is locked."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _upgrade(database: Database) -> None:
    """Make the tables of today's version out of those of an earlier one, or of none."""
    with database.reading() as connection:
        if _version(database, connection) == HEAD:
            return
    with database.writing() as connection:
        alone_with(connection, "tables")
        if _version(database, connection) != HEAD:  # nobody else was faster
            _migrate(connection)
            rebuild(connection)


def alone_with(connection: Connection, name: str) -> None:
    """Until the transaction ends nobody else is at work on what has this name. In SQLite nobody is at all."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"orchestrate {name}"})


def _version(database: Database, connection: Connection) -> str:
    """Of its tables; empty where there are none. Raises UsageError for what is not ours."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if tables:
            raise UsageError(f"{database.name}: holds tables of something else", hint="give the history its own")
        return ""
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
    if version > HEAD:
        raise UsageError(f"{database.name}: was written by a newer version of orchestrate")
    return str(version)


def _migrate(connection: Connection) -> None:
    """alembic takes longer to load than most questions take: it is imported when it is needed."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(MIGRATIONS))
    with EnvironmentContext(Config(), scripts, fn=lambda revision, _: scripts._upgrade_revs("head", revision)) as made:
        # DDL is part of the transaction, in SQLite too, as we begin transactions ourselves
        made.configure(connection=connection, transactional_ddl=True)
        made.run_migrations()


def _reason(error: BaseException | None) -> str:
    """The database's own words, on one line."""
    return " ".join(str(error).split())
