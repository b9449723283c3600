"""The public key: it encrypts, adds up, reads ciphertexts of its own, and is serialised. It knows no secret key."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from he_helpers.parameters import Parameters, parameters_to_dict
from he_helpers.schemes.errors import (
    DamagedBytes,
    DepthExhausted,
    KeyMismatch,
    ShapeMismatch,
    UnsupportedOperation,
    ValueOutOfRange,
    WrongKind,
)
from he_helpers.schemes.library_errors import computed
from he_helpers.schemes.public.interface.adapter import SchemeAdapter
from he_helpers.schemes.public.interface.ciphertext import Ciphertext, two_keys
from he_helpers.schemes.public.interface.records import CiphertextRecord, PublicKeyRecord, read_bound
from he_helpers.schemes.public.interface.values import checked_values
from he_helpers.schemes.records import open_message, seal_message

DEFAULT_TERMS = 1024


class Encryptor(ABC):
    """What encrypts under one key pair: its public key, which anyone may have, or its secret key, in half the bytes."""

    @property
    @abstractmethod
    def public(self) -> "PublicKey":
        """The public key of the pair, under which the ciphertexts are."""

    @abstractmethod
    def encrypt(self, values: Any, terms: int = DEFAULT_TERMS) -> "Ciphertext":
        """Encrypt a vector. See PublicKey.encrypt."""


def require_encryptor(key: Any) -> Encryptor:
    """``key`` itself, if it is a PublicKey or a SecretKey. Raises WrongKind."""
    if isinstance(key, Encryptor):
        return key
    raise WrongKind(
        f"Encrypting takes a public key or a secret key, not {type(key).__name__}. Of a KeyPair pass one half: "
        "keys.public, or keys.secret, whose ciphertexts are half as large where the scheme allows it."
    )


class PublicKey(Encryptor, SchemeAdapter):
    """Encrypts and evaluates under one key pair. Holds no secret, and refuses bytes that contain one.

    Attributes: ``scheme_name``; ``parameters``; ``fingerprint`` (32 hexadecimal characters); ``slot_count``
    (numbers in one ciphertext); ``capacity`` (largest absolute value of a slot); ``exact`` (integers, not reals);
    ``can_encrypt`` (False for the part that is made for evaluation only).

    ``native`` is the door to the library: a ``tenseal.Context``, a ``Pyfhel`` or a ``phe.PaillierPublicKey`` without
    any secret. It may be shared with other keys, so compute with it and do not change it. Nothing that is computed
    there is checked here.
    """

    native: Any

    def __init__(self, parameters: Parameters, fingerprint: str, can_encrypt: bool) -> None:
        super().__init__(parameters, fingerprint, can_encrypt)
        self._evaluation_part: PublicKey | None = None
        self._loading_part: PublicKey | None = None

    @property
    def public(self) -> "PublicKey":
        """This key itself. As an attribute it would be a cycle, which keeps a dropped key's megabytes for a while."""
        return self

    def __repr__(self) -> str:
        use = "encryption and evaluation" if self.can_encrypt else "evaluation only"
        return f"PublicKey({self.scheme_name}, fingerprint {self.fingerprint[:8]}, {self.slot_count} slots, {use})"

    def encrypt(self, values: Any, terms: int = DEFAULT_TERMS) -> Ciphertext:
        """Encrypt a vector.

        values: 1-D, 1 to ``slot_count`` numbers; integers for an exact scheme, finite reals for CKKS.
        terms: how many such ciphertexts will be added up at most. It fixes the largest value that is accepted,
            ``capacity / terms``, so that no sum of that many can wrap around.

        Raises ValueOutOfRange (NaN, infinity, a fraction in an exact scheme, above the limit), ShapeMismatch (empty,
        more than one dimension, longer than the slots), UnsupportedOperation (a key for evaluation only),
        DepthExhausted (parameters without any noise budget).
        """
        if not self.can_encrypt:
            raise UnsupportedOperation(
                "This public key is the part for evaluation only; encrypting needs the whole public key of its owner."
            )
        vector, bound = self._admitted(values, terms)
        return self._fresh(len(vector), bound, computed("vector", self._encrypt, vector))

    def _admitted(self, values: Any, terms: int) -> tuple[np.ndarray, float]:
        """The vector to encrypt and the bound to declare for it."""
        if not isinstance(terms, (int, np.integer)) or terms < 1:
            raise ValueOutOfRange(f"terms is the number of ciphertexts to be added up, 1 or more, not {terms!r}.")
        terms = int(terms)
        if self.fresh_consumption > self.consumption_limit:
            raise DepthExhausted(
                f"The noise of a fresh ciphertext can pass what {self.scheme_name} corrects under these parameters. "
                "Choose a longer coefficient modulus or a shorter plaintext modulus."
            )
        bound = self.share(terms)
        return checked_values(self, values, bound, f"its share of a sum of {terms} ciphertexts"), bound

    def _fresh(self, length: int, bound: float, native: Any, compact: bytes | None = None) -> Ciphertext:
        """A ciphertext that was just encrypted."""
        return Ciphertext(self, native, length, self._padding(length), bound, self.fresh_consumption, compact)

    def share(self, terms: int) -> int | float:
        """The largest absolute value that encrypt(values, terms) takes: the capacity of a slot, shared by the terms."""
        return self.parameters.share(terms)

    def add_up(self, ciphertexts: Sequence[Ciphertext]) -> Ciphertext:
        """The sum of ciphertexts of this key that were encrypted independently of each other, each of them once.

        It is the sum that the operators compute, and counts less noise: errors of independent encryptions partly cancel
        out, and their sum grows with the square root of their number (``parameters.noise``). The operators cannot know
        that x and y of x + y have nothing to do with each other, and count the worst, as for x + x. So do sums here
        of ciphertexts that are not fresh, or not all different. That different ones are independent is the caller's
        word, as is all that a ciphertext declares.

        Raises KeyMismatch, ShapeMismatch, ValueOutOfRange (the sum could pass the capacity), DepthExhausted.
        """
        if not ciphertexts:
            raise ShapeMismatch("A sum is of one ciphertext or more, and none was given.")
        for ciphertext in ciphertexts:
            if ciphertext.key.fingerprint != self.fingerprint:
                raise two_keys(self, ciphertext.key)
        first, fresh = ciphertexts[0], self.fresh_consumption
        if len(ciphertexts) == 1:
            return first
        if len({id(ciphertext.native) for ciphertext in ciphertexts}) < len(ciphertexts) or any(
            ciphertext.consumed > fresh for ciphertext in ciphertexts
        ):
            return reduce(add, ciphertexts)
        bound = sum(ciphertext.bound for ciphertext in ciphertexts)
        for ciphertext in ciphertexts:
            if ciphertext.length != first.length:
                raise first._why_not(ciphertext, bound)
        if bound > self.capacity:
            raise first._overflow(bound)
        consumed = self.consumption_of_sum(len(ciphertexts))
        if consumed > self.consumption_limit:
            raise DepthExhausted(
                f"No room for a sum of {len(ciphertexts):,} ciphertexts: {self._consumption_words(consumed)}."
            )
        native = computed("sum", reduce, self._add, [ciphertext.native for ciphertext in ciphertexts])
        padding = min(ciphertext.padding for ciphertext in ciphertexts)
        return Ciphertext(self, native, first.length, padding, bound, consumed)

    def consumption_of_sum(self, terms: int, rotations: int = 0) -> float:
        """What add_up() of ``terms`` fresh ciphertexts uses up, to be compared with ``consumption_limit``.

        rotations: how often the sum is then rotated and added to what it was.
        """
        consumed = self._consumed_by_independent_sum(terms)
        for _ in range(rotations):
            consumed = self._consumed_by_sum(consumed, self._consumed_by_rotation(consumed))
        return consumed

    def load_ciphertext(self, data: bytes) -> Ciphertext:
        """Read a ciphertext of this key from its envelope. Raises DamagedBytes, KeyMismatch."""
        return self.ciphertext_from_record(open_message(data, CiphertextRecord))

    def ciphertext_from_record(self, record: CiphertextRecord) -> Ciphertext:
        """The inverse of Ciphertext.to_record.

        Raises DamagedBytes, or KeyMismatch when it names another key or scheme; both before the library's parser runs.
        """
        length, padding, consumed = record.length, record.padding, record.consumed
        fingerprint = record.key_fingerprint.hex()
        if record.scheme_name != self.scheme_name or fingerprint != self.fingerprint:
            raise KeyMismatch(
                f"This ciphertext belongs to key {fingerprint[:8]} ({record.scheme_name:.20}), and the key at hand is "
                f"{self.fingerprint[:8]} ({self.scheme_name})."
            )
        if not (
            length <= self.slot_count
            and padding <= self.slot_count - length
            and 0 <= (bound := read_bound(record.bound, self.exact)) <= self.capacity
            and self._is_possible_consumption(consumed)
            and 0 < len(record.native) <= (self.largest_compact if record.compact else self.largest_native)
        ):
            raise DamagedBytes("The description of this ciphertext is outside what its key allows.")
        native = bytes(record.native)
        loaded = self._load(native, length + padding, consumed)
        return Ciphertext(self, loaded, length, padding, bound, consumed, native if record.compact else None)

    def to_bytes(self) -> bytes:
        """The key in its envelope."""
        record = PublicKeyRecord(
            scheme_name=self.scheme_name,
            key_fingerprint=bytes.fromhex(self.fingerprint),
            parameters=parameters_to_dict(self.parameters),
            can_encrypt=self.can_encrypt,
            native=self._native_bytes(),
        )
        return seal_message(record)

    def for_evaluation(self) -> "PublicKey":
        """The part that a server needs: it adds and multiplies, and cannot encrypt. The same object at each call."""
        if self._evaluation_part is None:
            self._evaluation_part = self._reduced(evaluation_keys=True)
        return self._evaluation_part

    def for_loading(self) -> "PublicKey":
        """The part that a recipient needs: it loads and adds up ciphertexts, and holds no key of any kind. The same
        object at each call."""
        if self._loading_part is None:
            self._loading_part = self._reduced(evaluation_keys=False)
        return self._loading_part

    @classmethod
    @abstractmethod
    def from_record(cls, record: PublicKeyRecord, parameters: Parameters) -> "PublicKey":
        """The key of parameters that fit the scheme and are secure enough: load_public_key() has checked that.

        Raises DamagedBytes where the native key is not what the record says, SecretKeyFound.
        """

    @abstractmethod
    def _reduced(self, evaluation_keys: bool) -> "PublicKey":
        """This key without the encryption key, and with the evaluation keys that there are or without them."""
