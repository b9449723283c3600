"""Answers that are encrypted: ciphertexts that decrypt to given numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from he_helpers.lab.exercises.checkers.checker import WrongKind, is_encrypted, kind_of, words_of_error
from he_helpers.lab.exercises.checkers.numbers import Numbers, NumbersRead

_RELINEARISED = 2


@dataclass(frozen=True)
class CiphertextsRead:
    """What ciphertexts decrypt to; parts: the most polynomials that one of them has, None where that is not known."""

    numbers: NumbersRead
    parts: int | None


@dataclass(frozen=True)
class Ciphertexts:
    """A ciphertext of TenSEAL, Pyfhel, phe or this course, or a list of them, that decrypts to given numbers.

    numbers: what it decrypts to, or each of the list. relinearised: True where it must have two polynomials and no
    more; of ciphertexts that TenSEAL has made this can be seen.

    It is decrypted with the key that the notebook itself passes to `lab.check` (`Exercise.key`): a private
    `tenseal.Context`, any object with a method `decrypt(ciphertext)` (phe's private key, Pyfhel's object, this
    course's SecretKey), or a function of the ciphertext. Without one, with the private context that a vector of
    TenSEAL belongs to.
    """

    numbers: Numbers
    relinearised: bool = False

    def read(self, answer: Any, key: Any = None) -> CiphertextsRead:
        is_array = isinstance(answer, np.ndarray) and answer.ndim == 1
        several = (is_array or isinstance(answer, (list, tuple))) and len(answer) > 0
        ciphertexts = list(answer) if several else [answer]
        if not callable(key):  # a function that decrypts may take integers, as Paillier by hand does
            for ciphertext in ciphertexts:
                self._require_encrypted(ciphertext, answer)
        opened = [_opened(ciphertext, key) for ciphertext in ciphertexts]
        try:
            numbers = self.numbers.read(opened if several else opened[0])
        except WrongKind as error:
            raise WrongKind(f"What it decrypts to cannot be compared. {error}") from None
        return CiphertextsRead(numbers, _parts(ciphertexts))

    def is_right(self, value: CiphertextsRead) -> bool:
        return self.numbers.is_right(value.numbers) and not self._has_too_many_parts(value)

    def are_same(self, value: CiphertextsRead, other: CiphertextsRead) -> bool:
        return self.numbers.are_same(value.numbers, other.numbers) and value.parts == other.parts

    def remark(self, value: CiphertextsRead) -> str:
        if self.numbers.is_right(value.numbers):
            return f"It decrypts to the right numbers and still has {value.parts} parts: relinearise it."
        return f"It is encrypted, and decrypts to other numbers. {self.numbers.remark(value.numbers)}"

    def shown(self, value: CiphertextsRead) -> str:
        return f"A ciphertext that decrypts to {self.numbers.shown(value.numbers)}"

    def decrypts_to(self, value: CiphertextsRead, numbers: float | Sequence[float] | Sequence[Sequence[float]]) -> bool:
        """Whether an answer, as read, decrypts to these numbers, a list for each of several: for `Wrong.when`."""
        return self.numbers.are_same(value.numbers, self.numbers.read(numbers))

    def _require_encrypted(self, ciphertext: Any, answer: Any) -> None:
        """Raises WrongKind for what is no ciphertext."""
        if is_encrypted(ciphertext) and not isinstance(ciphertext, type):
            return
        try:
            in_the_clear = self.numbers.is_right(self.numbers.read(answer))
        except WrongKind:
            raise WrongKind(f"The answer is {kind_of(ciphertext)}, and a ciphertext is asked for.") from None
        if in_the_clear:
            raise WrongKind("These are the right numbers in the clear: give the ciphertext, before it is decrypted.")
        raise WrongKind("This is not encrypted: a ciphertext is asked for.")

    def _has_too_many_parts(self, value: CiphertextsRead) -> bool:
        return self.relinearised and value.parts is not None and value.parts > _RELINEARISED


def _opened(ciphertext: Any, key: Any) -> Any:
    """The numbers in a ciphertext. Raises WrongKind where it cannot be decrypted."""
    try:
        if _is_of_tenseal(ciphertext) and (key is None or _is_of_tenseal(key)):
            return ciphertext.decrypt() if key is None else ciphertext.decrypt(key.secret_key())
        if hasattr(key, "decrypt"):
            return key.decrypt(ciphertext)
        return key(ciphertext) if callable(key) else ciphertext.decrypt()
    except Exception as error:  # any library's, for any object
        raise WrongKind(f"It cannot be decrypted with the key of this notebook ({words_of_error(error)}).") from None


def _is_of_tenseal(thing: Any) -> bool:
    return type(thing).__module__.partition(".")[0] == "tenseal"


def _parts(ciphertexts: Sequence[Any]) -> int | None:
    """The most polynomials that one of these ciphertexts has."""
    try:
        return max(part.size() for ciphertext in ciphertexts for part in ciphertext.ciphertext())
    except Exception:  # only TenSEAL's vectors can be asked
        return None
