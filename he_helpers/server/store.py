"""The server's only mutable state: one database, in which every step is one transaction.

SQLite by default, any other database that SQLAlchemy knows by URL. Encrypted tables lie in the database
itself, so that a dataset is there whole or not at all. A step and its audit event are written by the same
transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.exc import IntegrityError

Answer = TypeVar("Answer")

# How long a writer waits for another one, in seconds.
_BUSY_TIMEOUT = 30

_metadata = MetaData()

accounts = Table(
    "accounts",
    _metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
)

datasets = Table(
    "datasets",
    _metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", ForeignKey(accounts.c.name), nullable=False),
    Column("minimum_group_size", Integer, nullable=False),
    # Of the readable labels the one whose values tell contributors apart; none: each row is one.
    Column("contributor_label", Text, nullable=True),
    Column("description", JSON, nullable=False),
    # What a query is checked against, without reading the content: the bytes of a TableHeader.
    Column("label_part", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    # Why the server no longer computes on it; nothing while it does.
    Column("set_aside", Text),
    Column("content", LargeBinary, nullable=False),
)

release_requests = Table(
    "release_requests",
    _metadata,
    Column("id", String(36), primary_key=True),
    Column("dataset", ForeignKey(datasets.c.name, ondelete="CASCADE"), nullable=False, index=True),
    Column("analyst", ForeignKey(accounts.c.name), nullable=False, index=True),
    Column("query", JSON, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("recipient_key_fingerprint", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
)

aggregates = Table(
    "aggregates",
    _metadata,
    Column("request", ForeignKey(release_requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

results = Table(
    "results",
    _metadata,
    Column("request", ForeignKey(release_requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# An event outlives what it tells about, so it refers to nothing: owner and analyst say who may read it.
audit_events = Table(
    "audit_events",
    _metadata,
    # SQLite counts a primary key up only when its type is exactly INTEGER.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("account", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(32), nullable=False),
    Column("dataset", String(64), index=True),
    Column("request", String(36), index=True),
    Column("detail", Text, nullable=False),
    Column("owner", String(64), index=True),
    Column("analyst", String(64), index=True),
    sqlite_autoincrement=True,
)


class Store:
    """The database behind a server. Safe to share between threads; each transaction has its own connection.

    ``url`` is an SQLAlchemy database URL; the tables are created where they are missing.
    """

    def __init__(self, url: str) -> None:
        self._engine = (
            _sqlite_engine(url) if url.startswith("sqlite") else create_engine(url, pool_pre_ping=True)
        )
        _metadata.create_all(self._engine)

    @classmethod
    def in_folder(cls, folder: Path) -> "Store":
        """The embedded default: the SQLite file ``store.sqlite3`` in ``folder``."""
        return cls(f"sqlite:///{folder / 'store.sqlite3'}")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state and writes nothing."""
        with self._engine.connect() as connection:
            yield connection

    def write(self, step: Callable[[Connection], Answer]) -> Answer:
        """Run ``step`` as one transaction and return its answer; an exception undoes all of it.

        SQLite lets one writer in at a time. Elsewhere two writers can insert the same key at once: the one
        that loses runs its step again, now sees the other's row, and answers as if it had come second.
        """
        try:
            return self._write_once(step)
        except IntegrityError:
            return self._write_once(step)

    def _write_once(self, step: Callable[[Connection], Answer]) -> Answer:
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            return step(connection)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def now() -> str:
    """The time of an audit event: UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT})

    @event.listens_for(engine, "connect")
    def _set_up(connection, _record) -> None:
        # The driver must not begin transactions on its own: _begin does, with the right lock.
        connection.isolation_level = None
        # FULL makes a commit wait for the disk, so that what was acknowledged survives a crash of the machine
        # too.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that began as a reader could not upgrade its lock after another one has written.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
