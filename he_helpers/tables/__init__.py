"""Encrypted tables: readable labels, encrypted numbers, group-by sums as a pure function of ciphertexts and labels.

Each name is loaded from its module when it is first used: whoever needs labels alone loads no encryption library, as
the server's own process, which leaves the work on ciphertexts to workers.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from he_helpers.tables.aggregation import EncryptedAggregate, aggregate
    from he_helpers.tables.columns import Column
    from he_helpers.tables.encrypted_table import EncryptedTable
    from he_helpers.tables.header import TableHeader
    from he_helpers.tables.labels import Labels
    from he_helpers.tables.query import Query, UnknownColumn, UnknownLabel, UnsupportedQuery

_MODULE_OF = {
    "Column": "columns",
    "EncryptedAggregate": "aggregation",
    "EncryptedTable": "encrypted_table",
    "Labels": "labels",
    "Query": "query",
    "TableHeader": "header",
    "UnknownColumn": "query",
    "UnknownLabel": "query",
    "UnsupportedQuery": "query",
    "aggregate": "aggregation",
}

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


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"he_helpers.tables has no {name!r}. It has: {', '.join(__all__)}.")
    return getattr(import_module(f"he_helpers.tables.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
