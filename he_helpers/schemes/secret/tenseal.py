"""TenSEAL on the secret side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tenseal as ts
from tenseal.sealapi import BatchEncoder, CKKSEncoder, Decryptor, Encryptor, Plaintext

from he_helpers.parameters import (
    STANDARD_TABLE,
    BFVParameters,
    CKKSParameters,
    InvalidParameters,
    Parameters,
)
from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.public.tenseal import TenSEALPublicKey, context_fingerprint, read_context
from he_helpers.schemes.secret.interface import KeyPair, Scheme, SecretKey
from he_helpers.schemes.secret.records import KeyPairRecord
from he_helpers.schemes.secret.seal_streams import saved


class TenSEALScheme(Scheme):
    """BFV or CKKS in TenSEAL, with the evaluation keys that the work needs and no more: each kind costs megabytes."""

    parameters: BFVParameters | CKKSParameters
    galois_keys: bool

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        *,
        relinearisation_keys: bool = False,
        galois_keys: bool | Sequence[int] = False,
        insecure_for_teaching: bool = False,
    ) -> None:
        super().__init__(
            name,
            parameters,
            relinearisation_keys=relinearisation_keys,
            galois_keys=galois_keys,
            insecure_for_teaching=insecure_for_teaching,
        )
        if not isinstance(galois_keys, bool):
            raise InvalidParameters("TenSEAL makes all Galois keys or none: galois_keys=True. Pyfhel makes named ones.")

    def generate_keys(self) -> KeyPair:
        # TenSEAL makes relinearisation keys with every context; without products they are dead weight.
        return _key_pair(
            self.native_keys(),
            self.name,
            self.parameters,
            self.relinearisation_keys,
            self.galois_keys,
            self.insecure_for_teaching,
        )

    def native_keys(self) -> ts.Context:
        """A private context with new keys."""
        p = self.parameters
        common = {"coeff_mod_bit_sizes": list(p.coefficient_modulus_bits), "n_threads": 1}
        try:
            if isinstance(p, BFVParameters):
                context = ts.context(ts.SCHEME_TYPE.BFV, p.ring_dimension, plain_modulus=p.plaintext_modulus, **common)
            else:
                context = ts.context(ts.SCHEME_TYPE.CKKS, p.ring_dimension, **common)
                context.global_scale = 2**p.scale_bits
        except (ValueError, RuntimeError) as error:
            raise refused_parameters(p, error) from None
        if self.galois_keys:
            context.generate_galois_keys()
        return context

    @classmethod
    def key_pair_from_record(cls, record: KeyPairRecord, parameters: Parameters) -> KeyPair:
        if len(record.native) != 1:
            raise DamagedBytes("A TenSEAL key pair is stored as its private context.")
        context = read_context(record.native[0])
        SCHEMES[record.scheme_name].public_key_class().require_context(context, parameters)
        return _key_pair(
            context,
            record.scheme_name,
            parameters,
            context.has_relin_keys(),
            context.has_galois_keys(),
            record.insecure_for_teaching,
        )


def refused_parameters(parameters: BFVParameters | CKKSParameters, error: Exception) -> InvalidParameters:
    """What to raise where TenSEAL makes no context of these parameters."""
    return InvalidParameters(
        f"TenSEAL refuses these parameters ({error}). It takes no coefficient modulus above the standard's limit of "
        f"{STANDARD_TABLE[128][parameters.ring_dimension]} bits (here {parameters.total_bits}), insecure_for_teaching "
        "or not, and no plaintext modulus that is one of the primes; Pyfhel takes more."
    )


def _key_pair(
    context: ts.Context, name: str, parameters: Parameters, relinearisation: bool, galois: bool, insecure: bool
) -> KeyPair:
    public_bytes = context.serialize(
        save_public_key=True, save_secret_key=False, save_galois_keys=galois, save_relin_keys=relinearisation
    )
    public_context = read_context(public_bytes)
    public = SCHEMES[name].public_key_class()(public_context, parameters, context_fingerprint(name, public_context))
    return KeyPair(public, TenSEALSecretKey(public, context, insecure))


class TenSEALSecretKey(SecretKey):
    """Holds the private context."""

    public: TenSEALPublicKey

    def __init__(self, public: TenSEALPublicKey, context: ts.Context, insecure_for_teaching: bool) -> None:
        super().__init__(public, insecure_for_teaching)
        self.native = context
        self._native_key = context.secret_key()
        self._dtype = np.int64 if public.exact else np.float64
        seal_context = context.seal_context().data
        self._encryptor = Encryptor(seal_context, self._native_key.data)
        self._encoder = (BatchEncoder if public.exact else CKKSEncoder)(seal_context)

    def _encrypt(self, vector: np.ndarray) -> tuple[Any, bytes]:
        slots = self.public.with_check_slots(vector)
        # TenSEAL repeats a short vector through all slots, and its sums and products with matrices count on it.
        repeated = np.resize(slots, self.public.slot_count).tolist()
        plain = Plaintext()
        if self.public.exact:
            self._encoder.encode(repeated, plain)
        else:
            self._encoder.encode(repeated, self.native.global_scale, plain)
        return self.public.vector_from_stream(saved(self._encryptor.encrypt_symmetric(plain).save), len(slots))

    def _decrypt(self, native: Any, size: int) -> np.ndarray:
        values = native.decrypt(self._native_key)
        return np.fromiter(values, dtype=self._dtype, count=len(values))

    def _has_noise_left(self, ciphertext: Ciphertext) -> bool:
        if not self.public.exact:
            return True
        decryptor = Decryptor(self.native.seal_context().data, self._native_key.data)
        return all(decryptor.invariant_noise_budget(part) > 0 for part in ciphertext.native.ciphertext())

    def _native_parts(self) -> list[bytes]:
        return [
            self.native.serialize(
                save_public_key=True,
                save_secret_key=True,
                save_galois_keys=self.public.native.has_galois_keys(),
                save_relin_keys=self.public.native.has_relin_keys(),
            )
        ]
