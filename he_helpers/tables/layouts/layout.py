"""What every layout can say: Layout (what was chosen), Packing (a table's numbers), Placement (its sums)."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from he_helpers.errors import HEError
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.tables.labels import Labels


@dataclass(frozen=True)
class Layout(ABC):
    """A frozen dataclass for each kind, whose fields are what can be chosen; the kinds are those of the catalogue.

    ``name`` stands for the kind in messages and in bytes.
    """

    name: ClassVar[str]

    @property
    def groupings(self) -> tuple[tuple[str, ...], ...] | None:
        """Those that it answers sums for; None for any."""
        return None

    @abstractmethod
    def pack(self, labels: Labels, column_count: int, slot_count: int) -> "Packing":
        """Where the numbers of such a table lie.

        Raises UnknownLabel and ShapeMismatch for a layout that does not go with the table.
        """

    @abstractmethod
    def placement(self, column_count: int, group_count: int, slot_count: int, columns: Sequence[int]) -> "Placement":
        """Where the sums of ``columns`` (positions among ``column_count``) lie, for a layout of ``for_answer``."""

    def canonical(self, grouping: tuple[str, ...]) -> tuple[str, ...]:
        """The grouping with its labels in the order of this layout. Raises UnsupportedQuery."""
        return grouping

    def for_answer(self, grouping: tuple[str, ...], largest_group: int) -> "Layout":
        """The layout of an answer: for the sums by ``grouping`` alone, whose largest group has so many rows."""
        return self

    @classmethod
    def advised(cls, grouping: Sequence[str], partial_sums: int) -> Self:
        """The layout of this kind for sums by ``grouping``, as the advice has it."""
        return cls()

    def with_parts(self, parts: int) -> str:
        """In words: what to pass to encrypt, so that slots add up fewer terms, and a sum stays in ``parts`` parts."""
        return f"layout=Aligned(groupings=[[...]], partial_sums={parts})"

    @property
    def fewer_ciphertexts(self) -> str:
        """In words: what to pass to encrypt for fewer ciphertexts."""
        return "layout=Aligned(groupings=[[...]], partial_sums=...)"

    def to_fields(self) -> dict[str, Any]:
        """For an envelope: the name, and each field of the dataclass under its own. Plain data."""
        return {"name": self.name} | {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_fields(cls, given: dict[str, Any]) -> Self:
        """The inverse of to_fields. Raises DamagedBytes for anything that it would not have written."""
        names = {field.name for field in fields(cls)}
        if set(given) != {"name", *names}:
            raise DamagedBytes(f"The fields of the layout {cls.name!r} do not fit this version of he_helpers.")
        try:
            layout = cls(**{name: given[name] for name in names})
        except HEError as error:
            raise DamagedBytes(f"The layout {cls.name!r} of these bytes cannot be: {error}") from None
        if layout.to_fields() != given:
            raise DamagedBytes(f"The layout {cls.name!r} of these bytes is not written as this version writes it.")
        return layout


class SumOfTable(NamedTuple):
    """A kind of sum that a table is asked for: of so many ``ciphertexts``, with so many ``rotations`` after that; and
    ``parts``, the slots that together hold the sum of a group: added up by these rotations, or after decryption."""

    ciphertexts: int
    rotations: int
    parts: int


class Packing(ABC):
    """Where the numbers of a table lie: a layout for given labels, number of columns and slots of a ciphertext.

    ``layout`` names its groupings; ``terms`` is the largest number of terms that one slot of a result adds up,
    ``largest_group`` the number of rows of the largest group, ``ciphertext_count`` the number uploaded.
    """

    layout: Layout
    terms: int
    largest_group: int
    ciphertext_count: int

    @abstractmethod
    def vectors(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """The vectors to encrypt, in order, from the table's numbers of shape (rows, columns)."""

    @abstractmethod
    def lengths(self) -> Iterator[int]:
        """The lengths of these vectors."""

    @abstractmethod
    def sums(self) -> Iterator[SumOfTable]:
        """The kinds of sums that can be asked for."""

    @abstractmethod
    def positions(self, grouping: tuple[str, ...], columns: Sequence[int]) -> Iterable[Sequence[int]]:
        """For each ciphertext of the sums of ``columns`` by ``grouping``: which of those uploaded it adds up."""

    def parts(self, grouping: tuple[str, ...]) -> int:
        """Slots that together hold the sum of a group."""
        return 1

    def add_up(
        self, ciphertexts: Sequence[Ciphertext], grouping: tuple[str, ...], columns: Sequence[int]
    ) -> list[Ciphertext]:
        """The sums of ``columns`` (positions) for each group of ``grouping``: all that the server computes."""
        key = ciphertexts[0].key
        members = self.positions(grouping, columns)
        return [key.add_up([ciphertexts[position] for position in of_one_sum]) for of_one_sum in members]


class Placement(ABC):
    """Where each sum of a result lies: in which of its ciphertexts, in which slot.

    Computed by the server when it picks the ciphertexts that a query needs, and by whoever decrypts the result.
    ``ciphertext_count`` of the result takes no memory, whatever was announced: it is compared before the rest is asked
    for.
    """

    ciphertext_count: int

    @property
    @abstractmethod
    def needed(self) -> list[int]:
        """The vectors of a whole packing that hold any of the columns."""

    @property
    @abstractmethod
    def lengths(self) -> list[int]:
        """The lengths of the result's ciphertexts, in order."""

    @abstractmethod
    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        """The (ciphertext, slot) pairs whose values add up to the sum of a column in a group."""
