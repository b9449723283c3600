"""Ciphertexts that nobody encrypted, for one who decrypts whatever comes."""

import numpy as np
import tenseal as ts
from tenseal.sealapi import BatchEncoder, Plaintext

from he_helpers.schemes.public.tenseal_polynomials import message_with


def counterfeit(honest: ts.BFVVector, first: np.ndarray, second: np.ndarray) -> ts.BFVVector:
    """A vector with these two polynomials, which is for the rest like ``honest``, a fresh one.

    first, second: coefficients, integers of shape (N,); taken modulo each prime of the vector.
    """
    context = honest.context()
    part = honest.ciphertext()[0]
    primes = context.seal_context().data.key_context_data().parms().coeff_modulus()[: part.coeff_modulus_size()]
    both = [[np.array(one, dtype=object) % prime.value() for prime in primes] for one in (first, second)]
    return ts.bfv_vector_from(context, message_with(honest, np.array(both, dtype=np.uint64)))


def polynomial_of(context: ts.Context, numbers: list[int]) -> np.ndarray:
    """The coefficients, from -t/2 to t/2, of the plaintext that holds these numbers in its slots (N of them)."""
    seal_context = context.seal_context().data
    parameters = seal_context.key_context_data().parms()
    modulus, plain = parameters.plain_modulus().value(), Plaintext()
    BatchEncoder(seal_context).encode(numbers, plain)
    count = plain.coeff_count()
    found = np.zeros(parameters.poly_modulus_degree(), dtype=np.int64)
    found[:count] = [plain.data(place) for place in range(count)]
    return np.where(found > modulus // 2, found - modulus, found)
