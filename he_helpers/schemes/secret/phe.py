"""Paillier on the secret side."""

from typing import Any

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


class PaillierSecretKey(SecretKey):
    """Holds the prime factors of the modulus."""

    public: PaillierPublicKey

    def __init__(self, public: PaillierPublicKey, private: phe.PaillierPrivateKey, insecure_for_teaching: bool) -> None:
        super().__init__(public, insecure_for_teaching)
        self.native = private

    def _decrypt(self, native: Any, size: int) -> np.ndarray:
        packed = self.native.raw_decrypt(int(native))
        modulus = self.public.native.n
        if packed > modulus // 2:
            packed -= modulus
        lane_bits = self.public.parameters.lane_bits
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

    def _native_parts(self) -> list[bytes]:
        return [factor.to_bytes((factor.bit_length() + 7) // 8, "big") for factor in (self.native.p, self.native.q)]
