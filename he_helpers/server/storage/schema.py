"""The tables of the store's database."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# Counted up when the tables below change: a store is used by the version that made it.
VERSION = 3

metadata = MetaData()


def _ordered(length: int) -> String:
    # A listing goes by this column from page to page; its order must not depend on the language of the database.
    return String(length).with_variant(String(length, collation="C"), "postgresql")


store_version = Table("store_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
)

datasets = Table(
    "datasets",
    metadata,
    Column("name", _ordered(64), primary_key=True),
    Column("owner", ForeignKey(accounts.c.name), nullable=False, index=True),
    Column("minimum_group_size", Integer, nullable=False),
    # Of the readable labels the one whose values tell contributors apart; none: each row is one.
    Column("contributor_label", Text, nullable=True),
    # How many of its custodians release a result; none: its owner does.
    Column("threshold", Integer, nullable=True),
    Column("description", JSON, nullable=False),
    # The description without the labels' values, for listings: a label can have many.
    Column("summary", JSON, nullable=False),
    # What a query is checked against, without reading the content: the bytes of a TableHeader.
    Column("label_part", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    # Why the server no longer computes on it; nothing while it does.
    Column("set_aside", Text),
)

# Who shares the key of a dataset.
dataset_custodians = Table(
    "dataset_custodians",
    metadata,
    Column("dataset", ForeignKey(datasets.c.name, ondelete="CASCADE"), primary_key=True),
    Column("custodian", ForeignKey(accounts.c.name), primary_key=True, index=True),
)

# The bytes of a dataset, cut into parts of the same size.
dataset_parts = Table(
    "dataset_parts",
    metadata,
    Column("dataset", ForeignKey(datasets.c.name, ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

release_requests = Table(
    "release_requests",
    metadata,
    Column("id", _ordered(36), primary_key=True),
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
    metadata,
    Column("request", ForeignKey(release_requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("request", ForeignKey(release_requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# What a custodian says to a request: a sealed partial decryption, or nothing but a reason.
custodian_answers = Table(
    "custodian_answers",
    metadata,
    Column("request", ForeignKey(release_requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("custodian", ForeignKey(accounts.c.name), primary_key=True),
    Column("content", LargeBinary),
    Column("reason", Text, nullable=False, default=""),
)

# Sealed letters that wait for a custodian, each under a name that its sender gave it.
letters = Table(
    "letters",
    metadata,
    # SQLite counts a primary key up only when its type is exactly INTEGER.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("sender", ForeignKey(accounts.c.name), nullable=False, index=True),
    Column("recipient", ForeignKey(accounts.c.name), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("sender", "recipient", "name"),
    sqlite_autoincrement=True,
)

# An event outlives what it tells about, so it refers to nothing: owner, analyst and readers say who may read it.
audit_events = Table(
    "audit_events",
    metadata,
    # From 1, without gaps: the trail is a chain, and two events of one number would be a fork of it.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("account", String(64), nullable=False, index=True),
    Column("role", String(16), nullable=False),
    Column("action", String(32), nullable=False),
    Column("dataset", String(64), index=True),
    Column("request", String(36), index=True),
    Column("detail", Text, nullable=False),
    Column("owner", String(64), index=True),
    Column("analyst", String(64), index=True),
    # Of he_helpers.audit.chain, in hexadecimal.
    Column("nonce", String(64), nullable=False),
    Column("leaf", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

# What witnesses have signed of the trail: relayed, and not judged here. A witness signs one head of a length.
audit_heads = Table(
    "audit_heads",
    metadata,
    # SQLite counts a primary key up only when its type is exactly INTEGER.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account", String(64), nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("witness", String(32), nullable=False),
    Column("signature", String(128), nullable=False),
    UniqueConstraint("account", "witness", "length"),
    sqlite_autoincrement=True,
)

# The custodians who may read an event.
audit_readers = Table(
    "audit_readers",
    metadata,
    Column("sequence", ForeignKey(audit_events.c.sequence), primary_key=True),
    Column("account", String(64), primary_key=True, index=True),
)
