"""What each library can and cannot do, found by trying it on the contestants of library_contestants.

An attempt is the expression that one would write, and the right answer. The verdict:

- "yes": the right answer comes out.
- "no": the library raises an error, or has no such function.
- "wrong": another answer comes out, without an error.
- "changes x": the right answer comes out, and the ciphertext that it was computed from holds something else now.
- "not tried": nobody has written down yet how this library does it, or trying would end this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import tenseal as ts
from Pyfhel import Pyfhel

from he_helpers.lab.libraries.library_jobs import CONSTANT, OPERATIONS, VALUES, Contestant, expected

_TOLERANCE = 1e-5  # of the largest right value, under CKKS
_FACTORS = 1 + np.arange(len(VALUES)) % 3

# These have no function for what is missing below: their public names were searched.
_UNTRIED = {"TenSEAL": "no", "Pyfhel": "no", "phe": "no"}
# A segmentation fault on `x + 3` under BFV.
_OPERATORS_END_THE_PROCESS = {"openfhe"}

# From a new ciphertext of the contestant's values: a ciphertext, or numbers or a truth value that need no decryption.
Attempt = Callable[[Any], Any]


def abilities(
    joined: list[Contestant], progress: Callable[[Iterable[Contestant]], Iterable[Contestant]] = iter
) -> pd.DataFrame:
    """Try everything: a row for each ability, a column for each contestant, a verdict in each cell.

    progress: wraps the iteration over the contestants, for instance tqdm.auto.tqdm.
    """
    table = {}
    for contestant in progress(joined):
        library = contestant.name.split()[0]
        alike = {} if library in _OPERATORS_END_THE_PROCESS else operators(contestant)
        tried = {**_jobs(contestant), **alike, **_own(contestant)}
        table[contestant.name] = {
            ability: _verdict(contestant, *tried[ability]) if ability in tried else _UNTRIED.get(library, "not tried")
            for ability in _ORDER
        }
    return pd.DataFrame(table).rename_axis("ability")


def _jobs(c: Contestant) -> dict[str, tuple[Attempt, Any]]:
    named = [
        operation for operation in OPERATIONS if operation in c.calls and operation not in ("decrypt", "serialise")
    ]
    return {operation: (_ignoring_x(c.calls[operation]), expected(c, operation)) for operation in named}


def _ignoring_x(call: Callable[[], Any]) -> Attempt:
    return lambda _: call()


def operators(c: Contestant) -> dict[str, tuple[Attempt, Any]]:
    """Attempts that read the same in every library, with the right answers."""
    v = c.values
    factors = _FACTORS[: len(v)] if len(v) > 1 else _FACTORS
    return {
        "x + 3": (lambda x: x + CONSTANT, v + CONSTANT),
        "x - y": (lambda x: x - (x + x), -v),
        "3 - x": (lambda x: CONSTANT - x, CONSTANT - v),
        "-x": (lambda x: -x, -v),
        "x * -3": (lambda x: x * -CONSTANT, v * -CONSTANT),
        "x * 1.5": (lambda x: x * 1.5, v * 1.5),
        "x * vector": (lambda x: x * factors, v * factors),
        "x ** 2": (lambda x: x**2, v * v),
        "x / 4": (lambda x: x / 4, v / 4),
        "x / y": (lambda x: x / x, np.ones(len(v))),
        "x < y": (lambda x: x < x + 1, True),
        "x == y": (lambda x: x == x + 0, True),
    }


def _own(c: Contestant) -> dict[str, tuple[Attempt, Any]]:
    """Attempts that each library writes in its own way."""
    library, scheme = c.name.split()
    of_library = {"TenSEAL": _of_tenseal, "Pyfhel": _of_pyfhel, "phe": _of_phe}.get(library)
    return of_library(c, scheme) if of_library else {}


def _of_tenseal(c: Contestant, scheme: str) -> dict[str, tuple[Attempt, Any]]:
    v, context = c.values, c.engine
    vector = ts.bfv_vector if scheme == "BFV" else ts.ckks_vector

    def symmetric(_: Any) -> np.ndarray:
        other = ts.context(
            ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60], encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC
        )
        other.global_scale = 2**40
        return np.array(ts.ckks_vector(other, [1.0, 2.0]).decrypt())

    # All slots of BFV; CKKS has half as many.
    full = {"sum of 8192 slots": (lambda _: vector(context, [1] * 8192).sum(), [8192])} if scheme == "BFV" else {}
    return {
        **full,
        "rotate": (lambda x: x.rotate(1), np.roll(v, -1)),
        "encrypt fractions": (lambda _: vector(context, [0.5, 1.5]), [0.5, 1.5]),
        "weighted sum": (lambda x: x.dot(_FACTORS.tolist()), [v @ _FACTORS]),
        "dot product of ciphertexts": (lambda x: x.dot(x), [v @ v]),
        "product with a matrix": (lambda _: vector(context, [1, 2, 3, 4]) @ [[1, 0], [0, 1], [1, 0], [0, 1]], [4, 6]),
        "polynomial in one call": (lambda x: x.polyval([1, 2, 1]), 1 + 2 * v + v * v),
        "encrypt with the secret key": (symmetric, [1, 2]),
    }


def _of_pyfhel(c: Contestant, scheme: str) -> dict[str, tuple[Attempt, Any]]:
    v, engine = c.values, c.engine

    def chosen_steps(_: Any) -> bool:
        smaller = Pyfhel()
        smaller.from_bytes_context(engine.to_bytes_context("none"))
        smaller.from_bytes_secret_key(engine.to_bytes_secret_key("none"))
        smaller.rotateKeyGen(rot_steps=[1])
        return len(smaller.to_bytes_rotate_key("none")) < c.sizes["Galois keys"] / 4

    ones = np.ones(8192, dtype=np.int64)
    full = {"sum of 8192 slots": (lambda _: engine.cumul_add(engine.encryptInt(ones), True), [8192])}
    return {
        **(full if scheme == "BFV" else {}),
        "encrypt fractions": (lambda _: engine.encryptFrac(np.array([0.5, 1.5])), [0.5, 1.5]),
        "weighted sum": (lambda x: x @ _FACTORS, [v @ _FACTORS]),
        "dot product of ciphertexts": (lambda x: x @ x, [v @ v]),
        "Galois keys of chosen steps": (chosen_steps, True),
        "read the noise budget": (lambda x: engine.noise_level(x) > 0, True),
    }


def _of_phe(c: Contestant, scheme: str) -> dict[str, tuple[Attempt, Any]]:
    v, (public, _) = c.values, c.engine

    def fresh_randomness(x: Any) -> bool:
        before = x.ciphertext(be_secure=False)
        x.obfuscate()
        return x.ciphertext(be_secure=False) != before and int(c.decrypt(x)[0]) == v[0]

    def by_matrix(_: Any) -> np.ndarray:
        encrypted = np.array([public.encrypt(number) for number in (1, 2, 3, 4)])
        product = encrypted @ np.array([[1, 0], [0, 1], [1, 0], [0, 1]])  # of numpy, which calls phe's + and *
        return np.concatenate([c.decrypt(number) for number in product])

    return {
        "encrypt fractions": (lambda _: public.encrypt(0.5), [0.5]),
        "product with a matrix": (by_matrix, [4, 6]),
        "weighted sum": (lambda x: x * 2 + x * 3, v * 5),
        "new randomness": (fresh_randomness, True),
    }


_ORDER = (
    "encrypt",
    "encrypt fractions",
    "encrypt with the secret key",
    "add",
    "x + 3",
    "x - y",
    "3 - x",
    "-x",
    "multiply by a constant",
    "x * -3",
    "x * 1.5",
    "x * vector",
    "multiply",
    "x ** 2",
    "x / 4",
    "x / y",
    "x < y",
    "x == y",
    "sum",
    "sum of 8192 slots",
    "weighted sum",
    "dot product of ciphertexts",
    "product with a matrix",
    "polynomial in one call",
    "rotate",
    "Galois keys of chosen steps",
    "read the noise budget",
    "new randomness",
    "load",
)


def _verdict(c: Contestant, attempt: Attempt, right: Any) -> str:
    x = c.calls["encrypt"]()
    try:
        found = attempt(x)
    except Exception:  # whatever a library raises: this is what is being asked
        return "no"
    if not isinstance(found, (bool, np.bool_, np.ndarray)):
        found = c.decrypt(found)
    if not _agree(found, right):
        return "wrong"
    return "yes" if _agree(c.decrypt(x), c.values) else "changes x"


def _agree(found: Any, right: Any) -> bool:
    right = np.ravel(right).astype(float)
    first = np.ravel(found)[: len(right)].astype(float)
    return len(first) == len(right) and bool(np.abs(first - right).max() <= _TOLERANCE * np.abs(right).max())
