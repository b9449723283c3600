"""A job: what shall be computed on which data, how precisely and how securely."""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from numbers import Integral, Rational, Real
from typing import Any

from he_helpers.errors import HEError
from he_helpers.parameters.tables import STANDARD_TABLE
from he_helpers.schemes.catalogue import SCHEMES

OPERATIONS = ("sums", "weighted sums", "comparisons")
_COUNTS = {
    "rows": (1, 10**9),
    "columns": (1, 10**6),
    "decimals": (0, 30),
    "product_depth": (0, 100),
    "weight_decimals": (0, 30),
}


class InvalidJob(HEError, ValueError):
    """A description that is no job."""


@dataclass(frozen=True)
class Job:
    """What ``advise`` gives advice for. Products come first, then weighted sums, then sums.

    rows, columns: of the table.
    largest: the largest absolute value in it, in the data's own unit.
    decimals: how many decimals the data have; exact schemes encrypt fixed-point integers.
    operations: any of "sums" (over the rows, of each column), "weighted sums" (over the columns, of each row, with
        public weights; as in a linear model), "comparisons" (which no scheme here has).
    product_depth: how many products of ciphertexts, one after the other; a depth of d turns x into x^(d+1).
    largest_weight, weight_decimals: of the public weights.
    precision: the largest absolute error of a result that is acceptable; None: half a unit of the data's last decimal,
        so that rounding gives the exact result; 0: exact.
    security: 128, 192 or 256 bits.
    scheme: a name of ``schemes.catalogue``, or None for any.
    quantum: whether these bits must also hold against a large quantum computer. Nobody has one today; ciphertexts that
        are copied today can be decrypted when somebody has.
    groups: the number of rows of each group that sums are asked for; empty: one group of all rows. For sums of the data
        themselves: without products and weights.

    Raises InvalidJob.
    """

    rows: int
    columns: int
    largest: float
    decimals: int = 0
    operations: tuple[str, ...] = ("sums",)
    product_depth: int = 0
    largest_weight: float = 1
    weight_decimals: int = 0
    precision: float | None = None
    security: int = 128
    scheme: str | None = None
    quantum: bool = False
    groups: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, limits in _COUNTS.items():
            self._set(name, _count(name, getattr(self, name), *limits))
        for name in ("largest", "largest_weight"):
            given = getattr(self, name)
            number = _number(given)
            if number is None or not 0 < number <= sys.float_info.max:
                raise InvalidJob(f"{name} is the largest absolute value, a number above 0, not {given!r}.")
            self._set(name, number)
        if self.precision is not None:
            number = _number(self.precision)
            if number is None or not 0 <= number < math.inf:
                raise InvalidJob(f"precision is the largest acceptable error, 0 or more, not {self.precision!r}.")
            self._set("precision", number)
        self._set("operations", self._checked_operations())
        if _number(self.security) not in STANDARD_TABLE:
            raise InvalidJob(f"The security level is {', '.join(map(str, STANDARD_TABLE))}, not {self.security!r}.")
        self._set("security", int(self.security))
        if self.scheme is not None and self.scheme not in list(SCHEMES):
            raise InvalidJob(f"The scheme is one of {', '.join(SCHEMES)}, or None; not {self.scheme!r}.")
        if not isinstance(self.quantum, bool):
            raise InvalidJob(f"quantum is True or False, not {self.quantum!r}.")
        self._set("groups", self._checked_groups())

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _checked_operations(self) -> tuple[str, ...]:
        given = self.operations
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise InvalidJob(f'The operations are a tuple of names, such as ("sums",), not {given!r}.')
        operations = tuple(given)
        unknown = [name for name in operations if name not in OPERATIONS]
        if unknown or not (operations or self.product_depth):
            raise InvalidJob(
                f"The operations are any of {', '.join(OPERATIONS)}, and products by product_depth; "
                f"{f'not {unknown}' if unknown else 'a job needs at least one'}."
            )
        return operations

    def _checked_groups(self) -> tuple[int, ...]:
        if isinstance(self.groups, str) or not isinstance(self.groups, Iterable):
            raise InvalidJob(f"groups are the numbers of rows of the groups, such as (120, 7), not {self.groups!r}.")
        groups = tuple(_count("The size of a group", size, 1, self.rows) for size in self.groups)
        if groups and sum(groups) != self.rows:
            raise InvalidJob(f"The groups have {sum(groups):,} rows together, and the table has {self.rows:,}.")
        if groups and not self.is_table:
            raise InvalidJob("groups are for sums of the data themselves: without products and weighted sums.")
        return groups

    @property
    def group_sizes(self) -> tuple[int, ...]:
        """The rows of each group; of all rows where the job names no groups."""
        return self.groups or (self.rows,)

    @property
    def is_table(self) -> bool:
        """Whether an EncryptedTable does it: sums over rows, and nothing else."""
        return self.operations == ("sums",) and not self.product_depth

    @property
    def attacker(self) -> str:
        """Whom the bits of security are counted against: "classical" or "quantum"."""
        return "quantum" if self.quantum else "classical"

    @property
    def sums(self) -> bool:
        return "sums" in self.operations

    @property
    def weighted(self) -> bool:
        return "weighted sums" in self.operations

    @property
    def levels(self) -> int:
        """Products one after the other, those with weights included: what CKKS pays a prime for."""
        return self.product_depth + self.weighted

    @property
    def largest_error(self) -> float:
        """The acceptable error as a number, in the unit of the result."""
        return 0.5 * 10.0**-self.decimals if self.precision is None else self.precision

    @property
    def integer_largest(self) -> int:
        return scaled(self.largest, self.decimals)

    @property
    def integer_weight(self) -> int:
        return scaled(self.largest_weight, self.weight_decimals)

    @property
    def result_decimals(self) -> int:
        """Decimals of a result that was computed on fixed-point integers."""
        return self.decimals * (self.product_depth + 1) + self.weight_decimals * self.weighted


# The search for a parameter set asks for the same number thousands of times.
@lru_cache(maxsize=1024, typed=True)
def scaled(number: float, decimals: int) -> int:
    """The fixed-point integer, rounded up."""
    return math.ceil(Fraction(str(number)) * 10**decimals)


def _count(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise InvalidJob(f"{name} is a whole number from {low} to {high:,}, not {value!r}.")
    return int(value)


def _number(value: Any) -> int | float | None:
    """Numbers of numpy as those of Python; None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Rational):
        return int(value) if isinstance(value, Integral) else float(value)
    # By its text: the float32 nearest to 0.1 stands for 0.1, and not for 0.10000000149.
    return float(str(value))
