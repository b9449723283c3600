"""What the adapter of a library implements, and what the operators of a ciphertext ask of the key that it is under."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from he_helpers.parameters import Parameters
from he_helpers.parameters.sets import CHECK_SLOTS
from he_helpers.schemes.catalogue import SCHEMES


class SchemeAdapter(ABC):
    """A key's own calls of its library, behind one set of names for all libraries.

    They take and give the library's objects (``native``, ``a``, ``b``), check nothing that an operator of Ciphertext
    has checked, and are called by this package alone. What a scheme does not have need not be implemented.

    Attributes: ``scheme_name``, and what the catalogue says of it, ``catalogue_entry``; ``parameters``; ``fingerprint``
    (32 hexadecimal characters); ``slot_count`` (numbers in one ciphertext); ``capacity`` (largest absolute value of a
    slot); ``exact`` (integers, not reals); ``can_encrypt`` (False for the part that is made for evaluation only);
    ``consumption_limit`` (what ``consumed`` of a ciphertext may become) and ``fresh_consumption`` (what it is when
    fresh); ``largest_native`` and ``largest_compact`` (bytes).
    """

    scheme_name: str

    def __init__(self, parameters: Parameters, fingerprint: str, can_encrypt: bool) -> None:
        self.catalogue_entry = SCHEMES[self.scheme_name]
        self.exact = self.catalogue_entry.exact
        self.parameters = parameters
        self.fingerprint = fingerprint
        self.can_encrypt = can_encrypt
        self.slot_count = parameters.slot_count
        self.capacity = parameters.capacity
        self.consumption_limit = self._consumption_limit()
        self.fresh_consumption = self._fresh_consumption()
        self.largest_native = self._largest_native()
        self.largest_compact = self._largest_compact()

    def _is_possible_consumption(self, consumed: float) -> bool:
        """Whether a ciphertext can have used up this much; NaN cannot."""
        return self.fresh_consumption <= consumed <= self.consumption_limit

    def _padding(self, length: int) -> int:
        return min(CHECK_SLOTS, self.slot_count - length)

    def _largest_native(self) -> int:
        """An upper bound of a serialised ciphertext in bytes; longer ones are refused unread."""
        return self._native_size(0) + 1024

    def _largest_compact(self) -> int:
        """The same for the shorter serialisation, of one polynomial in place of two; 0 where the scheme has none."""
        return self.largest_native // 2

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
