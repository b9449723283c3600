"""Paillier on the public side. One ciphertext is one integer modulo n squared, cut into lanes.

phe encrypts and decrypts. Sums are products modulo n squared and products with a number are powers (Paillier,
"Public-Key Cryptosystems Based on Composite Degree Residuosity Classes", Eurocrypt 1999); they are done on gmpy2
integers here rather than with phe's EncryptedNumber, which carries an exponent in the clear that tells the magnitude
of what is encrypted.
"""

import hashlib
from typing import Any

import gmpy2
import numpy as np
import phe

from he_helpers.parameters import PaillierParameters
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import PublicKey
from he_helpers.schemes.public.interface.records import PublicKeyRecord


def modulus_fingerprint(modulus: int) -> str:
    """32 hexadecimal characters of the SHA-256 digest over the scheme and the modulus."""
    return hashlib.sha256(b"paillier" + _to_bytes(modulus)).hexdigest()[:32]


def _to_bytes(number: int) -> bytes:
    number = int(number)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


class PaillierPublicKey(PublicKey):
    """Paillier: exact integers in lanes, which sums and products with one number treat alike."""

    scheme_name = "paillier"
    parameters: PaillierParameters

    def __init__(self, modulus: int, parameters: PaillierParameters) -> None:
        self.native = phe.PaillierPublicKey(n=int(modulus))
        self._modulus = gmpy2.mpz(modulus)
        self._modulus_squared = self._modulus * self._modulus
        super().__init__(parameters, modulus_fingerprint(modulus), can_encrypt=True)

    @classmethod
    def from_record(cls, record: PublicKeyRecord, parameters: Any) -> "PaillierPublicKey":
        modulus = int.from_bytes(record.native, "big")
        cls.require_modulus(modulus, parameters)
        if modulus_fingerprint(modulus) != record.key_fingerprint.hex():
            raise DamagedBytes("The fingerprint that this public key names is not its own.")
        return cls(modulus, parameters)

    @classmethod
    def require_modulus(cls, modulus: int, parameters: Any) -> None:
        """Raise DamagedBytes if these are not the parameters of the modulus."""
        if modulus.bit_length() != parameters.modulus_bits or modulus % 2 == 0:
            raise DamagedBytes(
                f"A Paillier modulus of {parameters.modulus_bits} bits was announced; this is no such number."
            )

    def _reduced(self, evaluation_keys: bool) -> "PaillierPublicKey":
        """The same key once more: adding needs the modulus that encrypting does. A key that held itself would stay."""
        return PaillierPublicKey(int(self._modulus), self.parameters)

    def _consumption_limit(self) -> float:
        return 0

    def _fresh_consumption(self) -> float:
        return 0

    def _native_size(self, consumed: float) -> int:
        return self.parameters.modulus_bits // 4

    def _largest_compact(self) -> int:
        return 0

    def _native_bytes(self) -> bytes:
        return _to_bytes(self._modulus)

    def _encrypt(self, vector: np.ndarray) -> gmpy2.mpz:
        return gmpy2.mpz(self.native.raw_encrypt(self._packed(vector) % self.native.n))

    def _packed(self, vector: np.ndarray) -> int:
        """The numbers side by side in their lanes, the first one lowest."""
        packed = 0
        for value in reversed(vector.tolist()):
            packed = (packed << self.parameters.lane_bits) + value
        return packed

    def _load(self, data: bytes, size: int, consumed: float) -> gmpy2.mpz:
        native = gmpy2.mpz(int.from_bytes(data, "big"))
        # Neither zero nor a multiple of a prime factor of n can be a ciphertext.
        if not 0 < native < self._modulus_squared or gmpy2.gcd(native, self._modulus) != 1:
            raise DamagedBytes("This number is not a Paillier ciphertext of the key that it names.")
        return native

    def _serialise(self, native: gmpy2.mpz) -> bytes:
        return int(native).to_bytes(self._native_size(0), "big")

    def _add(self, a: Any, b: Any) -> Any:
        return a * b % self._modulus_squared

    def _subtract(self, a: Any, b: Any) -> Any:
        return a * gmpy2.invert(b, self._modulus_squared) % self._modulus_squared

    def _add_plain(self, a: Any, vector: np.ndarray) -> Any:
        # (1 + n)^m = 1 + m n modulo n squared: adding a plaintext without encrypting it, so the result is linkable.
        return a * (1 + self._modulus * self._packed(vector)) % self._modulus_squared

    def _multiply_plain(self, a: Any, factor: np.ndarray | float) -> Any:
        return gmpy2.powmod(a, factor, self._modulus_squared)

    def _negate(self, a: Any) -> Any:
        return gmpy2.invert(a, self._modulus_squared)

    def _consumed_by_sum(self, a: float, b: float) -> float:
        return 0

    def _consumed_by_independent_sum(self, terms: int) -> float:
        return 0

    def _consumed_by_plain_product(self, a: float, factor: float, is_vector: bool) -> float:
        return 0

    def _consumption_words(self, consumed: float) -> str:
        return "Paillier has no noise"
