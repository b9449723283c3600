"""Which numbers are encrypted, added and multiplied: those that survive it unchanged."""

from typing import Any

import numpy as np

from he_helpers.schemes.errors import ShapeMismatch, ValueOutOfRange
from he_helpers.schemes.public.interface.adapter import SchemeAdapter


def checked_values(key: SchemeAdapter, values: Any, bound: float, why: str) -> np.ndarray:
    """A 1-D array (int64 or object integers, float64 for CKKS) whose values survive encryption, without gaps."""
    try:
        vector = np.asarray(values)
    except ValueError:
        raise ShapeMismatch("A vector of numbers is encrypted at a time, not lists of several lengths.") from None
    if np.ma.is_masked(values):
        raise ValueOutOfRange("A masked value cannot be encrypted. Drop or fill missing values first.")
    if vector.ndim != 1 or vector.size == 0:
        raise ShapeMismatch(
            f"A vector of 1 to {key.slot_count} numbers is encrypted at a time; this has shape {vector.shape}."
        )
    if vector.size > key.slot_count:
        raise ShapeMismatch(
            f"{vector.size} values do not fit into {key.slot_count} slots: split the vector into several."
        )
    if vector.dtype == np.uint64 or vector.dtype == object and _are_integers(vector):
        vector = np.array(list(map(int, vector.tolist())), dtype=object)
    elif vector.dtype.kind in "bui":
        # The narrower types of numpy would wrap around at a change of sign.
        vector = vector.astype(np.int64, copy=False)
    elif vector.dtype.kind != "f":
        raise ValueOutOfRange(f"Numbers are encrypted; these values are of type {vector.dtype}.")
    if vector.dtype.kind == "f":
        if not np.isfinite(vector).all():
            raise ValueOutOfRange(
                "NaN or infinity cannot be encrypted. Drop or mask missing values first; "
                f"the first one is at position {int(np.flatnonzero(~np.isfinite(vector))[0])}."
            )
        if key.exact:
            raise ValueOutOfRange(
                f"{key.scheme_name} encrypts integers, and these are floats. Scale them to fixed-point integers "
                "(EncryptedTable does so with decimals=) and keep the factor in mind after decryption."
            )
    low, high = _ends(vector)
    if high > bound or low < -bound:
        raise ValueOutOfRange(
            f"The value {high if high > bound else low} exceeds {digits(bound)}, {why} "
            f"(a slot of {key.scheme_name} holds at most {digits(key.capacity)}). Use fewer decimals, "
            "announce fewer terms, or choose parameters with more room."
        )
    # Pyfhel reads the memory of an array as if the numbers lay side by side, and takes no read-only one.
    return np.require(vector, None if key.exact else np.float64, ["C", "ALIGNED", "WRITEABLE"])


def _are_integers(vector: np.ndarray) -> bool:
    return all(issubclass(kind, (int, np.integer)) for kind in set(map(type, vector)))


def _ends(vector: np.ndarray) -> tuple[Any, Any]:
    """The smallest and the largest number, as Python's."""
    low, high = vector.min(), vector.max()
    return (low, high) if vector.dtype == object else (low.item(), high.item())


def largest_magnitude(vector: np.ndarray) -> Any:
    """Of what checked_values() returned. Of Python's numbers: the lowest integer of numpy has no absolute value."""
    return max(map(abs, _ends(vector)))


def digits(number: float) -> str:
    """All digits: two numbers that differ read differently."""
    return f"{int(number) if number == number // 1 else number:,}"
