"""What happens in quarantine. Imported by workers alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from he_helpers.errors import HEError
from he_helpers.schemes.public.kept_contexts import keep_contexts
from he_helpers.schemes.public.loading import load_libraries
from he_helpers.tables import EncryptedTable, Query, UnsupportedQuery, aggregate
from he_helpers.workers.errors import Refusal

# Now, and not within the time of the first job that needs one.
load_libraries()
# Whoever guards a table reads it, and computes from it, again and again.
keep_contexts(2)


def read_table(content: bytes, largest_work: int) -> dict[str, Any]:
    """``header``: the readable part, in its envelope, of a table that can be loaded and added up."""
    table = EncryptedTable.from_bytes(content, largest_work)
    for ciphertext in table.ciphertexts:
        (ciphertext + ciphertext).to_bytes()
    # Sums over everything: what rotates does so here.
    for grouping in ((), *((label,) for label in table.label_names)):
        try:
            aggregate(table, Query("sum", grouping, table.header.column_names)).to_bytes()
        except UnsupportedQuery:
            continue
    return {"header": table.header.to_bytes()}


def compute_aggregate(content: bytes, query: dict[str, Any], largest_work: int) -> dict[str, Any]:
    """``aggregate``: the bytes of the answer to ``query``."""
    table = EncryptedTable.from_bytes(content, largest_work)
    return {"aggregate": aggregate(table, Query.from_dict(query)).to_bytes()}


def _task(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @wraps(function)
    def perform(**members: Any) -> dict[str, Any]:
        try:
            return function(**members)
        except MemoryError:
            # A limit of the worker, not a fault of what is read.
            raise
        except HEError as error:
            raise Refusal("unreadable", str(error), {}) from None
        except Exception as error:
            # What is well sealed can still be nonsense inside; whatever a library says to that is the table's fault.
            raise Refusal("unreadable", f"The table cannot be worked with ({type(error).__name__}).", {}) from None

    return perform


TASKS = {function.__name__: _task(function) for function in (read_table, compute_aggregate)}
