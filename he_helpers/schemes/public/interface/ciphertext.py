"""A ciphertext, and the operators that compute on it.

It is a vector of numbers in the slots (BFV, CKKS) or lanes (Paillier) of one ciphertext of a library. Next to the
library's object it carries what the libraries do not watch: whose key it is under, how many slots are in use, how large
a slot can have become, and how much of the noise budget or of the levels is used up. Every operation checks these
before the library computes, because the libraries themselves wrap around, mix keys and pass noise in silence.
"""

from typing import Any

import numpy as np

from he_helpers.schemes.errors import DepthExhausted, KeyMismatch, ShapeMismatch, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.library_errors import computed
from he_helpers.schemes.public.interface.adapter import SchemeAdapter
from he_helpers.schemes.public.interface.records import CiphertextRecord, write_bound
from he_helpers.schemes.public.interface.values import checked_values, digits, largest_magnitude
from he_helpers.schemes.records import seal_message


class Ciphertext:
    """An encrypted vector of ``len()`` numbers under one key, with the operators of its scheme.

    Every operator gives a new ciphertext and changes none. What a scheme does not have raises UnsupportedOperation and
    names who has it; whatever the library itself refuses raises UnsupportedOperation or ValueOutOfRange.

    ``key`` is the PublicKey that it is under, or the part of one that loaded it.
    ``native`` is the library's own object: a BFVVector or CKKSVector of TenSEAL, a PyCtxt of Pyfhel, an integer of
    gmpy2 for Paillier. What is computed on it directly passes by all checks here.
    ``length`` and ``padding`` count the slots in use and those behind them that must decrypt as zeros.
    ``bound`` is the largest absolute value that a slot can hold by declaration, not by looking at the data.
    ``consumed`` counts what operations used up: noise (BFV), levels (CKKS), nothing (Paillier).
    ``compact`` is the shorter serialisation that a ciphertext from SecretKey.encrypt has until it is evaluated: what an
    operation gives has none. None for any other ciphertext.
    """

    # A PublicKey, which stands above this module; here no more than its SchemeAdapter is asked.
    key: Any
    __slots__ = ("key", "native", "length", "padding", "bound", "consumed", "compact")
    # numpy leaves ``array * ciphertext`` to the operators here, instead of multiplying element by element.
    __array_ufunc__ = None

    def __init__(
        self,
        key: SchemeAdapter,
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

        Every scheme has it. It needs no evaluation keys. Under CKKS it uses up no level: the sum has as many left as
        the ciphertext with fewer. Under BFV the noise of both adds up. Adding numbers uses up nothing.

        Raises KeyMismatch (ciphertexts of two keys), ShapeMismatch (other lengths), ValueOutOfRange (the sum could pass
        the capacity; NaN, infinity; a fraction in an exact scheme) and DepthExhausted (BFV: the noise of many sums).
        """
        if other.__class__ is not Ciphertext:
            return self._plus_plain(other, 1)
        key = self.key
        if (other.key is key or other.key.fingerprint == key.fingerprint) and other.length == self.length:
            bound = self.bound + other.bound
            consumed = key._consumed_by_sum(self.consumed, other.consumed)
            if bound <= key.capacity and consumed <= key.consumption_limit:
                padding = self.padding if self.padding < other.padding else other.padding
                native = computed("sum", key._add, self.native, other._operand_beside(self))
                return Ciphertext(key, native, self.length, padding, bound, consumed)
        raise self._why_not(other, self.bound + other.bound)

    def __radd__(self, other: Any) -> "Ciphertext":
        """A number or a vector plus this ciphertext. Takes, needs and raises what the sum does."""
        # sum() starts with 0, and a ciphertext plus nothing is itself.
        return self if other.__class__ is int and other == 0 else self._plus_plain(other, 1)

    def __sub__(self, other: Any) -> "Ciphertext":
        """The difference. Takes, needs, uses up and raises what the sum does, since bounds and noise add up as well.

        A ciphertext minus itself raises ValueOutOfRange under BFV and CKKS: everyone could see that it is zero.
        """
        if other.__class__ is not Ciphertext:
            return self._plus_plain(other, -1)
        self._check_pair(other, self.bound + other.bound)
        key = self.key
        consumed = self._checked_consumption(key._consumed_by_sum(self.consumed, other.consumed), "subtraction")
        padding = min(self.padding, other.padding)
        native = computed("difference", key._subtract, self.native, other._operand_beside(self))
        return Ciphertext(key, native, self.length, padding, self.bound + other.bound, consumed)

    def __rsub__(self, other: Any) -> "Ciphertext":
        """A number or a vector minus this ciphertext. Takes, needs and raises what the sum does."""
        return (-self)._plus_plain(other, 1)

    def __neg__(self) -> "Ciphertext":
        """The negative. Every scheme has it; it needs no evaluation keys, uses up nothing and keeps the bound."""
        native = computed("negation", self.key._negate, self.native)
        return Ciphertext(self.key, native, self.length, self.padding, self.bound, self.consumed)

    def __mul__(self, other: Any) -> "Ciphertext":
        """The product, slot by slot, with a number, a vector of ``len(self)`` numbers, or a ciphertext of the same key.

        Every scheme multiplies by a number, and all but Paillier by a vector and by a ciphertext of the same length. A
        product of ciphertexts needs relinearisation keys; one with numbers needs no keys. Under CKKS each product, also
        with a number, uses up a level. Under BFV a number multiplies the noise by its absolute value, a vector or a
        ciphertext by more than the plaintext modulus.

        Raises UnsupportedOperation (no such product, no relinearisation keys), KeyMismatch, ShapeMismatch (other
        lengths), ValueOutOfRange (the product could pass the capacity; NaN, infinity; a fraction in an exact scheme;
        times zero in BFV and in Pyfhel's CKKS, which everyone could see) and DepthExhausted (no level or noise left).
        """
        return self._times(other) if other.__class__ is Ciphertext else self._times_plain(other)

    __rmul__ = __mul__

    def sum(self) -> "Ciphertext":
        """The sum of all slots, as a ciphertext of one value.

        BFV and CKKS have it. It needs Galois keys for every power of two and no level; under BFV its noise is that of
        as many sums as the ring has slots. A ciphertext of one value is given back as it is.

        Raises UnsupportedOperation (Paillier; no Galois keys; after a rotation; more than half of the slots in
        TenSEAL's BFV), ValueOutOfRange (the sum could pass the capacity) and DepthExhausted.
        """
        key = self.key
        key.catalogue_entry.require("sum of slots")
        if self.length == 1:
            # The libraries would add the other slots, in which an earlier sum leaves its total or parts of it.
            return self
        if "rotation" in key.catalogue_entry.operations and not self.padding and self.length < key.slot_count:
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
        circle at one end enters it at the other, so that the unused slots need no longer hold zeros.

        Pyfhel has it. It needs the Galois key of exactly these steps and no level; under BFV it adds a little noise.

        Raises UnsupportedOperation (Paillier, TenSEAL; no such Galois key), ShapeMismatch (steps that do not fit the
        circle) and DepthExhausted.
        """
        key = self.key
        key.catalogue_entry.require("rotation")
        circle = key.slot_count // 2 if key.exact else key.slot_count
        if not isinstance(steps, (int, np.integer)) or not 0 < abs(steps) < circle:
            raise ShapeMismatch(f"A rotation takes 1 to {circle - 1} steps to the left, or negative ones to the right.")
        consumed = self._checked_consumption(key._consumed_by_rotation(self.consumed), "rotation")
        native = computed("rotation", key._rotate, self.native, int(steps))
        return Ciphertext(key, native, self.length, 0, self.bound, consumed)

    def __matmul__(self, matrix: Any) -> "Ciphertext":
        """This row vector times a plaintext matrix of shape (len(self), m): m values.

        TenSEAL's CKKS alone has it. It needs Galois keys and the whole public key, and uses up a level.

        Raises UnsupportedOperation (another scheme; no Galois keys; a key for evaluation only), ShapeMismatch (another
        shape), ValueOutOfRange (NaN or infinity in the matrix; a sum that could pass the capacity) and DepthExhausted.
        """
        key = self.key
        key.catalogue_entry.require("product with a matrix")
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
                f"A bound is {kind} from 0 to the capacity of a slot, {digits(self.key.capacity)}, not {bound!r}."
            )
        bound = bound if self.key.exact else float(bound)
        return Ciphertext(self.key, self.native, self.length, self.padding, bound, self.consumed, self.compact)

    def to_bytes(self) -> bytes:
        """The ciphertext in an envelope of its own."""
        return seal_message(self.to_record())

    def to_record(self) -> CiphertextRecord:
        """For an envelope."""
        key = self.key
        return CiphertextRecord(
            scheme_name=key.scheme_name,
            key_fingerprint=bytes.fromhex(key.fingerprint),
            length=self.length,
            padding=self.padding,
            bound=write_bound(self.bound),
            consumed=self.consumed,
            compact=self.compact is not None,
            native=memoryview(self.compact or key._serialise(self.native)),
        )

    def _times(self, other: "Ciphertext") -> "Ciphertext":
        key = self.key
        key.catalogue_entry.require("product of ciphertexts")
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
        vector = checked_values(key, other, key.capacity - self.bound, "the room that is left in the ciphertext") * sign
        if len(vector) != self.length:
            raise ShapeMismatch(f"{len(vector)} values cannot be added to {self.length} encrypted ones.")
        bound = self.bound + largest_magnitude(vector)
        native = computed("sum", key._add_plain, self.native, self._padded(vector))
        return Ciphertext(key, native, self.length, self.padding, bound, self.consumed)

    def _times_plain(self, other: Any) -> "Ciphertext":
        key = self.key
        is_vector = np.ndim(other) > 0
        key.catalogue_entry.require("product with a vector" if is_vector else "product with a number")
        vector = checked_values(key, other if is_vector else [other], key.capacity, "the largest factor")
        if is_vector and len(vector) != self.length:
            raise ShapeMismatch(f"{self.length} encrypted values cannot be multiplied by {len(vector)} others.")
        largest = largest_magnitude(vector)
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
        if other.key.fingerprint != self.key.fingerprint or other.length != self.length or bound > self.key.capacity:
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
            f"The result could reach {digits(bound)} in a slot, and {self.key.scheme_name} holds at most "
            f"{digits(self.key.capacity)} before it silently wraps around. Announce the number of terms when "
            "encrypting, or choose parameters with more room."
        )

    def _why_not(self, other: "Ciphertext", bound: float) -> Exception:
        if other.key.fingerprint != self.key.fingerprint:
            return two_keys(self.key, other.key)
        if other.length != self.length:
            return ShapeMismatch(f"Ciphertexts of {self.length} and of {other.length} values cannot be combined.")
        if bound > self.key.capacity:
            return self._overflow(bound)
        return DepthExhausted(f"No room for one more addition: {self.key._consumption_words(self.consumed)}.")


def two_keys(one: SchemeAdapter, other: SchemeAdapter) -> KeyMismatch:
    return KeyMismatch(
        f"Ciphertexts of two keys cannot be combined: {one.fingerprint[:8]} ({one.scheme_name}) and "
        f"{other.fingerprint[:8]} ({other.scheme_name})."
    )
