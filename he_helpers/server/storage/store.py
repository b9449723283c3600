"""The server's only mutable state: one database, in which every step is one transaction.

SQLite by default, PostgreSQL by URL. Encrypted tables lie in the database itself, in parts, so that a dataset is there
whole or not at all and neither writing nor reading one needs it in memory. A step and its audit event are written by
the same transaction.
"""

import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from he_helpers.server.storage.folder import CannotStart, open_own_file
from he_helpers.server.storage.quotas import Quotas
from he_helpers.server.storage.schema import VERSION, metadata, store_version

if TYPE_CHECKING:
    import psycopg

Answer = TypeVar("Answer")

# How long a writer waits for another one, in seconds.
_BUSY_TIMEOUT = 30
# How long the files of a deleted dataset may keep their bytes because of others who read or write, before the answer is
# given and the next step tries again, in seconds.
_RECLAIM_TIMEOUT = 2
# The number of the lock that a writer holds in PostgreSQL; any number that nothing else uses there.
_WRITER_LOCK = 4846421
# More than the threads that serve requests, so that none waits for a connection.
_CONNECTIONS = 32
_CONNECT_TIMEOUT = 10
# A connection that a firewall in between has forgotten is not used again, in seconds.
_OLDEST_CONNECTION = 1800


class Store:
    """The database behind a server. Safe to share between threads; each transaction has its own connection.

    ``url`` is the SQLAlchemy URL of a SQLite or PostgreSQL database; the tables are created where there are none.
    ``quotas`` bounds what may be kept in it. ``folder`` is where copies of tables lie that are worked on (None: the
    system's folder of temporary files).

    Raises CannotStart for another kind of database, one that cannot be reached, a store of another version, and a file
    that is not private.
    """

    def __init__(self, url: str, quotas: Quotas | None = None, folder: Path | None = None) -> None:
        self.quotas = quotas or Quotas()
        self._folder = folder
        self._engine = _engine(url)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        self._reclaiming = threading.Lock()
        self._unreclaimed = False
        try:
            self.write(_create_tables)
        except DBAPIError as error:
            self.close()
            # Without the statement; the driver's words hold no password.
            raise CannotStart(f"The database cannot be used: {' '.join(str(error.orig).split())}") from None
        except CannotStart:
            self.close()
            raise

    @classmethod
    def in_folder(cls, folder: Path, quotas: Quotas | None = None) -> "Store":
        """The embedded default: the SQLite file ``store.sqlite3`` in ``folder``."""
        return cls(f"sqlite:///{folder / 'store.sqlite3'}", quotas, folder)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state and writes nothing."""
        # SQLite's transactions are so anyway.
        options = {} if self._is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._engine.connect().execution_options(**options) as connection:
            yield connection

    def write(self, step: Callable[[Connection], Answer]) -> Answer:
        """Run ``step`` as one transaction and return its answer; an exception undoes all of it.

        One writer is let in at a time, in PostgreSQL too: what a step has checked still holds when it writes, quotas
        over all accounts included, and audit events are numbered in the order in which they can be seen.
        """
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            answer = step(connection)
        if self._unreclaimed:
            self.reclaim()
        return answer

    def temporary_file(self) -> BinaryIO:
        """An empty file without a name, for a copy of a table; it is gone from the disk when it is closed."""
        return tempfile.TemporaryFile(dir=self._folder)

    def reclaim(self) -> None:
        """Give the space of what was deleted back, and leave nothing of it in the files.

        SQLite overwrites what is deleted, but the write-ahead log still holds it until it is emptied. While somebody
        reads or writes, that has to wait: the next step that writes tries again. PostgreSQL does it in its own time
        (autovacuum), and frees the space for its own use; until then the bytes are on its disk.
        """
        if not self._is_sqlite:
            return
        self._unreclaimed = True
        if not self._reclaiming.acquire(blocking=False):
            return
        try:
            # Before the work: what is deleted during it says that there is some left again.
            self._unreclaimed = False
            with closing(self._engine.raw_connection()) as connection:
                if not _reclaim(connection):
                    self._unreclaimed = True
        finally:
            self._reclaiming.release()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def now() -> str:
    """The time of an audit event: UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _reclaim(connection: PoolProxiedConnection) -> bool:
    """Shrink the files of a SQLite database; False where others kept it from that for too long."""
    connection.execute(f"PRAGMA busy_timeout = {1000 * _RECLAIM_TIMEOUT}")
    try:
        # It frees a page a step, and execute() would take the first step only.
        connection.executescript("PRAGMA incremental_vacuum")
        blocked, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not blocked
    except sqlite3.OperationalError as error:
        # The step before has been taken and stays so: that another one writes is no failure of it.
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_TIMEOUT}")


