"""A quarantine whose tasks are planted, for tests of those who call it."""

from contextlib import contextmanager

from he_helpers.workers import WorkerPool


@contextmanager
def planted_pool():
    """A pool in whose workers a word in a table ends the one that reads it (see tests/planting.py)."""
    pool = WorkerPool("tests.quarantine.planted_tasks", most=1)
    try:
        yield pool
    finally:
        pool.close()
