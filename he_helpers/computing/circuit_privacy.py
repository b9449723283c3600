"""Results that do not tell their owner what was computed: circuit privacy by flooding, under BFV and CKKS.

Whoever has the secret key sees the noise of a result, and the noise of a product is that of the input times the
factor. `rerandomise` hides the polynomials from everybody else, and not the noise from the key's owner. So noise is
added to the first polynomial that is so much larger that the sum of both hardly depends on the smaller one (Gentry, "A
fully homomorphic encryption scheme", 2009; Asharov and others, Eurocrypt 2012, who call it smudging):

- BFV: uniform integers from -W to W, one for each of N coefficients. For noise up to B the statistical distance to the
  same without it is at most N B / (2 W + 1). W is a quarter of what the parameters leave, whatever was computed, so
  that its size tells nothing; the result decrypts right, and nothing more can be computed with it.
- CKKS: a normal distribution in all slots, of deviation d in real and in imaginary part. For an error up to e in each
  of these the divergence of Kullback and Leibler is at most (N / 2) (e / d)^2, and the distance at most the root of
  half of it (Pinsker): sqrt(N) e / (2 d). What the flooding costs is precision, so the caller says how much.

That the polynomials tell nothing rests on a fresh encryption of zero, and so on ring learning with errors. Assumed are
honest ciphertexts and an honest public key: a key or a ciphertext made up by its owner can have noise above the bound.
"""

import math
import random
import secrets

import numpy as np

from he_helpers.computing.models import rerandomise
from he_helpers.parameters import PaillierParameters
from he_helpers.schemes.errors import DepthExhausted, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.public.interface import Ciphertext, PublicKey

# A normal number is beyond this many deviations once in 10^10 times.
_DEVIATIONS = 6.4


def hide_circuit(
    ciphertext: Ciphertext,
    key: PublicKey,
    *,
    security_bits: int = 40,
    error: float | None = None,
    largest_error: float | None = None,
) -> Ciphertext:
    """The same numbers in a ciphertext from which even the owner of the secret key learns no more than they are.

    key: the whole public key. security_bits: the statistical distance is at most 2^-security_bits.
    CKKS alone, both in the unit of the values: ``error``, a bound of the error that the result has by now, in the real
    and in the imaginary part of each slot; ``largest_error``, what the flooding may add to a value.
    Under Paillier this is `rerandomise`: its ciphertexts have no noise.

    Raises DepthExhausted where the parameters (BFV) or ``largest_error`` (CKKS) leave too little room, ValueOutOfRange
    for errors that are missing, not positive or, under an exact scheme, given; UnsupportedOperation for Pyfhel and for
    a key that cannot encrypt; KeyMismatch.
    """
    if not isinstance(key.parameters, PaillierParameters) and not hasattr(key, "with_noise"):
        raise UnsupportedOperation(f"Flooding is there for TenSEAL and not for {key.scheme_name}: use tenseal-bfv.")
    if {error is None, largest_error is None} != {key.exact}:
        raise ValueOutOfRange(
            "Errors belong to CKKS: give both, error and largest_error, or under an exact scheme none."
        )
    fresh = rerandomise(ciphertext, key)
    parameters = key.parameters
    if isinstance(parameters, PaillierParameters):
        return fresh
    ring = parameters.ring_dimension
    if error is None or largest_error is None:
        noise = _uniform(ring, ciphertext.consumed, key.consumption_limit, security_bits)
    else:
        noise = _normal(ring, error, largest_error, security_bits)
    native = key.with_noise(fresh.native, noise)  # type: ignore[attr-defined]
    return Ciphertext(fresh.key, native, fresh.length, fresh.padding, fresh.bound, fresh.consumed)


def _uniform(ring: int, noise: float, limit: float, security_bits: int) -> np.ndarray:
    """An integer for each coefficient. noise: the largest of what is hidden; limit: at which decryption fails."""
    largest = int(limit / 4)
    _require((2 * largest + 1) / (ring * noise), security_bits, "longer primes")
    numbers = (secrets.randbelow(2 * largest + 1) - largest for _ in range(ring))
    return np.fromiter(numbers, dtype=object, count=ring)


def _normal(ring: int, error: float, largest_error: float, security_bits: int) -> np.ndarray:
    """A complex number for each slot."""
    if not (0 < error < math.inf and 0 < largest_error < math.inf):
        raise ValueOutOfRange(f"Under CKKS both errors are positive numbers, not {error!r} and {largest_error!r}.")
    deviation = largest_error / _DEVIATIONS
    _require(2 * deviation / (error * math.sqrt(ring)), security_bits, "a longer scale, or allow a larger error")
    draw = random.SystemRandom().gauss
    return np.array([complex(draw(0, deviation), draw(0, deviation)) for _ in range(ring // 2)])


def _require(inverse_distance: float, security_bits: int, remedy: str) -> None:
    found = math.log2(inverse_distance)
    if not found >= security_bits:
        raise DepthExhausted(
            f"The room for flooding is enough for {max(0, math.floor(found))} bits, and {security_bits} are asked for. "
            f"Take {remedy}."
        )
