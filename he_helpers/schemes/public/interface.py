"""What every scheme offers on the public side: encrypting, evaluating, serialising. No secret key is known here.

A Ciphertext is a vector of numbers in the slots (BFV, CKKS) or lanes (Paillier) of one ciphertext of a library. Next
to the library's object it carries what the libraries do not watch: whose key it is under, how many slots are in use,
how large a slot can have become, and how much of the noise budget or of the levels is used up. Every operation checks
these before the library computes, because the libraries themselves wrap around, mix keys and pass noise in silence.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from he_helpers.errors import HEError
from he_helpers.parameters import Parameters, parameters_from_dict, parameters_to_dict, share
from he_helpers.parameters.sets import CHECK_SLOTS
from he_helpers.schemes.envelope import open_envelope, seal_envelope
from he_helpers.schemes.errors import (
    DamagedBytes,
    DepthExhausted,
    KeyMismatch,
    ShapeMismatch,
    UnsupportedOperation,
    ValueOutOfRange,
    WrongKind,
)

DEFAULT_TERMS = 1024


class Encryptor(ABC):
    """What encrypts under one key pair: its public key, which anyone may have, or its secret key, in half the bytes.

    ``public`` is the public key of the pair, under which the ciphertexts are.
    """

    public: "PublicKey"

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


class PublicKey(Encryptor):
    """Encrypts and evaluates under one key pair. Holds no secret, and refuses bytes that contain one.

    Attributes: ``scheme_name``; ``parameters``; ``fingerprint`` (32 hexadecimal characters); ``slot_count``
    (numbers in one ciphertext); ``capacity`` (largest absolute value of a slot); ``exact`` (integers, not reals);
    ``can_encrypt`` (False for the part that is made for evaluation only).
    """

    scheme_name: str
    parameters_class: type[Parameters]
    exact: bool
    # Which of the operators below the scheme has at all, and who has the others: for the error message.
    operations: frozenset[str]
    alternatives: dict[str, str] = {}

    def __init__(self, parameters: Parameters, fingerprint: str, can_encrypt: bool) -> None:
        self.parameters = parameters
        self.fingerprint = fingerprint
        self.can_encrypt = can_encrypt
        self._evaluation_part: PublicKey | None = None
        self._loading_part: PublicKey | None = None
        self.slot_count = self._slot_count()
        self.capacity = self._capacity()
        self.consumption_limit = self._consumption_limit()
        self.fresh_consumption = self._fresh_consumption()
        self.largest_native = self._largest_native()

    @property
    def public(self) -> "PublicKey":
        """This key itself. As an attribute it would be a cycle, which keeps a dropped key's megabytes for a while."""
        return self

    def __repr__(self) -> str:
        use = "encryption and evaluation" if self.can_encrypt else "evaluation only"
        return f"PublicKey({self.scheme_name}, fingerprint {self.fingerprint[:8]}, {self.slot_count} slots, {use})"

    def encrypt(self, values: Any, terms: int = DEFAULT_TERMS) -> "Ciphertext":
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
        return self._checked(values, bound, f"its share of a sum of {terms} ciphertexts"), bound

    def _fresh(self, length: int, bound: float, native: Any, compact: bytes | None = None) -> "Ciphertext":
        """A ciphertext that was just encrypted."""
        return Ciphertext(self, native, length, self._padding(length), bound, self.fresh_consumption, compact)

    def share(self, terms: int) -> int | float:
        """The largest absolute value that encrypt(values, terms) takes: the capacity of a slot, shared by the terms."""
        return share(self.capacity, terms)

    def add_up(self, ciphertexts: Sequence["Ciphertext"]) -> "Ciphertext":
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
                raise _two_keys(self, ciphertext.key)
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

    def load_ciphertext(self, data: bytes) -> "Ciphertext":
        """Read a ciphertext of this key from its envelope. Raises what ciphertext_from_fields raises."""
        return self.ciphertext_from_fields(open_envelope(data, "ciphertext"))

    def ciphertext_from_fields(self, fields: object) -> "Ciphertext":
        """The inverse of Ciphertext.to_fields.

        Raises DamagedBytes, or KeyMismatch when they name another key or scheme; both before the library's parser runs.
        """
        if not (
            isinstance(fields, list)
            and len(fields) == 7
            and isinstance(fields[1], bytes)
            and isinstance(fields[6], bytes)
        ):
            raise DamagedBytes("The fields of this ciphertext do not fit this version of he_helpers.")
        scheme_name, fingerprint, length, padding, bound, consumed, native = fields
        if scheme_name != self.scheme_name or fingerprint.hex() != self.fingerprint:
            raise KeyMismatch(
                f"This ciphertext belongs to key {fingerprint.hex()[:8]} ({scheme_name!s:.20}), and the key at hand is "
                f"{self.fingerprint[:8]} ({self.scheme_name})."
            )
        if not (
            type(length) is int
            and type(padding) is int
            and 1 <= length <= self.slot_count
            and 0 <= padding <= self.slot_count - length
            and 0 <= (bound := _read_bound(bound)) <= self.capacity
            and type(consumed) in (int, float)
            and self._is_possible_consumption(consumed)
            and 0 < len(native) <= self.largest_native
        ):
            raise DamagedBytes("The description of this ciphertext is outside what its key allows.")
        loaded = self._load(native, length + padding, consumed)
        compact = native if len(native) < 3 / 4 * self._native_size(consumed) else None
        return Ciphertext(self, loaded, length, padding, bound, consumed, compact)

    def to_bytes(self) -> bytes:
        """The key in its envelope."""
        fields = [
            self.scheme_name,
            bytes.fromhex(self.fingerprint),
            parameters_to_dict(self.parameters),
            self.can_encrypt,
            self._native_bytes(),
        ]
        return seal_envelope("public key", fields)

    def _checked(self, values: Any, bound: float, why: str) -> np.ndarray:
        """A 1-D array (int64 or object integers, float64 for CKKS) whose values survive encryption, without gaps."""
        try:
            vector = np.asarray(values)
        except ValueError:
            raise ShapeMismatch("A vector of numbers is encrypted at a time, not lists of several lengths.") from None
        if np.ma.is_masked(values):
            raise ValueOutOfRange("A masked value cannot be encrypted. Drop or fill missing values first.")
        if vector.ndim != 1 or vector.size == 0:
            raise ShapeMismatch(
                f"A vector of 1 to {self.slot_count} numbers is encrypted at a time; this has shape {vector.shape}."
            )
        if vector.size > self.slot_count:
            raise ShapeMismatch(
                f"{vector.size} values do not fit into {self.slot_count} slots: split the vector into several."
            )
        if vector.dtype == np.uint64 or vector.dtype == object and all(
            isinstance(value, (int, np.integer)) for value in vector
        ):
            vector = np.array([int(value) for value in vector], dtype=object)
        elif vector.dtype.kind in "bui":
            # The narrower types of numpy would wrap around at a change of sign.
            vector = vector.astype(np.int64, copy=False)
        elif vector.dtype.kind != "f":
            raise ValueOutOfRange(f"Numbers are encrypted; these values are of type {vector.dtype}.")
        if vector.dtype.kind == "f":
            if not np.isfinite(vector).all():
                raise ValueOutOfRange(
                    "NaN or infinity cannot be encrypted. Drop or mask missing values first; "
                    f"the first one is at position {int(np.flatnonzero(~np.isfinite(vector))[0])}."
                )
            if self.exact:
                raise ValueOutOfRange(
                    f"{self.scheme_name} encrypts integers, and these are floats. Scale them to fixed-point integers "
                    "(EncryptedTable does so with decimals=) and keep the factor in mind after decryption."
                )
        low, high = (limit.item() if hasattr(limit, "item") else limit for limit in (vector.min(), vector.max()))
        if high > bound or low < -bound:
            raise ValueOutOfRange(
                f"The value {high if high > bound else low} exceeds {_words(bound)}, {why} "
                f"(a slot of {self.scheme_name} holds at most {_words(self.capacity)}). Use fewer decimals, "
                "announce fewer terms, or choose parameters with more room."
            )
        # Pyfhel reads the memory of an array as if the numbers lay side by side, and takes no read-only one.
        return np.require(vector, None if self.exact else np.float64, ["C", "ALIGNED", "WRITEABLE"])

    def _is_possible_consumption(self, consumed: float) -> bool:
        """Whether a ciphertext can have used up this much; NaN cannot."""
        return self.fresh_consumption <= consumed <= self.consumption_limit

    def _require(self, operation: str) -> None:
        if operation not in self.operations:
            elsewhere = self.alternatives.get(operation, "none of the other schemes here")
            raise UnsupportedOperation(f"{self.scheme_name} has no {operation}. It is offered by: {elsewhere}.")

    def _padding(self, length: int) -> int:
        return min(CHECK_SLOTS, self.slot_count - length)

    def _largest_native(self) -> int:
        """An upper bound of a serialised ciphertext in bytes; longer ones are refused unread."""
        return self._native_size(0) + 1024

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

    # What an adapter implements. ``native`` is the library's ciphertext.
    @classmethod
    @abstractmethod
    def from_fields(cls, fields: "PublicKeyFields") -> "PublicKey":
        """The key of parameters that fit the scheme and are secure enough: load_public_key() has checked that.

        Raises DamagedBytes where the native key is not what the fields say, SecretKeyFound.
        """

    @abstractmethod
    def _reduced(self, evaluation_keys: bool) -> "PublicKey":
        """This key without the encryption key, and with the evaluation keys that there are or without them."""

    @abstractmethod
    def _slot_count(self) -> int: ...
    @abstractmethod
    def _capacity(self) -> int | float: ...
    @abstractmethod
    def _consumption_limit(self) -> float: ...
    @abstractmethod
    def _fresh_consumption(self) -> float: ...
    @abstractmethod
    def _native_size(self, consumed: float) -> int:
        """Bytes of a serialised ciphertext with both of its polynomials, about."""

    @abstractmethod
    def _native_bytes(self) -> bytes: ...
    @abstractmethod
    def _encrypt(self, vector: np.ndarray) -> Any: ...
    @abstractmethod
    def _load(self, data: bytes, size: int, consumed: float) -> Any:
        """The library's ciphertext of ``size`` slots. Raises DamagedBytes, too, where it is of another form, scale or
        level than ``consumed`` says: the libraries align, or refuse only at the first operation."""

    @abstractmethod
    def _serialise(self, native: Any) -> bytes: ...
    @abstractmethod
    def _add(self, a: Any, b: Any) -> Any: ...
    @abstractmethod
    def _subtract(self, a: Any, b: Any) -> Any: ...
    @abstractmethod
    def _add_plain(self, a: Any, vector: np.ndarray) -> Any: ...
    @abstractmethod
    def _negate(self, a: Any) -> Any: ...
    @abstractmethod
    def _multiply_plain(self, a: Any, factor: np.ndarray | int | float) -> Any: ...

    def _multiply(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def _protected(self, native: Any) -> Any:
        """The second operand beside one that has fewer levels left: a copy where the library changes it in place."""
        return native

    def _sum(self, a: Any, size: int) -> Any:
        raise NotImplementedError

    def _rotate(self, a: Any, steps: int) -> Any:
        raise NotImplementedError

    def _matrix_product(self, a: Any, matrix: np.ndarray) -> Any:
        raise NotImplementedError

    # How the noise budget or the levels are used up.
    @abstractmethod
    def _consumed_by_sum(self, a: float, b: float) -> float: ...
    @abstractmethod
    def _consumed_by_independent_sum(self, terms: int) -> float: ...
    @abstractmethod
    def _consumed_by_plain_product(self, a: float, factor: float, is_vector: bool) -> float: ...

    def _consumed_by_product(self, a: float, b: float) -> float:
        raise NotImplementedError

    def _consumed_by_sum_of_slots(self, a: float) -> float:
        raise NotImplementedError

    def _consumed_by_rotation(self, a: float) -> float:
        raise NotImplementedError

    @abstractmethod
    def _consumption_words(self, consumed: float) -> str:
        """What is used up and what there was, for an error message."""


class Ciphertext:
    """An encrypted vector of ``len()`` numbers under one key, with the operators of its scheme.

    ``bound`` is the largest absolute value that a slot can hold by declaration, not by looking at the data.
    ``consumed`` counts what operations used up: noise (BFV), levels (CKKS), nothing (Paillier).
    ``compact`` is the shorter serialisation that a ciphertext from SecretKey.encrypt has until it is evaluated: what an
    operation gives has none. None for any other ciphertext.
    """

    __slots__ = ("key", "native", "length", "padding", "bound", "consumed", "compact")
    # numpy leaves ``array * ciphertext`` to the operators here, instead of multiplying element by element.
    __array_ufunc__ = None

    def __init__(
        self,
        key: PublicKey,
        native: Any,
        length: int,
        padding: int,
        bound: float,
        consumed: float,
        compact: bytes | None = None,
    ) -> None:
        self.key = key
        self.native = native
        self.length = length
        self.padding = padding
        self.bound = bound
        self.consumed = consumed
        self.compact = compact

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"Ciphertext({self.key.scheme_name}, {self.length} values, key {self.key.fingerprint[:8]})"

    def __add__(self, other: Any) -> "Ciphertext":
        """The sum with a ciphertext of the same key and length, a number, or a vector of ``len(self)`` numbers.

        Needs no evaluation keys. Raises KeyMismatch, ShapeMismatch, ValueOutOfRange (the sum could pass the capacity; a
        fraction in an exact scheme) and DepthExhausted (BFV: the noise of many sums).
        """
        if other.__class__ is not Ciphertext:
            return self._plus_plain(other, 1)
        key = self.key
        if (
            other.key is key or other.key.fingerprint == key.fingerprint
        ) and other.length == self.length:
            bound = self.bound + other.bound
            consumed = key._consumed_by_sum(self.consumed, other.consumed)
            if bound <= key.capacity and consumed <= key.consumption_limit:
                padding = self.padding if self.padding < other.padding else other.padding
                native = computed("sum", key._add, self.native, other._operand_beside(self))
                return Ciphertext(key, native, self.length, padding, bound, consumed)
        raise self._why_not(other, self.bound + other.bound)

    def __radd__(self, other: Any) -> "Ciphertext":
        # sum() starts with 0, and a ciphertext plus nothing is itself.
        return self if other.__class__ is int and other == 0 else self._plus_plain(other, 1)

    def __sub__(self, other: Any) -> "Ciphertext":
        """The difference. Takes and raises what the sum does."""
        if other.__class__ is not Ciphertext:
            return self._plus_plain(other, -1)
        self._check_pair(other, self.bound + other.bound)
        key = self.key
        consumed = self._checked_consumption(key._consumed_by_sum(self.consumed, other.consumed), "subtraction")
        padding = min(self.padding, other.padding)
        native = computed("difference", key._subtract, self.native, other._operand_beside(self))
        return Ciphertext(key, native, self.length, padding, self.bound + other.bound, consumed)

    def __rsub__(self, other: Any) -> "Ciphertext":
        """A number or a vector minus this ciphertext. Takes and raises what the sum does."""
        return (-self)._plus_plain(other, 1)

    def __neg__(self) -> "Ciphertext":
        """The negative, which uses up nothing."""
        native = computed("negation", self.key._negate, self.native)
        return Ciphertext(self.key, native, self.length, self.padding, self.bound, self.consumed)

    def __mul__(self, other: Any) -> "Ciphertext":
        """The product, slot by slot, with a number, a vector of ``len(self)`` numbers, or a ciphertext of the same key.

        Every scheme multiplies by a number; Paillier by no vector; BFV and CKKS by ciphertexts, which needs
        relinearisation keys. Under CKKS each product uses up a level, under BFV it multiplies the noise.

        Raises UnsupportedOperation, KeyMismatch, ShapeMismatch, ValueOutOfRange (the product could pass the capacity)
        and DepthExhausted.
        """
        return self._times(other) if other.__class__ is Ciphertext else self._times_plain(other)

    __rmul__ = __mul__

    def sum(self) -> "Ciphertext":
        """The sum of all slots, as a ciphertext of one value. Needs Galois keys.

        Raises UnsupportedOperation (Paillier; no Galois keys; after a rotation), ValueOutOfRange (the sum could pass
        the capacity) and DepthExhausted.
        """
        key = self.key
        key._require("sum of slots")
        if self.length == 1:
            # The libraries would add the other slots, in which an earlier sum leaves its total or parts of it.
            return self
        if "rotation" in key.operations and not self.padding and self.length < key.slot_count:
            raise UnsupportedOperation(
                "After a rotation the unused slots hold numbers, too, and a sum of slots would count them. Sum the "
                "slots first, or rotate ciphertexts that use every slot."
            )
        bound = self.bound * self.length
        if bound > key.capacity:
            raise self._overflow(bound)
        consumed = self._checked_consumption(key._consumed_by_sum_of_slots(self.consumed), "sum of slots")
        native = computed("sum of slots", key._sum, self.native, self.length + self.padding)
        return Ciphertext(key, native, 1, 0, bound, consumed)

    def rotate(self, steps: int) -> "Ciphertext":
        """The slots moved by ``steps`` to the left, to the right if negative: slot i gets what slot i + steps held.

        CKKS turns all its slots in one circle; BFV turns two, the first half of its slots and the second. What leaves a
        circle at one end enters it at the other, so that the unused slots need no longer hold zeros. Needs the Galois
        key of exactly these steps.

        Raises ShapeMismatch for steps that do not fit the circle, UnsupportedOperation and DepthExhausted.
        """
        key = self.key
        key._require("rotation")
        circle = key.slot_count // 2 if key.exact else key.slot_count
        if not isinstance(steps, (int, np.integer)) or not 0 < abs(steps) < circle:
            raise ShapeMismatch(f"A rotation takes 1 to {circle - 1} steps to the left, or negative ones to the right.")
        consumed = self._checked_consumption(key._consumed_by_rotation(self.consumed), "rotation")
        native = computed("rotation", key._rotate, self.native, int(steps))
        return Ciphertext(key, native, self.length, 0, self.bound, consumed)

    def __matmul__(self, matrix: Any) -> "Ciphertext":
        """This row vector times a plaintext matrix of shape (len(self), m): m values. TenSEAL's CKKS alone.

        Needs Galois keys and the whole public key, and uses up a level. Raises UnsupportedOperation, ShapeMismatch,
        ValueOutOfRange (NaN or infinity in the matrix; a sum that could pass the capacity) and DepthExhausted.
        """
        key = self.key
        key._require("product with a matrix")
        try:
            matrix = np.asarray(matrix, dtype=np.float64)
        except (TypeError, ValueError):
            raise ShapeMismatch("A matrix of numbers is needed, all of its rows of one length.") from None
        if matrix.ndim != 2 or matrix.shape[0] != self.length or not 1 <= matrix.shape[1] <= key.slot_count:
            raise ShapeMismatch(f"A matrix of shape ({self.length}, m) is needed, not {matrix.shape}.")
        if not np.isfinite(matrix).all():
            raise ValueOutOfRange("The matrix holds NaN or infinity.")
        bound = self.bound * max(1.0, float(np.abs(matrix).sum(axis=0).max()))
        if bound > key.capacity:
            raise self._overflow(bound)
        consumed = self._checked_consumption(key._consumed_by_plain_product(self.consumed, 1, True), "matrix product")
        padded = np.vstack([matrix, np.zeros((self.padding, matrix.shape[1]))])
        native = computed("matrix product", key._matrix_product, self.native, padded)
        return Ciphertext(key, native, matrix.shape[1], 0, bound, consumed)

    def assuming(self, bound: float) -> "Ciphertext":
        """The same ciphertext with another declared bound, for values that are known to keep it.

        The operators add up and multiply bounds, which overestimates where values are related: 1 - x keeps within 1
        for x from 0 to 2, and the operators say 3. A larger bound than theirs is always true, and hides what theirs
        would tell about a secret factor. Nothing checks a smaller one before decryption. TenSEAL repeats a short CKKS
        vector through the unused slots, where adding a plaintext does not reach: these copies must keep the bound, too,
        or be cleared by a first product with a vector.

        Raises ValueOutOfRange for a bound that is negative, not a number, or above the capacity.
        """
        if isinstance(bound, np.integer):
            bound = int(bound)
        if not 0 <= bound <= self.key.capacity or self.key.exact and not isinstance(bound, int):
            kind = "an integer" if self.key.exact else "a number"
            raise ValueOutOfRange(
                f"A bound is {kind} from 0 to the capacity of a slot, {_words(self.key.capacity)}, not {bound!r}."
            )
        bound = bound if self.key.exact else float(bound)
        return Ciphertext(self.key, self.native, self.length, self.padding, bound, self.consumed, self.compact)

    def to_bytes(self) -> bytes:
        """The ciphertext in an envelope of its own."""
        return seal_envelope("ciphertext", self.to_fields())

    def to_fields(self) -> list:
        """For an envelope: scheme, fingerprint of the key, shape, bound, consumption, and the library's bytes."""
        key = self.key
        return [
            key.scheme_name,
            bytes.fromhex(key.fingerprint),
            self.length,
            self.padding,
            _write_bound(self.bound),
            self.consumed,
            self.compact or key._serialise(self.native),
        ]

    def _times(self, other: "Ciphertext") -> "Ciphertext":
        key = self.key
        key._require("product of ciphertexts")
        bound = self.bound * other.bound
        self._check_pair(other, bound)
        consumed = key._consumed_by_product(self.consumed, other.consumed)
        self._checked_consumption(consumed, "product of ciphertexts")
        native = computed("product", key._multiply, self.native, other._operand_beside(self))
        return Ciphertext(key, native, self.length, min(self.padding, other.padding), bound, consumed)

    def _plus_plain(self, other: Any, sign: int) -> "Ciphertext":
        key = self.key
        if np.ndim(other) == 0:
            other = [other] * self.length
        vector = key._checked(other, key.capacity - self.bound, "the room that is left in the ciphertext") * sign
        if len(vector) != self.length:
            raise ShapeMismatch(f"{len(vector)} values cannot be added to {self.length} encrypted ones.")
        bound = self.bound + max(abs(value) for value in vector.tolist())
        native = computed("sum", key._add_plain, self.native, self._padded(vector))
        return Ciphertext(key, native, self.length, self.padding, bound, self.consumed)

    def _times_plain(self, other: Any) -> "Ciphertext":
        key = self.key
        is_vector = np.ndim(other) > 0
        key._require("product with a vector" if is_vector else "product with a number")
        vector = key._checked(other if is_vector else [other], key.capacity, "the largest factor")
        if is_vector and len(vector) != self.length:
            raise ShapeMismatch(f"{self.length} encrypted values cannot be multiplied by {len(vector)} others.")
        largest = max(abs(v) for v in vector.tolist())
        bound = self.bound * (max(1, largest) if key.exact else largest)
        if bound > key.capacity:
            raise self._overflow(bound)
        consumed = key._consumed_by_plain_product(self.consumed, largest, is_vector)
        self._checked_consumption(consumed, "product with a plaintext")
        factor = self._padded(vector) if is_vector else vector.tolist()[0]
        native = computed("product", key._multiply_plain, self.native, factor)
        return Ciphertext(key, native, self.length, self.padding, bound, consumed)

    def _operand_beside(self, first: "Ciphertext") -> Any:
        """This ciphertext as the second operand beside ``first``: a copy where the library would change it."""
        return self.native if self.consumed >= first.consumed else self.key._protected(self.native)

    def _padded(self, vector: np.ndarray) -> np.ndarray:
        return np.concatenate([vector, np.zeros(self.padding, dtype=vector.dtype)]) if self.padding else vector

    def _check_pair(self, other: "Ciphertext", bound: float) -> None:
        if (
            other.key.fingerprint != self.key.fingerprint
            or other.length != self.length
            or bound > self.key.capacity
        ):
            raise self._why_not(other, bound)

    def _checked_consumption(self, consumed: float, operation: str) -> float:
        if consumed > self.key.consumption_limit:
            raise DepthExhausted(
                f"No room for one more {operation}: {self.key._consumption_words(self.consumed)}. "
                "Choose parameters with a longer coefficient modulus, or do fewer products one after the other."
            )
        return consumed

    def _overflow(self, bound: float) -> ValueOutOfRange:
        return ValueOutOfRange(
            f"The result could reach {_words(bound)} in a slot, and {self.key.scheme_name} holds at most "
            f"{_words(self.key.capacity)} before it silently wraps around. Announce the number of terms when "
            "encrypting, or choose parameters with more room."
        )

    def _why_not(self, other: "Ciphertext", bound: float) -> Exception:
        if other.key.fingerprint != self.key.fingerprint:
            return _two_keys(self.key, other.key)
        if other.length != self.length:
            return ShapeMismatch(f"Ciphertexts of {self.length} and of {other.length} values cannot be combined.")
        if bound > self.key.capacity:
            return self._overflow(bound)
        return DepthExhausted(f"No room for one more addition: {self.key._consumption_words(self.consumed)}.")


def _two_keys(one: PublicKey, other: PublicKey) -> KeyMismatch:
    return KeyMismatch(
        f"Ciphertexts of two keys cannot be combined: {one.fingerprint[:8]} ({one.scheme_name}) and "
        f"{other.fingerprint[:8]} ({other.scheme_name})."
    )


# What C++ exceptions become in TenSEAL and in Pyfhel, and what gmpy2 raises.
LIBRARY_ERRORS = (ValueError, RuntimeError, IndexError, ArithmeticError)


def computed(result: str, operation: Callable[..., Any], *operands: Any) -> Any:
    """What the library's ``operation`` gives; whatever it raises instead becomes an HEError."""
    try:
        return operation(*operands)
    except HEError:
        raise
    except LIBRARY_ERRORS as error:
        raise _library_refusal(result, error) from None


def _library_refusal(result: str, error: Exception) -> HEError:
    if "transparent" not in str(error):
        return UnsupportedOperation(f"The library refuses this {result}: {error}.")
    return ValueOutOfRange(
        f"This {result} is zero whatever is encrypted (a ciphertext minus itself, or times zero), and everyone could "
        "see that without a key; the library refuses it. Leave the term out."
    )


def _words(number: float) -> str:
    """All digits: two numbers that differ read differently."""
    return f"{int(number) if number == number // 1 else number:,}"


def _write_bound(bound: float) -> bytes | float:
    # Lanes may be wider than the 64 bits that msgpack has for integers.
    return bound.to_bytes((bound.bit_length() + 7) // 8, "big") if isinstance(bound, int) else bound


def _read_bound(field: Any) -> float:
    if isinstance(field, bytes):
        return int.from_bytes(field, "big")
    return field if isinstance(field, float) else -1


@dataclass(frozen=True)
class PublicKeyFields:
    """What the envelope of a public key holds; ``native`` is the library's serialisation."""

    scheme_name: str
    fingerprint: str
    parameters: Parameters
    can_encrypt: bool
    native: bytes


def read_public_key_fields(data: bytes) -> PublicKeyFields:
    """Open the envelope of a public key. Raises DamagedBytes and InvalidParameters; the library sees nothing of it."""
    fields = open_envelope(data, "public key")
    kinds = (str, bytes, dict, bool, bytes)
    if len(fields) != len(kinds) or not all(isinstance(f, k) for f, k in zip(fields, kinds, strict=True)):
        raise DamagedBytes("The fields of this public key do not fit: make it again with this version of he_helpers.")
    scheme_name, fingerprint, parameters, can_encrypt, native = fields
    if len(fingerprint) != 16:
        raise DamagedBytes("The fingerprint of this public key has a wrong length.")
    return PublicKeyFields(scheme_name, fingerprint.hex(), parameters_from_dict(parameters), can_encrypt, native)
