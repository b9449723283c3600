"""Polynomials modulo X^N + 1 and the whole coefficient modulus q: arrays of N Python integers from 0 to q - 1.

No transform is needed. A product with a polynomial of small coefficients is one product of two long integers (Kronecker
substitution): each polynomial is taken at X = 2^width, wide enough that no coefficient of the product overlaps another.
None of this takes the same time for all secrets: it is for machines that nobody else can measure.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import gmpy2
import numpy as np

from he_helpers.parameters import BFVParameters, coefficient_primes
from he_helpers.schemes.errors import DamagedBytes


@dataclass(frozen=True)
class Ring:
    """The ring of ``dimension`` N and of the product of ``primes``."""

    dimension: int
    primes: tuple[int, ...]

    @cached_property
    def modulus(self) -> int:
        return math.prod(self.primes)

    @cached_property
    def coefficient_bytes(self) -> int:
        return (self.modulus.bit_length() + 7) // 8

    @cached_property
    def polynomial_bytes(self) -> int:
        return self.dimension * self.coefficient_bytes

    def product(self, polynomial: np.ndarray, small: np.ndarray) -> np.ndarray:
        """The product with a polynomial whose coefficients are -1, 0 and 1."""
        n = self.dimension
        width = (self.modulus.bit_length() + n.bit_length() + 2 + 7) // 8
        # A digit is below N q in absolute value; the offset makes all of them positive.
        offset = 1 << (8 * width - 1)
        offsets = int.from_bytes(offset.to_bytes(width, "little") * n, "little")
        long = gmpy2.mpz(_at_power(polynomial, width))
        total = long * (_bits_at_power(small == 1, width) - _bits_at_power(small == -1, width))
        # X^N is -1 in the integers, too: what lies above is subtracted.
        bits = 8 * width * n
        folded = gmpy2.f_mod_2exp(total, bits) - gmpy2.f_div_2exp(total, bits) + offsets
        positive = int(folded % ((1 << bits) + 1))
        return (_digits(positive.to_bytes(n * width, "little"), width) - offset) % self.modulus

    def from_residues(self, residues: np.ndarray) -> np.ndarray:
        """The polynomial of its residues, uint64 of shape (primes, N)."""
        total = np.zeros(self.dimension, dtype=object)
        for prime, row in zip(self.primes, residues, strict=True):
            rest = self.modulus // prime
            total = total + row.astype(object) * (rest * pow(rest, -1, prime))
        return total % self.modulus

    def residues(self, polynomial: np.ndarray) -> np.ndarray:
        """The polynomial modulo each prime: uint64 of shape (primes, N)."""
        return np.stack([(polynomial % prime).astype(np.uint64) for prime in self.primes])

    def to_bytes(self, polynomial: np.ndarray) -> bytes:
        """``polynomial_bytes`` bytes, the lowest coefficient first."""
        return _packed(polynomial, self.coefficient_bytes)

    def from_bytes(self, data: bytes) -> np.ndarray:
        """The inverse of to_bytes. Raises DamagedBytes."""
        if len(data) == self.polynomial_bytes:
            polynomial = _digits(data, self.coefficient_bytes)
            if max(polynomial) < self.modulus:
                return polynomial
        raise DamagedBytes(
            f"A polynomial here is {self.polynomial_bytes} bytes, each coefficient below the modulus; these are "
            f"{len(data)} bytes."
        )


def key_ring(parameters: BFVParameters) -> Ring:
    """Of keys: all primes."""
    return Ring(
        parameters.ring_dimension, coefficient_primes(parameters.ring_dimension, parameters.coefficient_modulus_bits)
    )


def ciphertext_ring(parameters: BFVParameters) -> Ring:
    """Of ciphertexts: all primes but the last."""
    return Ring(parameters.ring_dimension, key_ring(parameters).primes[:-1])


def _at_power(polynomial: np.ndarray, width: int) -> int:
    """The polynomial at X = 256^width, its coefficients not negative."""
    return int.from_bytes(_packed(polynomial, width), "little")


def _bits_at_power(bits: np.ndarray, width: int) -> int:
    spread = np.zeros((len(bits), width), dtype=np.uint8)
    spread[:, 0] = bits
    return int.from_bytes(spread.tobytes(), "little")


def _packed(polynomial: np.ndarray, width: int) -> bytes:
    return b"".join([int(coefficient).to_bytes(width, "little") for coefficient in polynomial])


def _digits(data: bytes, width: int) -> np.ndarray:
    pieces = [int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width)]
    return np.array(pieces, dtype=object)
