"""What every scheme offers on the secret side: generating keys and decrypting."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from he_helpers.parameters import Parameters, parameters_to_dict, require_security
from he_helpers.schemes.catalogue import scheme_entry
from he_helpers.schemes.errors import DamagedBytes, KeyMismatch, WrongKind
from he_helpers.schemes.library_errors import LIBRARY_ERRORS, computed
from he_helpers.schemes.public.interface import DEFAULT_TERMS, Ciphertext, Encryptor, PublicKey
from he_helpers.schemes.records import seal_message
from he_helpers.schemes.secret.records import KeyPairRecord


class SecretKey(Encryptor):
    """Decrypts what was encrypted under its public key, and encrypts in half the bytes where the scheme allows it.

    The bytes of a secret key belong into a keyring and nowhere else.

    ``native`` is the door to the library, and holds the secret key: a private ``tenseal.Context`` (``secret_key()``
    gives what TenSEAL's vectors decrypt with), a ``Pyfhel`` with all keys, or a ``phe.PaillierPrivateKey``. It never
    leaves the process, as little as this object does.
    """

    native: Any

    def __init__(self, public: PublicKey, insecure_for_teaching: bool) -> None:
        self.fingerprint = public.fingerprint
        self.scheme_name = public.scheme_name
        self._public = public
        self._insecure_for_teaching = insecure_for_teaching

    @property
    def public(self) -> PublicKey:
        """The public key of the pair."""
        return self._public

    def __repr__(self) -> str:
        return f"SecretKey({self.scheme_name}, fingerprint {self.fingerprint[:8]})"

    def __reduce__(self) -> Any:
        raise TypeError("A secret key is not pickled. Keep it in a keyring.")

    def encrypt(self, values: Any, terms: int = DEFAULT_TERMS) -> Ciphertext:
        """Encrypt a vector as PublicKey.encrypt does, with ciphertexts of about half the bytes under BFV and CKKS.

        A ciphertext of BFV or CKKS is two polynomials. The second one of a fresh ciphertext that was made with the
        secret key is uniformly random, so that a seed of 64 bytes can stand for it: SEAL draws a new seed from the
        operating system for each ciphertext and expands it with BLAKE2xb. The seed is public. What is assumed is what
        a public key of this kind assumes of its own random polynomial: that the expansion cannot be told from uniformly
        random numbers, and the ring learning with errors problem. The short form lasts until a ciphertext is evaluated:
        results have both polynomials.

        Under Paillier the ciphertext has the same size, and takes about a quarter of the time: powers modulo the two
        prime factors stand in for one modulo their product. Under Pyfhel outside Linux this is PublicKey.encrypt.
        Arguments and errors are those of PublicKey.encrypt.
        """
        vector, bound = self.public._admitted(values, terms)
        native, compact = computed("vector", self._encrypt, vector)
        return self.public._fresh(len(vector), bound, native, compact)

    def decrypt(self, ciphertext: Ciphertext) -> np.ndarray:
        """The numbers in the ciphertext: 1-D; int64 (objects where 64 bits are too few), float64 for CKKS.

        Raises KeyMismatch when the ciphertext names another key; DamagedBytes when the decrypted numbers show that
        it is not what it says: unused slots that are not zero, or a number above the declared bound. Under BFV, a
        ciphertext without unused slots and with a high bound is tested for its noise budget instead: another key finds
        none left. Foreign bytes can pass for the sum of slots under CKKS, which is one number without unused slots.
        """
        if not isinstance(ciphertext, Ciphertext):
            raise WrongKind(
                f"A Ciphertext can be decrypted, not {type(ciphertext).__name__}: pass what "
                "PublicKey.load_ciphertext or an operation gave."
            )
        if ciphertext.key.fingerprint != self.fingerprint or ciphertext.key.scheme_name != self.scheme_name:
            raise KeyMismatch(
                f"This ciphertext was encrypted under key {ciphertext.key.fingerprint[:8]} "
                f"({ciphertext.key.scheme_name}); this secret key is of {self.fingerprint[:8]} ({self.scheme_name})."
            )
        try:
            numbers = self._decrypt(ciphertext.native, ciphertext.length + ciphertext.padding)
        except LIBRARY_ERRORS as error:
            raise DamagedBytes(f"The library refuses to decrypt this ciphertext ({type(error).__name__}).") from None
        return plausible_numbers(ciphertext, numbers, self._has_noise_left)

    def to_bytes(self) -> bytes:
        """The key pair as bytes, in the clear: for a keyring, which encrypts them."""
        record = KeyPairRecord(
            scheme_name=self.scheme_name,
            parameters=parameters_to_dict(self.public.parameters),
            insecure_for_teaching=self._insecure_for_teaching,
            native=tuple(self._native_parts()),
        )
        return seal_message(record)

    def _has_noise_left(self, ciphertext: Ciphertext) -> bool:
        """False when the noise shows that another key is needed. True where a scheme has no such measure."""
        return True

    def _encrypt(self, vector: np.ndarray) -> tuple[Any, bytes | None]:
        """The library's ciphertext, and its shorter serialisation where there is one."""
        return self.public._encrypt(vector), None

    @abstractmethod
    def _decrypt(self, native: Any, size: int) -> np.ndarray: ...
    @abstractmethod
    def _native_parts(self) -> list[bytes]: ...


def plausible_numbers(
    ciphertext: Ciphertext, numbers: np.ndarray, has_noise_left: Callable[[Ciphertext], bool]
) -> np.ndarray:
    """The numbers in the slots in use, of what decryption found in these and in those that must be zero.

    has_noise_left: asked where the numbers could fit by chance. Raises DamagedBytes where they do not fit.
    """
    length, padding = ciphertext.length, ciphertext.padding
    unused = numbers[length : length + padding]
    numbers = numbers[:length]
    tolerance = 0 if ciphertext.key.exact else max(1.0, 1e-3 * ciphertext.bound)
    limit = ciphertext.bound + tolerance
    are_zero = -tolerance <= unused.min(initial=0) and unused.max(initial=0) <= tolerance
    fits = are_zero and -limit <= numbers.min() and numbers.max() <= limit
    if not fits or not padding and _could_fit_by_chance(ciphertext) and not has_noise_left(ciphertext):
        raise DamagedBytes(
            "This ciphertext decrypts to numbers that it cannot hold. It was altered, or encrypted under another "
            "key than the one it names. Ask for it again, and check the sender's key fingerprint."
        )
    return numbers


def _could_fit_by_chance(ciphertext: Ciphertext) -> bool:
    """Whether numbers at random keep within the bound more often than once in 2^64 times."""
    # The quotient of two integers of Paillier can be too large for a float; their logarithms are not.
    return ciphertext.length * (math.log2(ciphertext.key.capacity) - math.log2(max(1, ciphertext.bound))) < 64


@dataclass(frozen=True)
class KeyPair:
    """A public key to give away and the secret key that stays."""

    public: PublicKey
    secret: SecretKey


class Scheme(ABC):
    """An immutable set of parameters of one scheme of one library, and which evaluation keys to make.

    Raises InvalidParameters, InsecureParameters and UnsupportedOperation (no such evaluation keys) when it is created.
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
        entry = scheme_entry(name)
        entry.require_parameters(parameters)
        require_security(parameters, insecure_for_teaching)
        if relinearisation_keys:
            entry.require("product of ciphertexts")
        if galois_keys:
            entry.require("sum of slots")
        self.name = name
        self.parameters = parameters
        self.relinearisation_keys = relinearisation_keys
        self.galois_keys = galois_keys
        self.insecure_for_teaching = insecure_for_teaching

    def __repr__(self) -> str:
        return f"Scheme({self.name}, {self.parameters})"

    @abstractmethod
    def generate_keys(self) -> KeyPair:
        """A fresh key pair from the library's own random generator."""

    @classmethod
    @abstractmethod
    def key_pair_from_record(cls, record: KeyPairRecord, parameters: Parameters) -> KeyPair:
        """The key pair from what SecretKey.to_bytes() sealed.

        Raises DamagedBytes, too, where the parameters are not of the scheme, or not those of the native keys.
        """
