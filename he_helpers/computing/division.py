"""Division under CKKS: the ciphertext of a quotient, from ciphertexts of numerators and divisors.

CKKS adds and multiplies. A quotient is approached by products (Goldschmidt, "Applications of division by convergence",
1964): with x = divisor * start and e = 1 - x,

    1 / x = (1 + e) (1 + e^2) (1 + e^4) ...        for |e| < 1,

and k factors leave the relative error e^(2^k). The start is 2 / (lowest + highest), a public number, so the range of
the divisors must be declared beforehand: whoever encrypts checks it, because nobody can look later. The first product,
by the start, takes one level, and each further one, called an iteration here, takes another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from he_helpers.schemes.errors import ShapeMismatch, ValueOutOfRange
from he_helpers.schemes.public.interface import Ciphertext, PublicKey


class DivisorOutOfRange(ValueOutOfRange):
    """A divisor (or a numerator) outside the declared range."""


@dataclass(frozen=True)
class DivisorRange:
    """The declared range of the divisors, in their own unit; public. Sums of n divisors lie in n times the range.

    Raises ValueOutOfRange unless 0 < lowest < highest, both finite.
    """

    lowest: float
    highest: float

    def __post_init__(self) -> None:
        if not 0 < self.lowest < self.highest < float("inf"):
            raise ValueOutOfRange(
                f"A range of divisors goes from a positive number to a larger one, not from {self.lowest!r} to "
                f"{self.highest!r}. For negative divisors, change the signs of numerators and divisors."
            )

    @property
    def first_error(self) -> float:
        """The relative error before the first iteration, for divisors at either end of the range; it decides all."""
        return (self.highest - self.lowest) / (self.highest + self.lowest)

    def error_after(self, iterations: int) -> float:
        """The largest relative error after so many iterations in exact arithmetic."""
        return self.first_error ** (2**iterations)

    def iterations_for(self, relative_error: float) -> int:
        """The fewest iterations that come below ``relative_error`` (between 0 and 1) in exact arithmetic."""
        if not 0 < relative_error < 1:
            raise ValueOutOfRange(f"A relative error lies between 0 and 1; {relative_error!r} does not.")
        iterations = 0
        while self.error_after(iterations) >= relative_error:
            iterations += 1
        return iterations


@dataclass(frozen=True, eq=False)
class RangedAmounts:
    """A ciphertext of amounts in units of the lowest of their declared range, or of sums of such.

    ciphertext: of CKKS. declared: the range. terms: how many amounts were added up, an integer or one for each slot; 0
    where there is none. None after a subtraction, whose result keeps no range and is no divisor. All but the values in
    the ciphertext is public: whoever gets the ciphertext must be told it.

    Added and subtracted, under one range only. Raises DivisorOutOfRange for another range, ShapeMismatch for terms that
    fit no slot, ValueOutOfRange for terms below 0.
    """

    ciphertext: Ciphertext
    declared: DivisorRange
    terms: Any = 1

    def __post_init__(self) -> None:
        if self.terms is None:
            return
        terms = np.asarray(self.terms)
        if terms.shape not in ((), (len(self),)) or terms.dtype.kind not in "iu":
            raise ShapeMismatch(
                f"terms is a whole number, or one for each of {len(self)} slots; these have type {terms.dtype} and "
                f"shape {terms.shape}."
            )
        if (terms < 0).any():
            raise ValueOutOfRange("A slot is a sum of 0 or more amounts; terms has a negative number.")
        object.__setattr__(self, "terms", np.broadcast_to(terms.astype(np.int64), len(self)))

    def __len__(self) -> int:
        return len(self.ciphertext)

    def __add__(self, other: "RangedAmounts") -> "RangedAmounts":
        _require_one_range(self, other)
        known = self.terms is not None and other.terms is not None
        terms = self.terms + other.terms if known else None
        return RangedAmounts(self.ciphertext + other.ciphertext, self.declared, terms)

    def __radd__(self, other: Any) -> "RangedAmounts":
        # sum() starts with 0.
        return self if other.__class__ is int and other == 0 else NotImplemented

    def __sub__(self, other: "RangedAmounts") -> "RangedAmounts":
        _require_one_range(self, other)
        return RangedAmounts(self.ciphertext - other.ciphertext, self.declared, None)


def encrypt_divisors(
    key: PublicKey, amounts: Any, declared: DivisorRange, names: Sequence[Any] | None = None
) -> RangedAmounts:
    """Encrypt a vector of divisors under CKKS, each in units of the range's lowest: numbers from 1 to highest / lowest.

    amounts: 1-D, finite, each within the declared range; NaN for a slot without a divisor, which is encrypted as zero,
        is no term of a sum, and is left out of a division.
    names: what to call the slots in an error message; their positions if None.

    Raises DivisorOutOfRange, and what PublicKey.encrypt raises.
    """
    amounts = _amounts(amounts)
    outside = (amounts < declared.lowest) | (amounts > declared.highest)
    if outside.any():
        raise _refusal("divisor", amounts, outside, names, f"{declared.lowest:,} to {declared.highest:,}")
    return _encrypt(key, amounts, declared)


def encrypt_numerators(
    key: PublicKey, amounts: Any, declared: DivisorRange, names: Sequence[Any] | None = None
) -> RangedAmounts:
    """Encrypt a vector of numerators in the unit of their divisors. Any sign, and zero.

    amounts: 1-D, finite, at most the range's highest in absolute value; NaN as for encrypt_divisors.

    Raises DivisorOutOfRange, and what PublicKey.encrypt raises.
    """
    amounts = _amounts(amounts)
    outside = np.abs(amounts) > declared.highest
    if outside.any():
        raise _refusal("numerator", amounts, outside, names, f"-{declared.highest:,} to {declared.highest:,}")
    return _encrypt(key, amounts, declared)


def divide(numerators: RangedAmounts, divisors: RangedAmounts, iterations: int) -> Ciphertext:
    """The quotients, slot by slot. Takes ``iterations`` + 1 levels and needs relinearisation keys.

    numerators, divisors: made by encrypt_numerators and encrypt_divisors for one declared range, or sums of such. A
        slot without a numerator or without a divisor (0 terms) comes back as 0, which means nothing. In sums, leave a
        row out on both sides: what is missing on one alone makes it the ratio of two different sets.

    Raises DepthExhausted when the levels do not suffice, UnsupportedOperation, ShapeMismatch, KeyMismatch,
    DivisorOutOfRange for two ranges, ValueOutOfRange.
    """
    if isinstance(iterations, bool) or not isinstance(iterations, (int, np.integer)) or iterations < 1:
        raise ValueOutOfRange(f"The number of iterations is an integer from 1, not {iterations!r}.")
    return next(islice(approximations(numerators, divisors), int(iterations) - 1, None))


def approximations(numerators: RangedAmounts, divisors: RangedAmounts) -> Iterator[Ciphertext]:
    """The quotients after 1, 2, 3 ... iterations, as ``divide`` gives them, until the levels are used up."""
    _require_one_range(numerators, divisors)
    if divisors.terms is None:
        raise ValueOutOfRange(
            "These divisors are a difference, and the declared range says nothing of one. Encrypt the difference as a "
            "divisor, for a range of its own."
        )
    declared, terms = divisors.declared, divisors.terms
    present = terms > 0
    if numerators.terms is not None and len(numerators) == len(divisors):
        present = present & (numerators.terms > 0)
    # 0 where a slot is left out: without a divisor its quotient would grow until it spoils all slots.
    start = 2 * declared.lowest / (declared.lowest + declared.highest) * present / np.maximum(terms, 1)
    # Both products are by a vector, not by a number: TenSEAL repeats a short vector through all slots, the public
    # numbers added below reach the first copy only, and the others would grow until they wrap around into it.
    # A vector brings zeros for the other copies.
    quotients = numerators.ciphertext * start
    remainders = (1 - divisors.ciphertext * start).assuming(1 if not present.all() else declared.first_error)
    while True:
        quotients = quotients * (1 + remainders)
        yield quotients
        remainders = remainders * remainders


def _require_one_range(first: Any, second: Any) -> None:
    for amounts in (first, second):
        if not isinstance(amounts, RangedAmounts):
            raise ShapeMismatch(
                f"Amounts with their declared range are needed here, and not {type(amounts).__name__}: make them by "
                "encrypt_divisors or encrypt_numerators, or RangedAmounts(ciphertext, declared)."
            )
    a, b = first.declared, second.declared
    if a != b:
        raise DivisorOutOfRange(
            f"These amounts were encrypted for two ranges, {a.lowest:,} to {a.highest:,} and {b.lowest:,} "
            f"to {b.highest:,}, each in units of its lowest, and do not fit together. Encrypt both for one range that "
            "holds them all."
        )


def _amounts(amounts: Any) -> np.ndarray:
    amounts = np.asarray(amounts, dtype=np.float64)
    if amounts.ndim != 1 or not amounts.size:
        raise ShapeMismatch(f"A vector of amounts is encrypted at a time; this has shape {amounts.shape}.")
    return amounts


def _encrypt(key: PublicKey, amounts: np.ndarray, declared: DivisorRange) -> RangedAmounts:
    there = ~np.isnan(amounts)
    numbers = np.where(there, amounts / declared.lowest, 0.0)
    ciphertext = key.encrypt(numbers, terms=1).assuming(declared.highest / declared.lowest)
    return RangedAmounts(ciphertext, declared, there.astype(np.int64))


def _refusal(
    what: str, amounts: np.ndarray, outside: np.ndarray, names: Sequence[Any] | None, allowed: str
) -> DivisorOutOfRange:
    position = int(np.flatnonzero(outside)[0])
    where = f"at position {position}" if names is None else f"of {names[position]}"
    return DivisorOutOfRange(
        f"The {what} {amounts[position]:,} {where} is outside the declared range of {allowed} "
        f"({int(outside.sum())} of {len(amounts)} are). A division under encryption would give a wrong number for it, "
        "and nobody would see that. Declare a wider range, which takes more iterations, or leave this one out (NaN)."
    )
