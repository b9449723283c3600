"""Reading what a sender has encrypted: whatever is wrong with it becomes a problem document."""

from collections.abc import Iterator
from contextlib import contextmanager

from he_helpers.errors import HEError
from he_helpers.schemes.errors import SecretKeyFound
from he_helpers.server.http.problems import Problem


@contextmanager
def reading(what: str, remedy: str) -> Iterator[None]:
    """Turn errors within into Problem (invalid-content, secret-key-refused), worded with ``what`` and ``remedy``."""
    try:
        yield
    except Problem:
        raise
    except MemoryError:
        # A limit of the worker, not a fault of what is read.
        raise
    except SecretKeyFound as error:
        raise Problem("secret-key-refused", str(error)) from None
    except HEError as error:
        raise Problem("invalid-content", str(error)) from None
    except Exception as error:
        # What is well sealed can still be nonsense inside; whatever a library says to that is the sender's error.
        raise Problem("invalid-content", f"{what} could not be read ({type(error).__name__}). {remedy}") from None
