"""Answers that are a number, or a list of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

import numpy as np

from he_helpers.lab.exercises.checkers.checker import WrongKind, is_encrypted, kind_of

_MOST_NUMBERS = 100_000
_POWERS_OF_TEN = [Fraction(10) ** exponent for exponent in range(-9, 10) if exponent]


@dataclass(frozen=True)
class NumbersRead:
    """Numbers without loss, in the order in which they were given; shape: as numpy has it, () for a single number."""

    shape: tuple[int, ...]
    entries: tuple[Fraction, ...]

    def __str__(self) -> str:
        return str(np.array(list(map(_plain, self.entries)), dtype=object).reshape(self.shape).tolist())


@dataclass(frozen=True)
class Numbers:
    """A number, or a list of numbers: Python's or numpy's, as a list, a tuple, an array, a column of pandas.

    right: the number or the numbers. tolerance: the largest difference that passes, in their unit.
    ordered: False where the numbers may come in any order.
    modulus, scale: where given, numbers that differ by a multiple of the one, or by the other as a factor, are
    explained as such.
    """

    right: float | Sequence[float]
    tolerance: float = 0
    ordered: bool = True
    modulus: int | None = None
    scale: float | None = None

    def read(self, answer: Any, key: Any = None) -> NumbersRead:
        try:
            array = np.asarray(answer, dtype=object) if not _explains_itself(answer) else None
        except Exception:  # what an object of any class does when numpy looks into it
            array = None
        if array is None:
            raise WrongKind(_what_is_no_number(answer))
        if array.size > _MOST_NUMBERS:
            raise WrongKind(f"The answer has {array.size:,} numbers, far more than are asked for.")
        return NumbersRead(array.shape, tuple(map(_exact, array.flat)))

    def is_right(self, value: NumbersRead) -> bool:
        return self.are_same(value, self._right)

    def are_same(self, value: NumbersRead, other: NumbersRead) -> bool:
        if value.shape != other.shape:
            return False
        pairs = (value.entries, other.entries) if self.ordered else (sorted(value.entries), sorted(other.entries))
        return all(abs(a - b) <= self.tolerance for a, b in zip(*pairs, strict=True))

    def remark(self, value: NumbersRead) -> str:
        right = self._right
        if value.shape != right.shape:
            return _on_the_shape(value.shape, right.shape)
        one = right.shape == ()
        if self._is_times(value, Fraction(-1)):
            return "The sign is wrong." if one else "Every sign is wrong."
        if self.ordered and sorted(value.entries) == sorted(right.entries):
            return "The numbers are right, and their order is not."
        if self.modulus and all((a - b) % self.modulus == 0 for a, b in zip(value.entries, right.entries, strict=True)):
            half = self.modulus // 2
            return (
                f"This differs from the right answer by a multiple of the plaintext modulus, {self.modulus:,}: "
                f"decryption shows numbers between -{half:,} and {half:,}."
            )
        if self.scale:
            for power in (1, -1, 2, -2):
                if self._is_times(value, Fraction(self.scale) ** power):
                    return f"This is off by a factor of the scale, to the power of {power}."
        for factor in _POWERS_OF_TEN:
            if self._is_times(value, factor):
                size = "large" if factor > 1 else "small"
                return f"This is too {size} by a factor of {int(max(factor, 1 / factor)):,}: look at the units."
        return self._on_the_size(value.entries, right.entries) if one or self.ordered else "Not every number is right."

    def shown(self, value: NumbersRead) -> str:
        # What lies within the tolerance may differ from run to run.
        return f"`{self._right}`, within {self.tolerance:g}" if self.tolerance else f"`{value}`"

    @property
    def _right(self) -> NumbersRead:
        return self.read(self.right)

    def _is_times(self, value: NumbersRead, factor: Fraction) -> bool:
        return self.are_same(value, NumbersRead(value.shape, tuple(factor * b for b in self._right.entries)))

    def _on_the_size(self, entries: Sequence[Fraction], right: Sequence[Fraction]) -> str:
        wrong = [place for place, (a, b) in enumerate(zip(entries, right, strict=True)) if abs(a - b) > self.tolerance]
        size = "large" if entries[wrong[0]] > right[wrong[0]] else "small"
        if len(right) == 1:
            return f"The number is too {size}."
        return f"{len(right) - len(wrong)} of {len(right)} numbers are right; number {wrong[0] + 1} is too {size}."


def _explains_itself(answer: Any) -> bool:
    """Whether the answer as a whole is of a kind that has a sentence of its own."""
    return isinstance(answer, (bytes, set, frozenset, dict)) or callable(answer) or is_encrypted(answer)


def _exact(entry: Any) -> Fraction:
    if isinstance(entry, (bool, np.bool_)) or not isinstance(entry, (Real, Decimal)):
        raise WrongKind(_what_is_no_number(entry))
    if isinstance(entry, Integral):
        return Fraction(int(entry))
    if isinstance(entry, Fraction):
        return entry
    if not math.isfinite(entry):
        raise WrongKind(f"{float(entry)} is no number to compare with: look for a division by zero or an empty mean.")
    return Fraction(entry if isinstance(entry, Decimal) else float(entry))


def _plain(entry: Fraction) -> int | float | Fraction:
    """The number as a learner writes it; a fraction where it is too large for a float."""
    if entry.denominator == 1:
        return int(entry)
    try:
        return float(entry)
    except OverflowError:
        return entry


def _what_is_no_number(answer: Any) -> str:
    if answer is None:
        return "None is no number: the line gives nothing back, as print() does, or a function without `return`."
    if isinstance(answer, (bool, np.bool_)):
        return f"{answer} says whether something holds; the number itself is asked for."
    if isinstance(answer, str):
        return "This is text; write the number without quotes."
    if isinstance(answer, (set, frozenset)):
        return "A set keeps neither order nor repetitions; write a list, in square brackets."
    if is_encrypted(answer):
        return "This is still encrypted: decrypt it first."
    if callable(answer):
        return "This is a function; call it, with parentheses."
    return f"The answer is {kind_of(answer)}, and numbers are asked for."


def _on_the_shape(given: tuple[int, ...], right: tuple[int, ...]) -> str:
    asked = "a single number" if right == () else f"a list of {right[0]} numbers"
    if given == ():
        return f"This is a single number, and {asked} is asked for."
    if len(given) > 1:
        return f"This is a table of {' x '.join(map(str, given))} numbers, and {asked} is asked for."
    return f"This is a list of {given[0]}, and {asked} is asked for."
