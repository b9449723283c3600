"""Polynomials modulo x^N + 1 and the first prime of a context, as Python's integers in numpy arrays.

SEAL keeps many polynomials by their values at the N odd powers of a root of unity, in bit-reversed order: the *number
theoretic transform* (NTT), in which products and quotients are taken place by place. Its root is the smallest number of
order 2N modulo the prime.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import tenseal as ts

from he_helpers.schemes.public.tenseal_polynomials import polynomials_of


def first_prime(context: ts.Context) -> int:
    """The first prime of the coefficient modulus."""
    return context.seal_context().data.key_context_data().parms().coeff_modulus()[0].value()


def polynomials(vector: Any) -> tuple[np.ndarray, np.ndarray]:
    """The two polynomials of a TenSEAL vector modulo the first prime: integers (dtype object) of shape (N,) each.

    Values of the NTT under CKKS, coefficients under BFV. Raises UnsupportedOperation for a vector in several
    ciphertexts.
    """
    first, second = polynomials_of(vector)[:, 0].astype(object)
    return first, second


def to_ntt(coefficients: np.ndarray, prime: int) -> np.ndarray:
    """The values of a polynomial in SEAL's order. coefficients: integers, a power of two of them."""
    count = len(coefficients)
    root = _root(count, prime)
    turned = np.array(coefficients, dtype=object) * _powers(root, count, prime) % prime
    return _transformed(turned, root * root % prime, prime)[_reversed_bits(count)]


def from_ntt(values: np.ndarray, prime: int) -> np.ndarray:
    """The coefficients of a polynomial from its values in SEAL's order, written from -prime/2 to prime/2."""
    count = len(values)
    back = pow(_root(count, prime), -1, prime)
    natural = np.array(values, dtype=object)[_reversed_bits(count)]
    turned = _transformed(natural, back * back % prime, prime) * pow(count, -1, prime)
    coefficients = turned * _powers(back, count, prime) % prime
    return (coefficients + prime // 2) % prime - prime // 2


def inverses(values: np.ndarray, prime: int) -> np.ndarray:
    """The inverse of each value modulo the prime. Raises ValueError where one is zero."""
    return np.array([pow(int(value), -1, prime) for value in values], dtype=object)


@lru_cache(maxsize=16)
def _root(count: int, prime: int) -> int:
    """The smallest number of order 2 count modulo a prime that is 1 modulo 2 count."""
    candidates = (pow(base, (prime - 1) // (2 * count), prime) for base in range(2, prime))
    found = next(root for root in candidates if pow(root, count, prime) == prime - 1)
    odd_powers = _powers(found * found % prime, count, prime) * found % prime
    return int(min(odd_powers))


@lru_cache(maxsize=128)
def _powers(base: int, count: int, prime: int) -> np.ndarray:
    """The first powers, which each transform of one length needs."""
    powers = np.ones(1, dtype=object)
    while len(powers) < count:
        powers = np.concatenate([powers, powers * pow(base, len(powers), prime) % prime])
    powers = powers[:count]
    powers.setflags(write=False)
    return powers


def _transformed(values: np.ndarray, root: int, prime: int) -> np.ndarray:
    """The values of a polynomial at the powers of a root of unity of the order of its length (Cooley and Tukey)."""
    count, length = len(values), 1
    values = values[_reversed_bits(count)]
    while length < count:
        pairs = values.reshape(-1, 2, length)
        even = pairs[:, 0]
        odd = pairs[:, 1] * _powers(pow(root, count // (2 * length), prime), length, prime) % prime
        values = np.concatenate([even + odd, even - odd], axis=1).reshape(-1) % prime
        length *= 2
    return values


def _reversed_bits(count: int) -> np.ndarray:
    """The numbers below ``count``, a power of two, with their bits in the opposite order."""
    order = np.zeros(1, dtype=np.int64)
    while len(order) < count:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order
