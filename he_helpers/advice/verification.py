"""Advice is run before it is believed: a job at its limits, under the parameters that were advised.

The run is harder than the job. Every value has the largest magnitude, with the sign that makes the result largest; the
sums have all their terms, but these repeat a few ciphertexts, so that the errors of encryption, which would partly
cancel out between independent ciphertexts, all add up. So it takes no more than seconds for jobs with millions of rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import lcm
from operator import add

import numpy as np

from he_helpers.advice.fitting import Fit
from he_helpers.schemes.public.interface import Ciphertext, Encryptor
from he_helpers.schemes.secret import KeyPair, Scheme, make_scheme

# The arrangements in which a row's inputs lie side by side, and weights multiply slots.
_INPUTS = ("inputs", "products")


@dataclass(frozen=True)
class Verification:
    """What running a job at its limits found.

    error: the largest absolute error of a result; wanted: the acceptable one; both in the unit of the result.
    ciphertext_bytes: of one fresh ciphertext, in its envelope; values: how many results were compared.
    """

    error: float
    wanted: float
    ciphertext_bytes: int
    values: int

    @property
    def passed(self) -> bool:
        return self.error <= self.wanted


def scheme_for(fit: Fit) -> Scheme:
    """The scheme with the advised parameters and the evaluation keys that the job needs."""
    return make_scheme(
        fit.scheme, fit.parameters, relinearisation_keys=fit.relinearisation_keys, galois_keys=fit.galois_keys
    )


def verify(fit: Fit, keys: KeyPair | None = None) -> Verification:
    """Run the job of ``fit`` at its limits, and compare the results with exact arithmetic.

    keys: a key pair of scheme_for(fit) to use again; without it one is made, which takes minutes for Paillier at
    192-bit security and longer at 256.

    Raises HEError where a ciphertext refuses an operation: then the advice is wrong, whatever the error would be.
    """
    keys = keys or scheme_for(fit).generate_keys()
    job, exact = fit.job, keys.public.exact
    # Paillier has no noise, so that what its secret key encrypts in a quarter of the time differs in nothing.
    encryptor = keys.secret if fit.scheme == "paillier" else keys.public
    sample, bytes_of_one = _encrypted_columns(fit, encryptor, exact)
    unit = Fraction(1, 10**job.result_decimals) if exact else Fraction(1)
    error, values = 0.0, 0
    for ciphertext, expected in _results(fit, sample):
        differences = expected.differences(keys.secret.decrypt(ciphertext))
        # Under "rotated" the other slots hold sums across groups.
        wholes = differences.wholes[: 1 if fit.arrangement.name == "rotated" else None]
        parts = fit.arrangement.parts
        sums = abs(wholes[: len(wholes) // parts * parts].reshape(-1, parts).sum(axis=1))
        values += len(sums)
        error = max(error, float(max(sums) * differences.unit * unit))
    return Verification(error, job.largest_error, bytes_of_one, values)


@dataclass(frozen=True)
class _Numbers:
    """Exact numbers: ``wholes``, an array of Python's integers, times a ``unit``. Fractions take ten times as long."""

    wholes: np.ndarray
    unit: Fraction

    def __add__(self, other: "_Numbers") -> "_Numbers":
        """Of numbers with the same unit."""
        return _Numbers(self.wholes + other.wholes, self.unit)

    def __mul__(self, factor: Fraction) -> "_Numbers":
        return _Numbers(self.wholes * factor.numerator, self.unit / factor.denominator)

    def __pow__(self, exponent: int) -> "_Numbers":
        return _Numbers(self.wholes**exponent, self.unit**exponent)

    def sum(self) -> "_Numbers":
        return _Numbers(np.array([self.wholes.sum()], dtype=object), self.unit)

    def differences(self, found: np.ndarray) -> "_Numbers":
        """What was ``found``, floats or integers, less these numbers, as many."""
        theirs = _exactly(found)
        unit = Fraction(1, lcm(theirs.unit.denominator, self.unit.denominator))
        return _Numbers(theirs.wholes * int(theirs.unit / unit) - self.wholes * int(self.unit / unit), unit)


def _exactly(found: np.ndarray) -> _Numbers:
    if found.dtype.kind != "f":
        return _Numbers(found.astype(object), Fraction(1))
    # A float is a whole number of 53 bits times a power of two, and the smallest power divides the others.
    fractions, exponents = np.frexp(found)
    smallest = min(int(exponents.min()), 53)
    wholes = np.ldexp(fractions, 53).astype(np.int64).astype(object) << (exponents - smallest).astype(object)
    return _Numbers(wholes, Fraction(1, 2 ** (53 - smallest)))


Vector = tuple[Ciphertext, _Numbers]


