"""Decrypting a CKKS result for somebody who has, or may get, its ciphertext: noise flooding.

A CKKS decryption carries the noise of the ciphertext, and both together give the secret key (Li and Micciancio, ePrint
2020/1533; notebook 19 does it). So normal noise is added that hides it. Its size is that of Li, Micciancio, Schultz and
Sorrell, "Securing approximate homomorphic encryption using differential privacy" (Crypto 2022, ePrint 2022/816,
corollary 2), for an error whose Euclidean norm is at most E, s bits of statistical security and q queries:

    sigma = sqrt(12 q) 2^(s / 2) E

The paper's corollary has one more factor, sqrt(2 N), that does not belong there when noise and error are both measured
by their coefficients (OpenFHE, CKKS_NOISE_FLOODING.md). What the formula gives can be computed by hand: with and
without the error, q answers differ by a Kullback-Leibler divergence of at most q E^2 / (2 sigma^2) = 2^-s / 24, so by a
statistical distance of at most 2^(-s/2) / 6.9 (Pinsker). Bits of security of a decision count the square of an
advantage (Micciancio and Walter, ePrint 2018/077), which is how s is meant.

Error and noise are taken here in the slots that are handed over, where both are orthogonal images of the coefficients:
the quotient is the same, and slots that stay here cost nothing. The real parts are all that leaves.

What it does not do: it bounds what ``queries`` answers tell together, one for each ciphertext that is decrypted, under
one key. Count them. It does not make it safe to decrypt a ciphertext that somebody else chose: the error of that has no
bound. And it says nothing of what the true result tells.
"""

import math
import random

import numpy as np

from he_helpers.schemes.errors import UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.secret.interface import SecretKey

_GRID_BITS = 10


def flooding_deviation(error: float, *, values: int = 1, queries: int = 1, security_bits: int = 30) -> float:
    """The standard deviation of the noise, for ``values`` numbers with an error up to ``error`` each.

    queries: how many ciphertexts in all are decrypted for handing over under one key. security_bits: s above; the
    authors take 30 or more.

    Raises ValueOutOfRange for an error that is not positive and finite, and for counts below 1.
    """
    if not 0 < error < math.inf:
        raise ValueOutOfRange(f"The bound of the error is a positive number, not {error!r}: ckks_sum_error gives one.")
    if min(values, queries, security_bits) < 1:
        raise ValueOutOfRange(
            f"values, queries and security_bits are at least 1, not {values!r}, {queries!r} and {security_bits!r}."
        )
    return math.sqrt(12 * queries * values) * 2 ** (security_bits / 2) * error


def decrypt_flooded(
    secret: SecretKey, ciphertext: Ciphertext, *, error: float, queries: int = 1, security_bits: int = 30
) -> np.ndarray:
    """The numbers in a ciphertext of CKKS with normal noise, for one who may have the ciphertext: float64, 1-D.

    error: a bound of the error of each number, from what was computed and not from the numbers, such as
    ``parameters.noise.ckks_sum_error``. queries, security_bits: of flooding_deviation.

    The noise comes from the operating system. The result is rounded to a power of two about a thousandth of the noise,
    so that the last digits of a float do not tell what was added (Mironov, CCS 2012).

    Raises UnsupportedOperation for an exact scheme, whose decryption carries no noise; ValueOutOfRange as
    flooding_deviation does; KeyMismatch and DamagedBytes as SecretKey.decrypt does.
    """
    if secret.public.exact:
        raise UnsupportedOperation(
            f"{secret.scheme_name} is exact: what decrypt() gives carries no noise. Hand that over."
        )
    deviation = flooding_deviation(error, values=ciphertext.length, queries=queries, security_bits=security_bits)
    exact = secret.decrypt(ciphertext)
    draw = random.SystemRandom().gauss
    noisy = exact + np.array([draw(0.0, deviation) for _ in exact])
    grid = 2.0 ** (math.floor(math.log2(deviation)) - _GRID_BITS)
    return np.rint(noisy / grid) * grid
