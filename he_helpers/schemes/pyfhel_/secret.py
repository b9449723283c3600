"""Pyfhel on the secret side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from Pyfhel import Pyfhel

from he_helpers.parameters import InvalidParameters, Parameters, parameters_from_dict
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.interface import Ciphertext
from he_helpers.schemes.pyfhel_.public import (
    PUBLIC_KEY_CLASSES,
    UNCOMPRESSED,
    engine_for,
    engine_from_parts,
    pyfhel_fingerprint,
)
from he_helpers.schemes.secret_interface import KeyPair, Scheme, SecretKey

_PARTS = ("context", "public", "relinearisation", "galois", "secret")


class PyfhelScheme(Scheme):
    """BFV or CKKS in Pyfhel, with the evaluation keys that the work needs and no more: each kind costs megabytes.

    galois_keys: True for a key for every power of two, to both sides, or the steps of the rotations that are needed.
    """

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        *,
        relinearisation_keys: bool = False,
        galois_keys: bool | Sequence[int] = False,
        insecure_for_teaching: bool = False,
    ) -> None:
        super().__init__(name, parameters, insecure_for_teaching=insecure_for_teaching)
        self.relinearisation_keys = relinearisation_keys
        if not isinstance(galois_keys, bool):
            if isinstance(galois_keys, str) or not all(isinstance(step, (int, np.integer)) for step in galois_keys):
                raise InvalidParameters(
                    f"galois_keys is True or a list of the steps of rotations, which are integers, not {galois_keys!r}."
                )
            galois_keys = [int(step) for step in galois_keys]
        self.galois_keys = galois_keys

    def generate_keys(self) -> KeyPair:
        engine = engine_for(self.parameters)
        engine.keyGen()
        if self.relinearisation_keys:
            engine.relinKeyGen()
        if self.galois_keys is True:
            engine.rotateKeyGen()
        elif self.galois_keys:
            engine.rotateKeyGen(rot_steps=self.galois_keys)
        return _key_pair(engine, self.name, self.parameters, self.insecure_for_teaching)

    @classmethod
    def key_pair_from_fields(cls, fields: list[Any]) -> KeyPair:
        name, parameters, insecure_for_teaching, parts = fields
        if len(parts) != len(_PARTS) or not all(isinstance(part, bytes) for part in parts):
            raise DamagedBytes("A Pyfhel key pair is stored as its context and its keys.")
        engine = engine_from_parts(dict(zip(_PARTS, parts, strict=True)))
        return _key_pair(engine, name, parameters_from_dict(parameters), insecure_for_teaching)


def _public_parts(engine: Pyfhel) -> dict[str, bytes]:
    return {
        "context": engine.to_bytes_context(UNCOMPRESSED),
        "public": engine.to_bytes_public_key(UNCOMPRESSED),
        "relinearisation": b"" if engine.is_relin_key_empty() else engine.to_bytes_relin_key(UNCOMPRESSED),
        "galois": b"" if engine.is_rotate_key_empty() else engine.to_bytes_rotate_key(UNCOMPRESSED),
    }


def _key_pair(engine: Pyfhel, name: str, parameters: Parameters, insecure_for_teaching: bool) -> KeyPair:
    public = PUBLIC_KEY_CLASSES[name](
        engine_from_parts(_public_parts(engine)), parameters, pyfhel_fingerprint(name, engine)
    )
    return KeyPair(public, PyfhelSecretKey(public, engine, insecure_for_teaching))


class PyfhelSecretKey(SecretKey):
    """Holds the Pyfhel object with the secret key; without one, Pyfhel's decryption ends the process."""

    def __init__(self, public: Any, engine: Pyfhel, insecure_for_teaching: bool) -> None:
        super().__init__(public, insecure_for_teaching)
        self._engine = engine

    def _decrypt(self, native: Any, size: int) -> np.ndarray:
        values = self._engine.decryptInt(native) if self.public.exact else self._engine.decryptFrac(native)
        return values[:size]

    def _has_noise_left(self, ciphertext: Ciphertext) -> bool:
        return not self.public.exact or self._engine.noise_level(ciphertext.native) > 0

    def _native_fields(self) -> list[bytes]:
        return [*_public_parts(self._engine).values(), self._engine.to_bytes_secret_key(UNCOMPRESSED)]