def _encrypted_columns(fit: Fit, key: Encryptor, exact: bool) -> tuple[dict[str, Vector], int]:
    """Encrypted extreme values next to what they are: of a column, of one with the other sign, and of the last piece of
    each, which may be partly empty; the bytes of a ciphertext."""
    job, arrangement = fit.job, fit.arrangement
    largest = job.integer_largest if exact else job.largest
    numerator, denominator = largest.as_integer_ratio()
    used = arrangement.used
    rest = used
    if arrangement.name == "columns" and job.sums:
        rest = (job.rows - 1) % used + 1
    elif arrangement.name in _INPUTS:
        rest = (job.columns - 1) % used + 1
    sample: dict[str, Vector] = {}
    for sign, name in ((1, "even"), (-1, "odd"))[: job.columns]:
        signs = np.full(used, sign)
        if arrangement.name in ("rows", *_INPUTS):
            # A row has columns of either sign side by side.
            signs[1::2] = -sign
        for piece, filled in (("full", used), ("last", rest)):
            if piece == "last" and rest == used:
                sample[f"{name} last"] = sample[f"{name} full"]
                continue
            signs[filled:] = 0
            # What fits into a word is not checked number by number.
            array = signs.astype((np.int64 if largest < 2**63 else object) if exact else np.float64) * largest
            numbers = _Numbers(signs.astype(object) * numerator, Fraction(1, denominator))
            sample[f"{name} {piece}"] = key.encrypt(array, fit.terms), numbers
    return sample, len(sample["even full"][0].to_bytes())


def _results(fit: Fit, sample: dict[str, Vector]) -> Iterator[Vector]:
    """The results of the job on the sample, as ciphertexts and as exact numbers."""
    job, arrangement = fit.job, fit.arrangement
    # A last piece that is full is the full one, and is multiplied once.
    powers: dict[int, Vector] = {}
    for vector in sample.values():
        if id(vector) not in powers:
            powers[id(vector)] = _power(vector, job.product_depth)
    sample = {name: powers[id(vector)] for name, vector in sample.items()}
    kinds: tuple[str, ...] = ("",)
    if arrangement.name in _INPUTS:
        sample = {"last": _weighted_slots(fit, sample["even full"], sample["even last"])}
        sample["full"] = sample["last"]
    elif job.weighted:
        columns = arrangement.columns_added
        sample = {
            piece: _weighted_sum(fit, sample[f"even {piece}"], sample.get(f"odd {piece}"), columns)
            for piece in ("full", "last")[arrangement.rows_added == 1 :]
        }
    else:
        kinds = ("even ", "odd ")[: job.columns]
    for kind in kinds:
        result = sample[f"{kind}last"]
        if arrangement.rows_added > 1:
            result = _plus(_repeated(sample[f"{kind}full"], arrangement.rows_added - 1), result)
        if arrangement.name == "rotated":
            result = _rotated(result, arrangement.slots_added)
        elif arrangement.slots_added > 1:
            result = result[0].sum(), result[1].sum()
        yield result


def _power(vector: Vector, depth: int) -> Vector:
    ciphertext, values = vector
    product = ciphertext
    for _ in range(depth):
        product = product * ciphertext
    return product, values ** (depth + 1)


def _weighted_sum(fit: Fit, even: Vector, odd: Vector | None, columns: int) -> Vector:
    """Each column times the largest weight, with the sign that makes the sum largest. ``odd``: None for one column."""
    exact = even[0].key.exact
    weight = fit.job.integer_weight if exact else fit.job.largest_weight
    # An odd power of a negative value is negative, an even one is not.
    sign = -1 if fit.job.product_depth % 2 == 0 else 1
    total = _repeated(_times(even, weight), (columns + 1) // 2)
    return total if odd is None else _plus(total, _repeated(_times(odd, sign * weight), columns // 2))


def _weighted_slots(fit: Fit, full: Vector, last: Vector) -> Vector:
    """The blocks of a row added up, each slot times the largest weight with the sign that makes the sum largest."""
    exact = full[0].key.exact
    weight = fit.job.integer_weight if exact else fit.job.largest_weight
    signs = np.where(full[1].wholes >= 0, 1, -1).astype(object)
    weights = (signs * weight).astype(object if exact else np.float64)
    blocks = [
        (ciphertext * weights, _Numbers(values.wholes * signs, values.unit) * Fraction(weight))
        for ciphertext, values in (full, last)
    ]
    count = fit.arrangement.columns_added
    return blocks[1] if count == 1 else _plus(_repeated(blocks[0], count - 1), blocks[1])


def _rotated(vector: Vector, count: int) -> Vector:
    """In the first slot the sum of ``count`` slots, a power of two, as a rotated table adds them up."""
    ciphertext, values = vector
    for steps in (1 << k for k in range(count.bit_length() - 1)):
        ciphertext = ciphertext + ciphertext.rotate(steps)
    wholes = values.wholes.copy()
    wholes[0] = wholes[:count].sum()
    return ciphertext, _Numbers(wholes, values.unit)


def _times(vector: Vector, weight: float) -> Vector:
    return vector[0] * weight, vector[1] * Fraction(weight)


def _plus(a: Vector, b: Vector) -> Vector:
    return a[0] + b[0], a[1] + b[1]


def _repeated(vector: Vector, count: int) -> Vector:
    """The sum of ``count`` times the same ciphertext, by doubling."""
    doubled = [vector[0]]
    while 2 ** len(doubled) <= count:
        doubled.append(doubled[-1] + doubled[-1])
    terms = [ciphertext for bit, ciphertext in enumerate(doubled) if count >> bit & 1]
    return reduce(add, terms), vector[1] * Fraction(count)
