"""Parameter sets of the schemes, checked when they are made, and the primes that they stand for."""

from abc import abstractmethod
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import gmpy2

from he_helpers.errors import HEError
from he_helpers.parameters.tables import FACTORING_TABLE, STANDARD_TABLE

# Unused slots that are encrypted as zeros and must decrypt as zeros: a wrong key shows there.
CHECK_SLOTS = 8


class InvalidParameters(HEError, ValueError):
    """A parameter set that cannot work, whatever its security."""


@lru_cache(maxsize=4096, typed=True)
def _is_prime(number: int) -> bool:
    return gmpy2.is_prime(number)


def plaintext_prime(bits: int, ring_dimension: int) -> int:
    """The largest prime of ``bits`` bits that is 1 modulo twice the ring dimension, which batching into slots needs."""
    step = 2 * ring_dimension
    candidate = (2**bits - 2) // step * step + 1
    while candidate.bit_length() == bits:
        if _is_prime(candidate):
            return candidate
        candidate -= step
    raise InvalidParameters(
        f"No prime of {bits} bits is 1 modulo {step}; a ring dimension of {ring_dimension} needs more bits."
    )


def coefficient_primes(ring_dimension: int, bits: tuple[int, ...]) -> tuple[int, ...]:
    """The primes that Microsoft SEAL, and so TenSEAL and Pyfhel, choose for a chain of bit lengths.

    Of each length the largest ones that are 1 modulo twice the ring dimension, in ascending order along the chain
    (CoeffModulus::Create). Raises InvalidParameters where there are too few of a length.
    """
    found = {length: list(_largest_primes(ring_dimension, length, bits.count(length))) for length in set(bits)}
    return tuple(found[length].pop() for length in bits)


# Not the chains: an advisor tries thousands of them, made of the same few primes.
@lru_cache(maxsize=4096)
def _largest_primes(ring_dimension: int, length: int, count: int) -> tuple[int, ...]:
    """In descending order."""
    step = 2 * ring_dimension
    candidate = (2**length - 1) // step * step + 1
    primes: list[int] = []
    while len(primes) < count:
        if candidate.bit_length() < length:
            raise InvalidParameters(
                f"There are {len(primes)} primes of {length} bits that are 1 modulo {step}, and the chain needs "
                f"{count}: use longer primes or a smaller ring dimension."
            )
        if candidate.bit_length() == length and gmpy2.is_prime(candidate):
            primes.append(candidate)
        candidate -= step
    return tuple(primes)


@dataclass(frozen=True)
class _LatticeParameters:
    ring_dimension: int
    coefficient_modulus_bits: tuple[int, ...]

    def _check_ring(self) -> None:
        object.__setattr__(self, "coefficient_modulus_bits", tuple(self.coefficient_modulus_bits))
        if self.ring_dimension not in STANDARD_TABLE[128]:
            known = ", ".join(map(str, STANDARD_TABLE[128]))
            raise InvalidParameters(f"The ring dimension {self.ring_dimension} is in no published table: {known}.")
        if len(self.coefficient_modulus_bits) < 2 or not all(2 <= b <= 60 for b in self.coefficient_modulus_bits):
            raise InvalidParameters(
                f"The coefficient modulus {list(self.coefficient_modulus_bits)} needs two or more primes "
                "of 2 to 60 bits; the last one is used for key switching only."
            )

    @property
    def total_bits(self) -> int:
        """Bits of the whole coefficient modulus, the key-switching prime included: what the security tables bound."""
        return sum(self.coefficient_modulus_bits)

    @property
    def data_bits(self) -> int:
        """Bits of the coefficient modulus of a fresh ciphertext, without the key-switching prime."""
        return sum(self.coefficient_modulus_bits[:-1])

    @property
    def slot_count(self) -> int:
        """Numbers in one ciphertext."""
        return self.slots_of_ring(self.ring_dimension)

    @staticmethod
    @abstractmethod
    def slots_of_ring(ring_dimension: int) -> int:
        """Numbers in one ciphertext of this ring dimension."""


@dataclass(frozen=True)
class BFVParameters(_LatticeParameters):
    """BFV: exact integers modulo the plaintext modulus, ``ring_dimension`` slots.

    The default leaves 106 bits for the coefficient modulus, which both published tables accept at 128 bits;
    the chain that SEAL itself would choose (109 bits) exceeds the table of 2024.
    """

    ring_dimension: int = 4096
    coefficient_modulus_bits: tuple[int, ...] = (53, 53)
    plaintext_modulus: int = 17179754497

    def __post_init__(self) -> None:
        self._check_ring()
        if self.plaintext_modulus % (2 * self.ring_dimension) != 1 or not _is_prime(self.plaintext_modulus):
            raise InvalidParameters(
                f"The plaintext modulus {self.plaintext_modulus} must be a prime that is 1 modulo "
                f"{2 * self.ring_dimension}: plaintext_prime(bits, ring_dimension) finds one."
            )
        if self.plaintext_modulus.bit_length() > 60:
            raise InvalidParameters("The plaintext modulus may have at most 60 bits (SEAL's limit).")

    @staticmethod
    def slots_of_ring(ring_dimension: int) -> int:
        return ring_dimension

    @property
    def capacity(self) -> int:
        """The largest absolute value of a slot: integers modulo t from -(t - 1) / 2 to (t - 1) / 2."""
        return (self.plaintext_modulus - 1) // 2

    def share(self, terms: int) -> int:
        """The largest absolute value that ``terms`` numbers may each have so that their sum fits into a slot."""
        return self.capacity // terms


