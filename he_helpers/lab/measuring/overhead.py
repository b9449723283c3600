"""What the helpers cost on top of the raw library calls, for a full ciphertext.

The helper's checks are cheap; its digest over the bytes is not, compared with a library that only copies memory to
serialise. So beside the four calls there is their sum, ``all four``: encrypt, add, decrypt, serialise once each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import phe
import tenseal as ts

from he_helpers.lab.measuring.measure import paired
from he_helpers.parameters import PaillierParameters
from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.schemes.secret import KeyPair, make_scheme

STEPS = ("encrypt", "add", "decrypt", "serialise")
_ADDITIONS = 20  # an addition takes microseconds: timed many at a time

Calls = dict[str, Callable[[], Any]]


def overhead(schemes: Sequence[str] | None = None, repetitions: int = 31, modulus_bits: int = 2048) -> pd.DataFrame:
    """Time each step as a user of the library would write it and as the helper offers it, one right after the other.

    schemes: their names; None: measured_schemes().
    modulus_bits: of Paillier's key. With 3072 it takes seconds; the shorter, the more of the time is the helper's.

    Raw encryption starts from a NumPy array, raw decryption ends in one. Returns a row for each scheme and step, with
    the columns raw and helper (medians, microseconds) and ``helper / raw``, the median of the ratios within a pair,
    with the quartiles of these ratios; the step ``all four`` is the sum of the four.
    """
    rows = {}
    for name in measured_schemes() if schemes is None else schemes:
        is_paillier = SCHEMES[name].parameters_class is PaillierParameters
        parameters = PaillierParameters(modulus_bits) if is_paillier else None
        raw, helper = calls(make_scheme(name, parameters, insecure_for_teaching=is_paillier).generate_keys())
        pairs = {step: paired(raw[step], helper[step], repetitions) * 1e6 for step in STEPS}
        pairs["add"] /= _ADDITIONS
        pairs["all four"] = np.sum(list(pairs.values()), axis=0)
        for step, seconds in pairs.items():
            ratios = np.quantile(seconds[:, 1] / seconds[:, 0], [0.5, 0.25, 0.75])
            rows[name, step] = [*np.median(seconds, axis=0), *ratios]
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["raw", "helper", "helper / raw", "lower quartile", "upper quartile"]
    )
    table.index = pd.MultiIndex.from_tuples(table.index, names=["scheme", "step"])
    return table


def certainly_above(table: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The steps that cost more than ``limit`` times the raw calls in three of four pairs.

    Serialising counts within all four alone: see above. On a busy machine single pairs are off in both directions; what
    costs too much does so in most of them.
    """
    computing = table.drop("serialise", level="step")
    return computing[computing["lower quartile"] > limit]


def calls(keys: KeyPair) -> tuple[Calls, Calls]:
    """The steps under these keys as functions without arguments: raw library calls, and the helper's."""
    public, secret = keys.public, keys.secret
    count = public.slot_count
    values = np.arange(count) - count // 2 if public.exact else np.linspace(-50, 50, count)
    a, b = public.encrypt(values), public.encrypt(values)
    helper = {
        "encrypt": lambda: public.encrypt(values),
        "add": lambda: [a + b for _ in range(_ADDITIONS)],
        "decrypt": lambda: secret.decrypt(a),
        "serialise": lambda: a.to_bytes(),
    }
    return _RAW_OF_LIBRARY[public.catalogue_entry.library](keys, values, a.native, b.native), helper


def _raw_tenseal(keys: KeyPair, values: np.ndarray, x: Any, y: Any) -> Calls:
    vector, dtype = (ts.bfv_vector, np.int64) if keys.public.exact else (ts.ckks_vector, np.float64)
    context, native_key = keys.public.native, keys.secret.native.secret_key()
    return {
        "encrypt": lambda: vector(context, values),
        "add": lambda: [x + y for _ in range(_ADDITIONS)],
        "decrypt": lambda: np.array(x.decrypt(native_key), dtype=dtype),
        "serialise": lambda: x.serialize(),
    }


def _raw_pyfhel(keys: KeyPair, values: np.ndarray, x: Any, y: Any) -> Calls:
    engine, private, exact = keys.public.native, keys.secret.native, keys.public.exact
    return {
        "encrypt": lambda: engine.encryptInt(values) if exact else engine.encryptFrac(values),
        "add": lambda: [x + y for _ in range(_ADDITIONS)],
        "decrypt": lambda: private.decryptInt(x) if exact else private.decryptFrac(x),
        "serialise": lambda: x.to_bytes("none"),
    }


def _raw_paillier(keys: KeyPair, values: np.ndarray, x: Any, y: Any) -> Calls:
    assert isinstance(keys.public.parameters, PaillierParameters), "the keys are of phe"
    key, bits, size = keys.public.native, keys.public.parameters.lane_bits, keys.public.parameters.modulus_bits // 4
    one, other = phe.EncryptedNumber(key, int(x)), phe.EncryptedNumber(key, int(y))

    def encrypt() -> int:
        packed = 0
        for value in reversed(values.tolist()):
            packed = (packed << bits) + value
        return key.raw_encrypt(packed % key.n)

    return {
        "encrypt": encrypt,
        "add": lambda: [one + other for _ in range(_ADDITIONS)],
        "decrypt": lambda: keys.secret.native.raw_decrypt(int(x)),
        "serialise": lambda: int(x).to_bytes(size, "big"),
    }


_RAW_OF_LIBRARY = {"TenSEAL": _raw_tenseal, "Pyfhel": _raw_pyfhel, "phe": _raw_paillier}


def measured_schemes() -> list[str]:
    """The schemes of the libraries whose raw calls are written down here."""
    return [entry.name for entry in SCHEMES.values() if entry.library in _RAW_OF_LIBRARY]
