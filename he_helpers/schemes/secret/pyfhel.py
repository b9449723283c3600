"""Pyfhel on the secret side.

Pyfhel offers no encryption with the secret key. TenSEAL's binding of SEAL does, and both libraries are Microsoft SEAL:
with the same parameters and key it makes the ciphertexts that Pyfhel's own SEAL would make. The key gets there through
a file in memory; where the system has none, as macOS, the public key encrypts.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import zstandard
from Pyfhel import PyCtxt, Pyfhel
from tenseal import sealapi

from he_helpers.parameters import BFVParameters, CKKSParameters, InvalidParameters, Parameters
from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.public.pyfhel import (
    UNCOMPRESSED,
    PyfhelPublicKey,
    engine_for,
    engine_from_parts,
    public_parts,
    pyfhel_fingerprint,
)
from he_helpers.schemes.public.pyfhel_stream import HEADER_BYTES, seeded_ciphertext, version_of, with_version
from he_helpers.schemes.secret.interface import KeyPair, Scheme, SecretKey
from he_helpers.schemes.secret.records import KeyPairRecord
from he_helpers.schemes.secret.seal_streams import has_files_in_memory, load, saved

_PARTS = ("context", "public", "relinearisation", "galois", "secret")
# A secret key is a header, 48 bytes about it, and the stream of its coefficients: Plaintext::save_members of SEAL.
_HEADERS_OF_SECRET_KEY = (0, HEADER_BYTES + 48)


class PyfhelScheme(Scheme):
    """BFV or CKKS in Pyfhel, with the evaluation keys that the work needs and no more: each kind costs megabytes.

    galois_keys: True for a key for every power of two, to both sides, or the steps of the rotations that are needed.
    """

    parameters: BFVParameters | CKKSParameters

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        *,
        relinearisation_keys: bool = False,
        galois_keys: bool | Sequence[int] = False,
        insecure_for_teaching: bool = False,
    ) -> None:
        if not isinstance(galois_keys, bool):
            if isinstance(galois_keys, str) or not all(isinstance(step, (int, np.integer)) for step in galois_keys):
                raise InvalidParameters(
                    f"galois_keys is True or a list of the steps of rotations, which are integers, not {galois_keys!r}."
                )
            galois_keys = [int(step) for step in galois_keys]
        super().__init__(
            name,
            parameters,
            relinearisation_keys=relinearisation_keys,
            galois_keys=galois_keys,
            insecure_for_teaching=insecure_for_teaching,
        )

    def generate_keys(self) -> KeyPair:
        return _key_pair(self.native_keys(), self.name, self.parameters, self.insecure_for_teaching)

    def native_keys(self) -> Pyfhel:
        """A Pyfhel object with new keys, the secret one among them."""
        engine = engine_for(self.parameters)
        engine.keyGen()
        if self.relinearisation_keys:
            engine.relinKeyGen()
        if self.galois_keys is True:
            engine.rotateKeyGen()
        elif self.galois_keys:
            engine.rotateKeyGen(rot_steps=self.galois_keys)
        return engine

    @classmethod
    def key_pair_from_record(cls, record: KeyPairRecord, parameters: Parameters) -> KeyPair:
        if len(record.native) != len(_PARTS):
            raise DamagedBytes("A Pyfhel key pair is stored as its context and its keys.")
        parts = dict(zip(_PARTS, record.native, strict=True))
        SCHEMES[record.scheme_name].public_key_class().require_context(parts["context"], parameters)
        engine = engine_from_parts(parts)
        if engine.is_secret_key_empty():
            raise DamagedBytes("These bytes are no key pair of Pyfhel: they hold no secret key.")
        return _key_pair(engine, record.scheme_name, parameters, record.insecure_for_teaching)


def _key_pair(engine: Pyfhel, name: str, parameters: Parameters, insecure_for_teaching: bool) -> KeyPair:
    public = SCHEMES[name].public_key_class()(
        engine_from_parts(public_parts(engine)), parameters, pyfhel_fingerprint(name, engine)
    )
    return KeyPair(public, PyfhelSecretKey(public, engine, insecure_for_teaching))


class PyfhelSecretKey(SecretKey):
    """Holds the Pyfhel object with the secret key; without one, Pyfhel's decryption ends the process."""

    public: PyfhelPublicKey

    def __init__(self, public: PyfhelPublicKey, engine: Pyfhel, insecure_for_teaching: bool) -> None:
        super().__init__(public, insecure_for_teaching)
        self.native = engine

    @cached_property
    def _seeded(self) -> "_SeededEncryptor":
        return _SeededEncryptor(self.native, self.public.parameters)

    def _encrypt(self, vector: np.ndarray) -> tuple[PyCtxt, bytes | None]:
        if not has_files_in_memory():
            return super()._encrypt(vector)
        stream = self._seeded.encrypt(vector)
        return PyCtxt(pyfhel=self.public.native, bytestring=stream), stream

    def _decrypt(self, native: Any, size: int) -> np.ndarray:
        values = self.native.decryptInt(native) if self.public.exact else self.native.decryptFrac(native)
        return values[:size]

    def _has_noise_left(self, ciphertext: Ciphertext) -> bool:
        return not self.public.exact or self.native.noise_level(ciphertext.native) > 0

    def _native_parts(self) -> list[bytes]:
        return [*public_parts(self.native).values(), self.native.to_bytes_secret_key(UNCOMPRESSED)]


class _SeededEncryptor:
    """Encrypts with the secret key, by TenSEAL's SEAL, for Pyfhel's."""

    def __init__(self, engine: Pyfhel, parameters: BFVParameters | CKKSParameters) -> None:
        exact = isinstance(parameters, BFVParameters)
        native = sealapi.EncryptionParameters(sealapi.SCHEME_TYPE.BFV if exact else sealapi.SCHEME_TYPE.CKKS)
        native.set_poly_modulus_degree(parameters.ring_dimension)
        # SEAL's choice of primes in both libraries; of others, loading the key would fail.
        primes = sealapi.CoeffModulus.Create(parameters.ring_dimension, list(parameters.coefficient_modulus_bits))
        native.set_coeff_modulus(primes)
        if isinstance(parameters, BFVParameters):
            native.set_plain_modulus(parameters.plaintext_modulus)
        # As in engine_for(): our own tables have judged the security.
        context = sealapi.SEALContext(native, True, sealapi.SEC_LEVEL_TYPE.NONE)
        stream = engine.to_bytes_secret_key(UNCOMPRESSED)
        self._version = version_of(stream)
        header = sealapi.Serialization.SEALHeader()
        tenseal_version = bytes([header.version_major, header.version_minor])
        key = sealapi.SecretKey()
        load(lambda path: key.load(context, path), with_version(stream, _HEADERS_OF_SECRET_KEY, tenseal_version))
        self._encryptor = sealapi.Encryptor(context, key)
        self._encoder = (sealapi.BatchEncoder if exact else sealapi.CKKSEncoder)(context)
        self._scale = (2.0**parameters.scale_bits,) if isinstance(parameters, CKKSParameters) else ()

    def encrypt(self, vector: np.ndarray) -> bytes:
        """The ciphertext of the vector with a seed, as Pyfhel's SEAL serialises one."""
        plain = sealapi.Plaintext()
        self._encoder.encode(vector.tolist(), *self._scale, plain)
        compressed = saved(self._encryptor.encrypt_symmetric(plain).save)
        content = zstandard.ZstdDecompressor().decompressobj().decompress(compressed[HEADER_BYTES:])
        return seeded_ciphertext(content, self._version)
