"""The same jobs for every library: their parameters, their numbers, the right results, and how they are timed.

Notebook 15 and ``make bench`` measure these, with the contestants of library_contestants. Every contestant of TenSEAL
and Pyfhel has the ring dimension and the coefficient modulus of LATTICE, which both published tables accept at 128-bit
security, and computes on the same 4096 integers; Paillier has 3072 bits, 128-bit security too, and one integer a
ciphertext.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from he_helpers.lab.measuring.measure import interleaved_medians
from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters, plaintext_prime

_RING_DIMENSION, _CHAIN = 8192, (60, 40, 40, 60)
LATTICE: dict[str, BFVParameters | CKKSParameters] = {
    "BFV": BFVParameters(_RING_DIMENSION, _CHAIN, plaintext_prime(30, _RING_DIMENSION)),
    "CKKS": CKKSParameters(_RING_DIMENSION, _CHAIN, scale_bits=40),
}
PAILLIER = PaillierParameters(modulus_bits=3072)

# As many as CKKS has slots and as TenSEAL can sum under BFV. 7919 is a prime: all of -500 to 499, in no order.
VALUES = np.arange(4096) * 7919 % 1000 - 500
CONSTANT = 3
PAILLIER_SUM = 16  # ciphertexts that the job "sum" adds up where each holds one value

OPERATIONS = (
    "encrypt",
    "add",
    "multiply by a constant",
    "multiply",
    "sum",
    "rotate",
    "decrypt",
    "serialise",
    "load",
)

Calls = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Contestant:
    """A library with keys of one scheme, ready for the jobs.

    name: such as "TenSEAL BFV"; values: what one ciphertext of the jobs holds, and ``summed`` values go into one sum.
    calls: the job of each operation as a function without arguments; an operation that the library lacks is missing.
    decrypt: a ciphertext of the library as numbers. sizes: bytes of the ciphertext and of each kind of key.
    security: what its parameters are worth. engine, x: the library's own object with all keys, and a ciphertext of
    ``values``, for trying out more.
    """

    name: str
    values: np.ndarray
    summed: np.ndarray
    calls: Calls
    decrypt: Callable[[Any], np.ndarray]
    sizes: dict[str, int]
    security: str
    engine: Any
    x: Any


def expected(contestant: Contestant, operation: str) -> np.ndarray:
    """What the result of an operation decrypts to, from the plain values. Raises KeyError without such a result."""
    v = contestant.values
    return {
        "encrypt": v,
        "add": v + v,
        "multiply by a constant": v * CONSTANT,
        "multiply": v * v,
        "sum": contestant.summed.sum(keepdims=True),
        "rotate": np.roll(v, -1),
        "load": v,
    }[operation]


def errors(contestant: Contestant) -> dict[str, float]:
    """The largest absolute error of each operation with a ciphertext for its result."""
    found = {}
    for operation, call in contestant.calls.items():
        if operation not in ("decrypt", "serialise"):
            right = expected(contestant, operation)
            found[operation] = float(np.abs(contestant.decrypt(call())[: len(right)] - right).max())
    return found


def measure(
    joined: list[Contestant],
    repetitions: int = 15,
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> pd.DataFrame:
    """Time every operation, the libraries taking turns call by call, each warmed up.

    progress: wraps the iteration over the operations, for instance tqdm.auto.tqdm.

    Returns a row for each operation and contestant, with the columns median, minimum, lower_quartile, upper_quartile
    (milliseconds a call), ``values`` (how many a call works on) and ``per value`` (median, microseconds). Raises
    ValueError for less than 1 repetition.
    """
    tables = {}
    for operation in progress(OPERATIONS):
        calls = {one.name: one.calls[operation] for one in joined if operation in one.calls}
        if not calls:
            continue
        table = interleaved_medians(calls, repetitions) * 1e3
        held = {one.name: len(one.summed if operation == "sum" else one.values) for one in joined}
        table["values"] = [held[name] for name in table.index]
        table["per value"] = table["median"] * 1e3 / table["values"]
        tables[operation] = table
    return pd.concat(tables, names=["operation", "library"])
