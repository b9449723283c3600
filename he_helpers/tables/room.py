"""Whether a table fits: its ciphertexts into a number of bytes, and its sums into the slots, into the noise budget, and
into the decimals that CKKS carries.

All of it is arithmetic on the numbers and the parameters, done before anything is encrypted. What does not fit is
refused with what would: a number of partial sums, or parameters.
"""

import math
from collections.abc import Sequence

import numpy as np

from he_helpers.advice import ImpossibleJob, InvalidJob, Job, advise
from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters, Parameters
from he_helpers.parameters.noise import ckks_sum_error
from he_helpers.schemes.errors import DepthExhausted, ShapeMismatch, ValueOutOfRange
from he_helpers.schemes.public.interface import PublicKey
from he_helpers.tables.columns import Column
from he_helpers.tables.layouts import Packing

LARGEST_BYTES = 2**30


def check_size(packing: Packing, key: PublicKey, largest_bytes: int) -> None:
    """Raise ShapeMismatch if the ciphertexts of ``packing`` take above ``largest_bytes``, made with the public key."""
    each = key.catalogue_entry.expected_sizes(key.parameters).ciphertext
    total = each * packing.ciphertext_count
    if total > largest_bytes:
        raise ShapeMismatch(
            f"This table encrypts to about {total:,} bytes, {packing.ciphertext_count:,} ciphertexts of {each:,}, and "
            f"at most {largest_bytes:,} are allowed. Use {packing.layout.fewer_ciphertexts}, which takes fewer "
            f"ciphertexts, or allow more by largest_bytes={total}."
        )


def check_room(packing: Packing, columns: Sequence[Column], numbers: np.ndarray, key: PublicKey) -> None:
    """Refuse numbers, of shape (rows, columns), whose sums ``packing`` cannot compute under ``key``.

    Raises ValueOutOfRange, naming column and row: a value above its share of a slot, or decimals that the error of CKKS
    would change; DepthExhausted: more terms than the noise budget of BFV allows.
    """

    def ways() -> list[str]:
        return [*_partial_sums(packing, largest, key), *_parameters(packing, columns, largest, key)]

    largest = max(numbers.max().item(), -numbers.min().item())
    share = key.share(packing.terms)
    if largest > share:
        row, at = (int(i) for i in np.argwhere(np.abs(numbers) == largest)[0])
        column = columns[at]
        unit = 10**column.decimals if key.exact else 1
        raise ValueOutOfRange(
            f"Column {column.name!r}, row {row}: the value {numbers[row, at] / unit:,.12g} exceeds "
            f"{share / unit:,.12g}, its share of a sum of {packing.terms:,} ciphertexts (a slot of {key.scheme_name} "
            f"holds at most {key.capacity / unit:,.12g} with decimals={column.decimals}). Use "
            f"{_or(['fewer decimals' if column.decimals else 'a larger unit', *ways()])}."
        )
    try:
        check_noise(packing, key)
    except DepthExhausted as error:
        raise DepthExhausted(f"{error} Use {_or(ways() or ['fewer rows'])}.") from None
    if isinstance(key.parameters, CKKSParameters):
        _check_precision(packing, columns, largest, key, key.parameters)


def check_noise(packing: Packing, key: PublicKey) -> None:
    """Raise DepthExhausted if the noise budget of ``key`` is too small for the sums of ``packing``."""
    consumed = max(key.consumption_of_sum(kind.ciphertexts, kind.rotations) for kind in packing.sums())
    if consumed > key.consumption_limit:
        over = math.log2(consumed / key.consumption_limit)
        raise DepthExhausted(
            f"The sums of this table add up to {packing.terms:,} terms each, and their noise needs {over:.1f} bits "
            "more than the noise budget of this key has."
        )


def _check_precision(
    packing: Packing, columns: Sequence[Column], largest: float, key: PublicKey, parameters: CKKSParameters
) -> None:
    error = sum_error(packing, largest, parameters)
    for column in columns:
        if error >= 0.5 * 10.0**-column.decimals:
            carried = math.ceil(-math.log10(2 * error)) - 1
            fewer = f"decimals={carried}" if carried >= 0 else "a larger unit"
            raise ValueOutOfRange(
                f"Column {column.name!r} is announced with {column.decimals} decimals, and a sum of {packing.terms:,} "
                f"terms under {key.scheme_name} with a scale of {parameters.scale_bits} bits can be off by "
                f"{error:.1g}, which half of the last decimal does not cover. Use "
                f"{_or([f'{fewer} for it (round the column first)', *_parameters(packing, [column], largest, key)])}."
            )


def sum_error(packing: Packing, largest: float, parameters: CKKSParameters) -> float:
    """An upper bound of the error of a decrypted CKKS sum of values up to ``largest``, before it is rounded."""
    return max(
        ckks_sum_error(parameters, kind.ciphertexts, largest, kind.parts, rotated=kind.rotations > 0)
        for kind in packing.sums()
    )


def _or(ways: list[str]) -> str:
    return ", or ".join(ways)


def _partial_sums(packing: Packing, largest: float, key: PublicKey) -> list[str]:
    """The least partial sums under which slots and noise suffice, in words; none where the key is too small for any."""
    fitting, too_many = 0, packing.largest_group + 1
    while too_many - fitting > 1:
        terms = (fitting + too_many) // 2
        fits = key.share(terms) >= largest and key.consumption_of_sum(terms) <= key.consumption_limit
        fitting, too_many = (terms, too_many) if fits else (fitting, terms)
    rotates = any(kind.rotations for kind in packing.sums())
    if not fitting or fitting >= packing.terms and not rotates:
        return []
    return [packing.layout.with_parts(-(-packing.largest_group // fitting))]


def _parameters(packing: Packing, columns: Sequence[Column], largest: float, key: PublicKey) -> list[str]:
    """Parameters of the same scheme that are advised for as many terms, in words; none where there are none."""
    decimals = 0 if key.exact else max(column.decimals for column in columns)
    try:
        job = Job(packing.terms, len(columns), max(largest, 10.0**-decimals), decimals, scheme=key.scheme_name)
        fits = advise(job).fits
    except (ImpossibleJob, InvalidJob):
        return []
    return [f"the parameters {_in_words(fit.parameters)}" for fit in fits if fit.arrangement.name == "rows"][:1]


def _in_words(parameters: Parameters) -> str:
    if isinstance(parameters, PaillierParameters):
        return f"PaillierParameters({parameters.modulus_bits}, lane_bits={parameters.lane_bits})"
    ring, chain = parameters.ring_dimension, parameters.coefficient_modulus_bits
    if isinstance(parameters, CKKSParameters):
        return f"CKKSParameters({ring}, {chain}, scale_bits={parameters.scale_bits})"
    assert isinstance(parameters, BFVParameters)
    return f"BFVParameters({ring}, {chain}, plaintext_prime({parameters.plaintext_modulus.bit_length()}, {ring}))"
