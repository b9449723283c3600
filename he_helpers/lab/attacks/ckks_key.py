"""The secret key of CKKS from ciphertexts and their decryptions (Li and Micciancio, ePrint 2020/1533).

Decryption gives the inside c0 + c1 s, noise and all. Whoever has the ciphertext knows c0 and c1, and s is left. The
only work: what is handed over are the numbers, and the inside is found by encoding them again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tenseal as ts
from tenseal.sealapi import CKKSEncoder, Plaintext

from he_helpers.lab.attacks.ring import first_prime, from_ntt, inverses, polynomials


def encoded(context: ts.Context, numbers: Sequence[complex], scale: float) -> np.ndarray:
    """The polynomial that CKKS makes of numbers (N / 2 of them), modulo the first prime, in the NTT: shape (N,)."""
    plain = Plaintext()
    seal_context = context.seal_context().data
    CKKSEncoder(seal_context).encode(list(numbers), scale, plain)
    ring = seal_context.key_context_data().parms().poly_modulus_degree()
    return np.array([plain.data(place) for place in range(ring)], dtype=object)


def key_from_complex(context: ts.Context, vector: ts.CKKSVector, numbers: Sequence[complex]) -> np.ndarray:
    """The secret key, in the NTT, from one ciphertext and the complex numbers of all of its slots."""
    prime = first_prime(context)
    c0, c1 = polynomials(vector)
    inside = encoded(context, numbers, _scale(vector))
    return (inside - c0) * inverses(c1, prime) % prime


def key_from_real(
    context: ts.Context, vectors: Sequence[ts.CKKSVector], numbers: Sequence[Sequence[float]]
) -> np.ndarray:
    """The secret key, in the NTT, from two ciphertexts and the real parts of all of their slots.

    The real parts belong to the polynomial (m(x) + m(1/x)) / 2. At a root of unity and its inverse, which are the
    places i and N - 1 - i, it has the same value: one equation for two values of s. Two ciphertexts give two equations.
    """
    prime = first_prime(context)
    equations = []
    for vector, real in zip(vectors, numbers, strict=True):
        c0, c1 = polynomials(vector)
        # At twice the scale: the coefficients of the half sum can be halves.
        both = encoded(context, real, 2 * _scale(vector))
        equations.append((c1, c1[::-1], (both - c0 - c0[::-1]) % prime))
    (a, b, right), (other_a, other_b, other_right) = equations
    determinant = (a * other_b - other_a * b) % prime
    return (right * other_b - other_right * b) * inverses(determinant, prime) % prime


def read_with(key: np.ndarray, context: ts.Context, vector: ts.CKKSVector) -> np.ndarray:
    """The real numbers in a ciphertext, as many as the vector has, read with a key as the functions above give it.

    No secret key of the context takes part.
    """
    prime = first_prime(context)
    c0, c1 = polynomials(vector)
    inside = from_ntt((c0 + c1 * key) % prime, prime).astype(np.float64)
    ring = len(inside)
    # Slot j is the value at the (3^j)-th power of exp(i pi / N).
    turned = inside * np.exp(1j * np.pi * np.arange(ring) / ring)
    at_odd_powers = np.fft.ifft(turned) * ring
    slots = [pow(3, place, 2 * ring) // 2 for place in range(vector.size())]
    return at_odd_powers[slots].real / _scale(vector)


def _scale(vector: Any) -> float:
    return vector.ciphertext()[0].scale
