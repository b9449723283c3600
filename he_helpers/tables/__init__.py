"""Encrypted tables: readable labels, encrypted numbers, group-by sums as a pure function of ciphertexts and labels."""

from he_helpers.tables.aggregation import EncryptedAggregate, aggregate
from he_helpers.tables.columns import Column
from he_helpers.tables.encrypted_table import EncryptedTable
from he_helpers.tables.header import TableHeader
from he_helpers.tables.labels import Labels
from he_helpers.tables.query import Query, UnknownColumn, UnknownLabel, UnsupportedQuery

__all__ = [
    "Column",
    "EncryptedAggregate",
    "EncryptedTable",
    "Labels",
    "Query",
    "TableHeader",
    "UnknownColumn",
    "UnknownLabel",
    "UnsupportedQuery",
    "aggregate",
]
