"""The calls of those who got a table from somebody else. None of them parses a ciphertext in this process."""

from __future__ import annotations

from functools import cache
from typing import Any

from he_helpers.schemes.errors import DamagedBytes
from he_helpers.tables import Query, TableHeader
from he_helpers.workers import JobTimedOut, JobTooLarge, Limits, Refusal, TaskFailed, WorkerDied, WorkerPool

TASKS = "he_helpers.quarantine.tasks"
# Far above what the largest table of a server needs, so that only what goes astray meets them.
LIMITS = Limits(seconds=600, processor_seconds=300, memory=2**32, answer=2**28)
# Rows times groupings that are gone through for a table of somebody else.
LARGEST_WORK = 10**8
_IDLE_SECONDS = 2.0


def read_table(content: bytes) -> TableHeader:
    """The readable part of a table whose ciphertexts were loaded and added up in a process of its own.

    Raises DamagedBytes for what cannot be read or added up, or ended that process; WorkersUnavailable, WorkersBusy
    where the machine is to blame.
    """
    return TableHeader.from_bytes(_run("read_table", content)["header"])


def compute_aggregate(content: bytes, query: Query) -> bytes:
    """The answer to ``query``, computed from a table's bytes in a process of its own, in its envelope.

    The same bytes as aggregate() gives everywhere. Raises as read_table(), DamagedBytes also for a query that this
    table cannot answer.
    """
    return _run("compute_aggregate", content, query=query.to_dict())["aggregate"]


def _run(task: str, content: bytes, **members: Any) -> dict[str, Any]:
    try:
        return _pool().run(task, limits=LIMITS, content=content, largest_work=LARGEST_WORK, **members)
    except Refusal as refusal:
        raise DamagedBytes(refusal.message) from None
    except (WorkerDied, JobTimedOut, JobTooLarge, TaskFailed) as error:
        raise DamagedBytes(
            f"This table ended the process of its own in which it was tried, or ran into its limits: {error} "
            "Nothing of it was kept. Ask its owner to encrypt it anew."
        ) from None


@cache
def _pool() -> WorkerPool:
    """One worker at a time, started when it is needed and gone soon after."""
    return WorkerPool(TASKS, least=0, most=1, idle_seconds=_IDLE_SECONDS)