@dataclass(frozen=True)
class CKKSParameters(_LatticeParameters):
    """CKKS: real numbers with an error, ``ring_dimension / 2`` slots.

    Each prime between the outer two is a level, if it is as long as the scale.
    """

    ring_dimension: int = 8192
    coefficient_modulus_bits: tuple[int, ...] = (60, 40, 60)
    scale_bits: int = 40

    def __post_init__(self) -> None:
        self._check_ring()
        if not 1 <= self.scale_bits < self.coefficient_modulus_bits[0]:
            raise InvalidParameters(
                f"A scale of {self.scale_bits} bits does not fit below the first prime of "
                f"{self.coefficient_modulus_bits[0]} bits: the difference is the room for the integer part."
            )

    @property
    def levels(self) -> int:
        """How many products, by ciphertexts or by plaintexts, one after the other.

        A product divides the last prime out, and keeps its value only where that prime is as long as the scale: the
        primes between the outer two count up to the first, from the end, that is not.
        """
        inner = self.coefficient_modulus_bits[-2:0:-1]
        return next((i for i, bits in enumerate(inner) if bits != self.scale_bits), len(inner))

    @staticmethod
    def slots_of_ring(ring_dimension: int) -> int:
        return ring_dimension // 2

    @property
    def capacity(self) -> float:
        """The largest absolute value of a slot: what the last level leaves for the integer part beside its sign.

        A power of two. Passing it is silent in every library.
        """
        return 2.0 ** (self.coefficient_modulus_bits[0] - self.scale_bits - 1)

    def share(self, terms: int) -> float:
        """The largest absolute value that ``terms`` numbers may each have so that their sum fits into a slot.

        A multiple of the 2^-52 of the capacity. Floats of double precision add these up without rounding, so that the
        bound of the sum never passes the capacity.
        """
        return 2**52 // terms * (self.capacity / 2**52)


@dataclass(frozen=True)
class PaillierParameters:
    """Paillier: exact integers modulo n, here cut into lanes of ``lane_bits`` bits that add up side by side.

    A modulus of 2048 bits gives 112-bit security, 3072 give 128.
    """

    modulus_bits: int = 3072
    lane_bits: int = 48

    def __post_init__(self) -> None:
        if not 256 <= self.modulus_bits <= FACTORING_TABLE[256] or self.modulus_bits % 2:
            raise InvalidParameters(
                f"A Paillier modulus has an even number of 256 to {FACTORING_TABLE[256]} bits, not {self.modulus_bits}."
            )
        if not 8 <= self.lane_bits <= self.modulus_bits - 2:
            raise InvalidParameters(
                f"Lanes of {self.lane_bits} bits do not fit: 8 to {self.modulus_bits - 2} bits are possible."
            )

    @property
    def slot_count(self) -> int:
        """Numbers in one ciphertext: its lanes. Two bits are kept free for the sign."""
        return (self.modulus_bits - 2) // self.lane_bits

    @property
    def capacity(self) -> int:
        """The largest absolute value of a lane, one bit of which is the sign."""
        return 2 ** (self.lane_bits - 1) - 1

    def share(self, terms: int) -> int:
        """The largest absolute value that ``terms`` numbers may each have so that their sum fits into a lane."""
        return self.capacity // terms


Parameters = BFVParameters | CKKSParameters | PaillierParameters


def parameters_to_dict(parameters: Parameters) -> dict[str, Any]:
    """A JSON-able form, with the kind of parameters under ``kind``."""
    return {"kind": type(parameters).__name__, **asdict(parameters)}


@lru_cache(maxsize=64)
def _from_items(kind: str, items: tuple[tuple[str, Any], ...]) -> Parameters:
    classes = {c.__name__: c for c in (BFVParameters, CKKSParameters, PaillierParameters)}
    if kind not in classes:
        raise InvalidParameters(f"Unknown kind of parameters {kind!r}; known: {', '.join(classes)}.")
    try:
        return classes[kind](**dict(items))
    except TypeError:
        raise InvalidParameters(f"The fields of {kind} do not fit: {[name for name, _ in items]}.") from None


def parameters_from_dict(fields: dict[str, Any]) -> Parameters:
    """The inverse of parameters_to_dict. Raises InvalidParameters for anything that is not a parameter set."""
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
        raise InvalidParameters("Parameters are a map with the field 'kind'.")
    items = []
    for name, value in fields.items():
        if name == "kind":
            continue
        if isinstance(value, (list, tuple)) and all(type(v) is int for v in value) and len(value) <= 64:
            value = tuple(value)
        elif type(value) is not int:
            raise InvalidParameters(f"The parameter {name!r} must be an integer or a list of integers.")
        items.append((name, value))
    return _from_items(fields["kind"], tuple(items))
