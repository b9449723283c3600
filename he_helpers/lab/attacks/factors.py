"""The plain factor of a product of a ciphertext and a vector in the clear, without any key."""

import numpy as np
import tenseal as ts
from tenseal.sealapi import BatchEncoder, Plaintext

from he_helpers.lab.attacks.ring import first_prime, from_ntt, inverses, polynomials, to_ntt


def factor_of(context: ts.Context, before: ts.BFVVector, after: ts.BFVVector) -> np.ndarray:
    """The numbers by which ``before`` was multiplied, slot by slot, to give ``after``: as many as the vector has, and 0
    for each slot where they were not given.

    Both polynomials of a product are those of the ciphertext times the one that holds the factors: a quotient of either
    gives it. Needs a context whose first prime is above twice the plaintext modulus.
    """
    prime = first_prime(context)
    old, new = (to_ntt(polynomials(vector)[1], prime) for vector in (before, after))
    polynomial = from_ntt(new * inverses(old, prime) % prime, prime)
    seal_context = context.seal_context().data
    modulus = seal_context.key_context_data().parms().plain_modulus().value()
    terms = ((place, int(number) % modulus) for place, number in enumerate(polynomial))
    written = " + ".join(f"{number:x}x^{place}" for place, number in reversed(list(terms)) if number)
    plain = Plaintext(written.replace("x^0", "") or "0")
    return np.array(BatchEncoder(seal_context).decode_int64(plain)[: before.size()])
