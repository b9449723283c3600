"""Polynomials from seeds, by SHAKE-256 of Python's standard library: the same seed gives the same ones everywhere.

Secrets and errors have the distributions of Microsoft SEAL, so that what the tables say of a key holds for each share:
secrets are uniform in -1, 0, 1; errors are centred binomial with 21 pairs of bits, a standard deviation of 3.24.
"""

import hashlib

import numpy as np

from he_helpers.schemes.secret.quorum.joint.ring import Ring

SEED_BYTES = 32
_ERROR_BITS = 21


def derived(seed: bytes, purpose: str, *more: bytes, size: int = SEED_BYTES) -> bytes:
    """``size`` bytes from a seed, for one purpose. The parts are written with their lengths: none runs into another."""
    parts = (b"he_helpers joint key", purpose.encode(), seed, *more)
    hashed = hashlib.shake_256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.digest(size)


def uniform(ring: Ring, seed: bytes) -> np.ndarray:
    """A uniform polynomial of the ring, for the common ``a``.

    Each coefficient is as many bits as q has; what is not below q is drawn again (rejection sampling), so that none is
    likelier than another. Uniform coefficients modulo q are uniform residues modulo each prime (Chinese remainder
    theorem), and uniform in SEAL's NTT form as well: the transform is a bijection.
    """
    width, bits = ring.coefficient_bytes, ring.modulus.bit_length()
    mask = (1 << bits) - 1
    found: list[int] = []
    block = 0
    while len(found) < ring.dimension:
        data = derived(seed, "common polynomial", block.to_bytes(4, "big"), size=ring.polynomial_bytes)
        draws = (int.from_bytes(data[at : at + width], "little") & mask for at in range(0, len(data), width))
        found.extend(draw for draw in draws if draw < ring.modulus)
        block += 1
    return np.array(found[: ring.dimension], dtype=object)


def ternary(dimension: int, seed: bytes) -> np.ndarray:
    """Uniform coefficients -1, 0, 1 (int8), for a secret. Of 256 values of a byte the last one is drawn again."""
    found = np.empty(0, dtype=np.uint8)
    block = 0
    while len(found) < dimension:
        data = derived(seed, "secret", block.to_bytes(4, "big"), size=dimension + 64)
        draws = np.frombuffer(data, dtype=np.uint8)
        found = np.concatenate([found, draws[draws < 255]])
        block += 1
    return (found[:dimension] % 3).astype(np.int8) - 1


def error(dimension: int, seed: bytes) -> np.ndarray:
    """Centred binomial coefficients from -21 to 21 (int64), for an error."""
    bits = np.frombuffer(derived(seed, "error", size=8 * dimension), dtype="<u8")
    mask = np.uint64((1 << _ERROR_BITS) - 1)
    ones = np.bitwise_count(bits & mask).astype(np.int64)
    return ones - np.bitwise_count(bits >> np.uint64(_ERROR_BITS) & mask)


def symmetric(dimension: int, seed: bytes, about: bytes, bits: int) -> np.ndarray:
    """Uniform integers from -2^bits to 2^bits - 1 (objects), for the smudging of what ``about`` is the digest of."""
    width = bits // 8 + 1
    mask = (1 << (bits + 1)) - 1
    data = derived(seed, "smudging", about, size=width * dimension)
    draws = [int.from_bytes(data[at : at + width], "little") & mask for at in range(0, len(data), width)]
    return np.array(draws, dtype=object) - (1 << bits)
