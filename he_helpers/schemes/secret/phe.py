"""Paillier on the secret side."""

import secrets
from typing import Any

import gmpy2
import numpy as np
import phe

from he_helpers.parameters import PaillierParameters, Parameters
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.phe import PaillierPublicKey
from he_helpers.schemes.secret.interface import KeyPair, Scheme, SecretKey
from he_helpers.schemes.secret.records import KeyPairRecord


class Paillier(Scheme):
    """Paillier in phe."""

    parameters: PaillierParameters

    def generate_keys(self) -> KeyPair:
        public, private = phe.generate_paillier_keypair(n_length=self.parameters.modulus_bits)
        return _key_pair(public.n, private, self.parameters, self.insecure_for_teaching)

    @classmethod
    def key_pair_from_record(cls, record: KeyPairRecord, parameters: Parameters) -> KeyPair:
        if len(record.native) != 2:
            raise DamagedBytes("A Paillier key pair is stored as its two prime factors.")
        p, q = (int.from_bytes(factor, "big") for factor in record.native)
        if p == q:
            raise DamagedBytes("These bytes are no key pair of Paillier, whose two prime factors differ.")
        PaillierPublicKey.require_modulus(p * q, parameters)
        private = phe.PaillierPrivateKey(phe.PaillierPublicKey(p * q), p, q)
        return _key_pair(p * q, private, parameters, record.insecure_for_teaching)


def _key_pair(modulus: int, private: phe.PaillierPrivateKey, parameters: Any, insecure_for_teaching: bool) -> KeyPair:
    public = PaillierPublicKey(modulus, parameters)
    return KeyPair(public, PaillierSecretKey(public, private, insecure_for_teaching))


class ResiduesOfOwner:
    """Random n-th powers modulo n squared, n = p q: the encryptions of zero, drawn by whoever knows p and q.

    The powers of the public key, r^n for a random r below n, fall apart by the Chinese remainder theorem: what r^n is
    modulo p squared depends on r modulo p alone, and as r runs through the residues of p, it runs through their p-th
    powers, each once, since raising to the power q permutes these (n has no factor in common with p - 1). So s^p for a
    random s below p has the same distribution, independently of the same modulo q squared. Half the exponent and half
    the modulus, twice: a quarter of the time. Paillier (1999, section 7) decrypts by the same theorem; the library
    fast-paillier of LFDT-Lockness encrypts by it.
    """

    def __init__(self, p: int, q: int) -> None:
        self._p, self._q = gmpy2.mpz(p), gmpy2.mpz(q)
        self._p_squared, self._q_squared = self._p**2, self._q**2
        self._inverse = gmpy2.invert(self._q_squared, self._p_squared)

    def draw(self) -> gmpy2.mpz:
        """One of them, each as likely as any other."""
        modulo_p = gmpy2.powmod(1 + secrets.randbelow(int(self._p) - 1), self._p, self._p_squared)
        modulo_q = gmpy2.powmod(1 + secrets.randbelow(int(self._q) - 1), self._q, self._q_squared)
        return modulo_q + self._q_squared * ((modulo_p - modulo_q) * self._inverse % self._p_squared)


class PaillierSecretKey(SecretKey):
    """Holds the prime factors of the modulus."""

    public: PaillierPublicKey

    def __init__(self, public: PaillierPublicKey, private: phe.PaillierPrivateKey, insecure_for_teaching: bool) -> None:
        super().__init__(public, insecure_for_teaching)
        self.native = private
        self._residues = ResiduesOfOwner(private.p, private.q)

    def _encrypt(self, vector: np.ndarray) -> tuple[gmpy2.mpz, None]:
        return self.public._add_plain(self._residues.draw(), vector), None

    def _decrypt(self, native: Any, size: int) -> np.ndarray:
        packed = self.native.raw_decrypt(int(native))
        return unpacked(packed, self.public.native.n, self.public.parameters.lane_bits, size)

    def _native_parts(self) -> list[bytes]:
        return [factor.to_bytes((factor.bit_length() + 7) // 8, "big") for factor in (self.native.p, self.native.q)]


def unpacked(packed: int, modulus: int, lane_bits: int, size: int) -> np.ndarray:
    """The numbers in the first ``size`` lanes of a plaintext modulo ``modulus``; where there is more in it than these,
    the last of them is one that no lane can hold."""
    if packed > modulus // 2:
        packed -= modulus
    half = 1 << (lane_bits - 1)
    lanes = []
    for _ in range(size):
        lane = (packed + half) % (2 * half) - half
        lanes.append(lane)
        packed = (packed - lane) >> lane_bits
    if packed:
        # Something above the lanes in use: never the result of sums of them. Reported by decrypt().
        return np.array([*lanes[: size - 1], half * 2], dtype=object)
    return np.array(lanes, dtype=np.int64 if lane_bits <= 64 else object)