def _create_tables(connection: Connection) -> None:
    found = set(inspect(connection).get_table_names()) & set(metadata.tables)
    if not found:
        # Not looked for again, one by one.
        metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(store_version).values(version=VERSION))
        return
    version = connection.scalar(select(store_version.c.version)) if "store_version" in found else None
    if version != VERSION:
        raise CannotStart(
            f"The store {connection.engine.url.database} was made by another version of he_helpers. Use that version, "
            "or begin anew: end the server, and take another folder or delete this one; its datasets are lost then."
        )


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise CannotStart(
            "The database's URL cannot be read. Expected is sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
        ) from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    if parsed.get_backend_name() == "postgresql":
        try:
            return _postgresql_engine(parsed)
        except (ImportError, NoSuchModuleError):
            raise CannotStart(
                "A driver for PostgreSQL is missing. Install it into the server's Python, pip install "
                "'psycopg[binary]', and name it in the URL: postgresql+psycopg://USER@HOST/DATABASE."
            ) from None
    raise CannotStart(
        f"A store lies in SQLite or PostgreSQL, and not in {parsed.get_backend_name()}. Name one by its URL: "
        "sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE."
    )


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        # SQLite makes the files of the log with the mode of this one.
        os.close(open_own_file(Path(url.database), os.O_RDWR | os.O_CREAT))
        for companion in ("-wal", "-shm"):
            path = Path(url.database + companion)
            if os.path.lexists(path):
                os.close(open_own_file(path, os.O_RDWR))
    engine = create_engine(
        url, pool_size=_CONNECTIONS, pool_timeout=_BUSY_TIMEOUT, connect_args={"timeout": _BUSY_TIMEOUT}
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin transactions on its own: _begin does, with the right lock.
        connection.isolation_level = None
        # FULL makes a commit wait for the disk, so that what was acknowledged survives a crash of the machine
        # too. What is deleted is overwritten, and its pages go back to the file system (see reclaim).
        # Setting auto_vacuum waits for writers, and works in an empty database only.
        empty = connection.execute("PRAGMA page_count").fetchone() == (0,)
        for pragma in (
            *(["auto_vacuum=INCREMENTAL"] if empty else []),
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
        ):
            _patiently(connection, f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that began as a reader could not upgrade its lock after another one has written.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Execute what SQLite refuses at once, and not after _BUSY_TIMEOUT, while another connection has the file locked:
    the change of its journal, when several open a new store at the same moment."""
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _postgresql_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_BUSY_TIMEOUT,
        pool_pre_ping=True,
        pool_recycle=_OLDEST_CONNECTION,
        # What a writer's lock protects must be visible as soon as it has the lock.
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": _CONNECT_TIMEOUT},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: "psycopg.Connection", _record: object) -> None:
        # A server that hangs or lost its machine must not keep the lock from the next one for ever.
        with connection.cursor() as cursor:
            for setting in ("lock_timeout", "idle_in_transaction_session_timeout"):
                cursor.execute(f"SET {setting} = '{_BUSY_TIMEOUT}s'")
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")

    return engine
