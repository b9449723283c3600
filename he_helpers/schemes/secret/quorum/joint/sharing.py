"""Who shares what with whom: a seed for each set of n - k + 1 custodians, and what is made of it."""

import hashlib
import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from he_helpers.schemes.secret.quorum.errors import InvalidQuorum
from he_helpers.schemes.secret.quorum.interface import checked_custodians
from he_helpers.schemes.secret.quorum.joint.ring import Ring
from he_helpers.schemes.secret.quorum.joint.sampling import error, ternary

# Of 7 custodians any 4: each holds 20 of them. Each is a polynomial in every partial decryption.
_MOST_SETS = 35


def sharing_sets(custodians: tuple[str, ...], threshold: int) -> tuple[tuple[str, ...], ...]:
    """The sets that have a share each, in a fixed order. The first member of a set draws its seed.

    Raises InvalidQuorum where there are too many.
    """
    names = checked_custodians(custodians, threshold)
    size = len(names) - threshold + 1
    # Counted before any is made: of 30 custodians half are in more sets than a memory holds.
    needed = math.comb(len(names), size)
    if needed > _MOST_SETS:
        raise InvalidQuorum(
            f"{threshold} of {len(names)} custodians would need {needed} shares, and a joint key has at most "
            f"{_MOST_SETS}. Choose fewer custodians, or share a key pair with shared_secret_key."
        )
    return tuple(combinations(names, size))


@dataclass(frozen=True)
class Contribution:
    """What a set adds to the joint public key: ``b`` = -(a s + e), a polynomial as bytes, and the digest of the seed
    that s and e were made from, so that a share can be recognised."""

    b: bytes
    seed_digest: bytes

    def commitment(self, agreement: bytes, place: int) -> bytes:
        """The digest that stands for it before it is opened. Of another ceremony or set it is another one, so that
        nobody can pass on somebody else's as their own."""
        parts = (b"he_helpers contribution", agreement, place.to_bytes(2, "big"), self.seed_digest, self.b)
        return hashlib.sha256(b"".join(parts)).digest()


def contribution(ring: Ring, common: np.ndarray, seed: bytes) -> Contribution:
    """Of the set with this seed, for the common polynomial a."""
    masked = ring.product(common, secret_polynomial(ring, seed)) + error(ring.dimension, seed)
    return Contribution(ring.to_bytes(-masked % ring.modulus), seed_digest(seed))


def secret_polynomial(ring: Ring, seed: bytes) -> np.ndarray:
    """The share of the secret key that a seed stands for."""
    return ternary(ring.dimension, seed)


def seed_digest(seed: bytes) -> bytes:
    return hashlib.sha256(b"he_helpers share seed" + seed).digest()
