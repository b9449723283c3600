"""How the noise budget of BFV and the levels of CKKS are used up, whatever library computes.

BFV: ``consumed`` is an upper estimate of the noise in a ciphertext (``parameters.noise``, which says where it is from).
CKKS: ``consumed`` is the number of levels used.
"""

import math
from abc import abstractmethod

from he_helpers.parameters import BFVParameters, CKKSParameters
from he_helpers.parameters.noise import (
    bfv_fresh_noise,
    bfv_key_switching_noise,
    bfv_noise_limit,
    bfv_product_noise,
    bfv_slot_sum_noise,
    bfv_sum_noise,
)
from he_helpers.schemes.public.interface import PublicKey


class LatticeKey(PublicKey):
    """A public key of BFV or CKKS, whose ciphertexts are pairs of polynomials."""

    parameters: BFVParameters | CKKSParameters

    def _native_size(self, consumed: float) -> int:
        return 2 * self._primes_left(consumed) * self.parameters.ring_dimension * 8

    @abstractmethod
    def _primes_left(self, consumed: float) -> int:
        """Primes of the coefficient modulus that a ciphertext still has."""

    @abstractmethod
    def _native_scale(self) -> float:
        """The scale that the library notes in each ciphertext."""


class BFVNoise(LatticeKey):
    """Mixin for public keys of BFV: noise from BFVParameters."""

    parameters: BFVParameters

    def _consumption_limit(self) -> float:
        return bfv_noise_limit(self.parameters)

    def _fresh_consumption(self) -> float:
        return bfv_fresh_noise(self.parameters)

    def _primes_left(self, consumed: float) -> int:
        # All but the last, which keys alone have.
        return len(self.parameters.coefficient_modulus_bits) - 1

    def _native_scale(self) -> float:
        # BFV has none, and 1 stands for it.
        return 1.0

    def _consumed_by_sum(self, a: float, b: float) -> float:
        return a + b

    def _consumed_by_independent_sum(self, terms: int) -> float:
        return bfv_sum_noise(self.parameters, terms)

    def _consumed_by_plain_product(self, a: float, factor: float, is_vector: bool) -> float:
        # A vector becomes a polynomial whose coefficients are spread over the whole plaintext modulus.
        if is_vector:
            return a * self.parameters.plaintext_modulus * math.sqrt(self.parameters.ring_dimension)
        return a * max(1, factor)

    def _consumed_by_product(self, a: float, b: float) -> float:
        return bfv_product_noise(self.parameters, a, b)

    def _consumed_by_sum_of_slots(self, a: float) -> float:
        return bfv_slot_sum_noise(self.parameters, a)

    def _consumed_by_rotation(self, a: float) -> float:
        return a + bfv_key_switching_noise(self.parameters)

    def _consumption_words(self, consumed: float) -> str:
        left = math.log2(self.consumption_limit) - math.log2(consumed)
        return f"about {max(0, left):.0f} bits of noise budget are left of {math.log2(self.consumption_limit):.0f}"


class CKKSLevels(LatticeKey):
    """Mixin for public keys of CKKS: levels from CKKSParameters."""

    parameters: CKKSParameters

    def _consumption_limit(self) -> float:
        return self.parameters.levels

    def _fresh_consumption(self) -> float:
        return 0

    def _is_possible_consumption(self, consumed: float) -> bool:
        return 0 <= consumed <= self.consumption_limit and consumed == int(consumed)

    def _primes_left(self, consumed: float) -> int:
        # Each level that is used up divides one out.
        return len(self.parameters.coefficient_modulus_bits) - 1 - int(consumed)

    def _native_scale(self) -> float:
        return 2.0**self.parameters.scale_bits

    def _consumed_by_sum(self, a: float, b: float) -> float:
        return a if a > b else b

    def _consumed_by_independent_sum(self, terms: int) -> float:
        return 0

    def _consumed_by_plain_product(self, a: float, factor: float, is_vector: bool) -> float:
        return a + 1

    def _consumed_by_product(self, a: float, b: float) -> float:
        return max(a, b) + 1

    def _consumed_by_sum_of_slots(self, a: float) -> float:
        return a

    def _consumed_by_rotation(self, a: float) -> float:
        return a

    def _consumption_words(self, consumed: float) -> str:
        return f"{consumed:.0f} of {self.parameters.levels} levels are used"
