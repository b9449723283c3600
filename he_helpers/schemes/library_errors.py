"""Calls of the libraries, whose own errors become errors of this package."""

from collections.abc import Callable
from typing import Any

from he_helpers.errors import HEError
from he_helpers.schemes.errors import UnsupportedOperation, ValueOutOfRange

# What C++ exceptions become in TenSEAL and in Pyfhel, and what gmpy2 raises.
LIBRARY_ERRORS = (ValueError, RuntimeError, IndexError, ArithmeticError)


def computed(result: str, operation: Callable[..., Any], *operands: Any) -> Any:
    """What the library's ``operation`` gives; whatever it raises instead becomes an HEError."""
    try:
        return operation(*operands)
    except HEError:
        raise
    except LIBRARY_ERRORS as error:
        raise _library_refusal(result, error) from None


def _library_refusal(result: str, error: Exception) -> HEError:
    if "transparent" not in str(error):
        return UnsupportedOperation(f"The library refuses this {result}: {error}.")
    return ValueOutOfRange(
        f"This {result} is zero whatever is encrypted (a ciphertext minus itself, or times zero), and everyone could "
        "see that without a key; the library refuses it. Leave the term out."
    )
