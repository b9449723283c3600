"""The noise in a ciphertext of BFV, as the owner of the secret key sees it."""

import math

import numpy as np
import tenseal as ts

from he_helpers.lab.attacks.ring import from_ntt, to_ntt
from he_helpers.schemes.public.tenseal_polynomials import polynomials_of


def noise_of(context: ts.Context, vector: ts.BFVVector) -> np.ndarray:
    """The coefficients of the noise, in the units of the coefficient modulus: float64, (N,).

    context: private. The inside is q m / t + e, so t times it is t e modulo q, whatever the message m is.
    """
    parameters = context.seal_context().data.key_context_data().parms()
    t, ring = parameters.plain_modulus().value(), parameters.poly_modulus_degree()
    found = polynomials_of(vector).astype(object)
    primes = [prime.value() for prime in parameters.coeff_modulus()[: found.shape[1]]]
    stored = context.secret_key().data.data()
    key = from_ntt(np.array([stored.data(place) for place in range(ring)], dtype=object), primes[0])
    modulus, scaled = math.prod(primes), np.zeros(ring, dtype=object)
    for prime, c0, c1 in zip(primes, *found, strict=True):
        product = from_ntt(to_ntt(c1, prime) * to_ntt(key, prime) % prime, prime)
        rest = modulus // prime
        # The Chinese remainder theorem: this term is t times the inside modulo this prime, and 0 modulo the others.
        scaled += (c0 + product) * t % prime * pow(rest, -1, prime) % prime * rest
    centred = (scaled + modulus // 2) % modulus - modulus // 2
    return np.array([number / t for number in centred], dtype=np.float64)
