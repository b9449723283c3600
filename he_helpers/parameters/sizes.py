"""Bytes of ciphertexts and of each kind of key, before anything is encrypted.

A polynomial is stored as ring dimension x primes words of 64 bits. Some libraries store them as they are, others
compress them with Zstandard, which the entropy of the bytes predicts to a few percent: the upper bytes of a word above
a prime of 40 bits are zero, the lower ones are random. Below 35 bits the runs of zeros take off another tenth. The
envelope of a ciphertext is included.
"""

import math
from dataclasses import dataclass
from functools import cache

from he_helpers.parameters.sets import PaillierParameters, Parameters

_ENVELOPE = 60


@dataclass(frozen=True)
class Sizes:
    """Bytes of one fresh ``ciphertext``, of a ``result`` after the products, and of each kind of key."""

    ciphertext: int
    result: int
    public_key: int
    secret_key: int
    relinearisation_keys: int
    galois_keys: int


def expected_sizes(parameters: Parameters, *, compressed: bool, levels_used: int = 0) -> Sizes:
    """What a library will store under ``parameters``.

    compressed: whether it compresses; numbers of Paillier stay as long as they are. levels_used: how many primes the
    rescalings of CKKS have taken off a result.
    """
    if isinstance(parameters, PaillierParameters):
        modulus = math.ceil(parameters.modulus_bits / 8)
        return Sizes(2 * modulus + _ENVELOPE, 2 * modulus + _ENVELOPE, modulus, modulus, 0, 0)
    word = _compressed_word if compressed else lambda bits: 8.0
    chain = parameters.coefficient_modulus_bits
    ring = parameters.ring_dimension

    def polynomial(primes: tuple[int, ...]) -> float:
        return ring * sum(word(bits) for bits in primes)

    fresh = 2 * polynomial(chain[:-1])
    result = 2 * polynomial(chain[: len(chain) - 1 - levels_used])
    switching_key = 2 * polynomial(chain) * (len(chain) - 1)
    rotations = 2 * (int(math.log2(ring)) - 1)
    return Sizes(
        round(fresh) + _ENVELOPE,
        round(result) + _ENVELOPE,
        round(2 * polynomial(chain)),
        round(polynomial(chain)),
        round(switching_key),
        round(rotations * switching_key),
    )


@cache
def _compressed_word(bits: int) -> float:
    """Bytes that the entropy of the 8 bytes of a random number below 2^bits leaves of them."""
    full, rest = divmod(bits, 8)
    zeros = 8 - full - (rest > 0)
    frequency = [full / 256 + (byte < 2**rest) * (rest > 0) / 2**rest for byte in range(256)]
    frequency[0] += zeros
    entropy = -sum(f * math.log2(f / 8) for f in frequency if f) / 8
    return entropy if bits >= 35 else 0.9 * entropy
