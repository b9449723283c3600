"""What a parameter set gives and costs, measured: notebook 13 turns one parameter at a time and tabulates it.

TenSEAL stands for BFV and CKKS here, phe for Paillier. Noise and depth are looked up in SEAL with the secret key,
where the course's own ciphertexts only estimate them; a server could not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import tenseal as ts

from he_helpers.lab.measuring.inside import seal_noise_budget
from he_helpers.parameters import (
    BFVParameters,
    PaillierParameters,
    Parameters,
    assess_security,
)
from he_helpers.schemes.catalogue import first_scheme
from he_helpers.schemes.secret import KeyPair, make_scheme, paillier

SIZES = ["ciphertext", "public key", "relinearisation keys", "Galois keys"]
TIMES = ["encrypt", "add", "multiply", "sum of slots", "decrypt"]
_LARGEST_DEPTH = 12
_REPETITIONS = 5


def turn(settings: Mapping[Any, Parameters], operations: tuple[str, ...] = tuple(TIMES)) -> pd.DataFrame:
    """A row for each setting of a knob.

    settings: the parameter sets, by the value of the knob. operations: those of TIMES that are timed and whose keys are
    made; "sum of slots" makes Galois keys.

    Columns: security (about how many bits, classical), values (in a ciphertext), bytes of SIZES, error (largest
    absolute one of numbers between -8 and 8, CKKS) and error after a product, noise budget and noise budget after a
    product (bits, BFV), depth (products one after the other until SEAL refuses or the noise is too large), and
    milliseconds of processor time of TIMES (fastest of 5, the settings taking turns). What a scheme does not have is
    missing.
    """
    keys = {setting: _generate(parameters, operations) for setting, parameters in settings.items()}
    frame = pd.DataFrame({setting: _facts(pair, operations) for setting, pair in keys.items()}).T
    calls = {setting: _calls(pair, operations) for setting, pair in keys.items()}
    for operation in operations:
        fastest = dict.fromkeys(calls, float("inf"))
        for _ in range(_REPETITIONS):
            for setting, functions in calls.items():
                if operation in functions:
                    fastest[setting] = min(fastest[setting], _processor_time(functions[operation]))
        frame[operation] = pd.Series(fastest).replace(float("inf"), np.nan) * 1000
    return frame.dropna(axis="columns", how="all").convert_dtypes()


def predicted_sizes(settings: Mapping[Any, Parameters]) -> pd.DataFrame:
    """The bytes of SIZES that the catalogue of schemes expects for each setting: the same on every run."""
    rows = {setting: first_scheme(p).expected_sizes(p) for setting, p in settings.items()}
    columns = {name: name.lower().replace(" ", "_") for name in SIZES}
    return pd.DataFrame(
        {setting: {name: getattr(sizes, field) for name, field in columns.items()} for setting, sizes in rows.items()}
    ).T


def noise_budget(keys: KeyPair, ciphertext: Any) -> int:
    """Bits of noise budget that SEAL finds in a TenSEAL BFV vector; needs the secret key. 0: it decrypts to garbage."""
    return seal_noise_budget(keys.secret.native, ciphertext)


def _generate(parameters: Parameters, operations: tuple[str, ...]) -> KeyPair:
    if isinstance(parameters, PaillierParameters):
        return paillier(parameters, insecure_for_teaching=True).generate_keys()
    scheme = make_scheme(
        first_scheme(parameters).name,
        parameters,
        relinearisation_keys="multiply" in operations,
        galois_keys="sum of slots" in operations,
        insecure_for_teaching=True,
    )
    return scheme.generate_keys()


def _facts(keys: KeyPair, operations: tuple[str, ...]) -> dict[str, Any]:
    public, parameters = keys.public, keys.public.parameters
    facts: dict[str, Any] = {
        "security": assess_security(parameters).bits,
        "values": public.slot_count,
        "ciphertext": len(public.encrypt([1], terms=1).to_bytes()),
    }
    if isinstance(parameters, PaillierParameters):
        return {**facts, "public key": len(public.to_bytes())}
    facts |= _key_sizes(public.native)
    vector = _native_vector(keys)
    if isinstance(parameters, BFVParameters):
        facts["noise budget"] = noise_budget(keys, vector)
    else:
        facts["error"] = _error(keys, vector, 1)
    if "multiply" in operations:
        facts |= _products(keys, vector)
    return facts


def _key_sizes(context: ts.Context) -> dict[str, int]:
    nothing = dict.fromkeys(("save_public_key", "save_secret_key", "save_galois_keys", "save_relin_keys"), False)
    empty = len(context.serialize(**nothing))
    kinds = {"public key": "save_public_key"}
    if context.has_relin_keys():
        kinds["relinearisation keys"] = "save_relin_keys"
    if context.has_galois_keys():
        kinds["Galois keys"] = "save_galois_keys"
    return {name: len(context.serialize(**{**nothing, flag: True})) - empty for name, flag in kinds.items()}


def _numbers(keys: KeyPair) -> np.ndarray:
    """Numbers between -8 and 8 for CKKS; ones and minus ones, whose powers stay small, for BFV."""
    count = keys.public.slot_count
    return np.where(np.arange(count) % 2, -1, 1) if keys.public.exact else np.linspace(-8, 8, count)


def _native_vector(keys: KeyPair) -> Any:
    make = ts.bfv_vector if keys.public.exact else ts.ckks_vector
    return make(keys.public.native, _numbers(keys).tolist())


def _error(keys: KeyPair, vector: Any, power: int) -> float:
    found = np.array(vector.decrypt(keys.secret.native.secret_key()))
    return float(np.abs(found - _numbers(keys) ** power).max())


def _products(keys: KeyPair, vector: Any) -> dict[str, Any]:
    """Depth, and what one product leaves, with the library's own vectors: the course's refuse earlier."""
    facts: dict[str, Any] = {}
    product, depth = vector, 0
    while depth < _LARGEST_DEPTH:
        try:
            product = product * vector
        except ValueError:
            break
        if keys.public.exact:
            budget = noise_budget(keys, product)
            facts.setdefault("noise budget after a product", budget)
            if budget == 0:
                break
        else:
            facts.setdefault("error after a product", _error(keys, product, 2))
        depth += 1
    return {**facts, "depth": depth}


def _calls(keys: KeyPair, operations: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    public = keys.public
    if isinstance(public.parameters, PaillierParameters):
        ciphertext = public.encrypt([1])
        return {
            "encrypt": lambda: public.encrypt([1]),
            "add": lambda: ciphertext + ciphertext,
            "decrypt": lambda: keys.secret.decrypt(ciphertext),
        }
    vector, secret = _native_vector(keys), keys.secret.native.secret_key()
    calls = {
        "encrypt": lambda: _native_vector(keys),
        "add": lambda: vector + vector,
        "decrypt": lambda: vector.decrypt(secret),
    }
    has_level = isinstance(public.parameters, BFVParameters) or public.parameters.levels > 0
    if "multiply" in operations and has_level:
        calls["multiply"] = lambda: vector * vector
    if "sum of slots" in operations:
        make = ts.bfv_vector if public.exact else ts.ckks_vector
        half = make(public.native, _numbers(keys)[: public.parameters.ring_dimension // 2].tolist())
        calls["sum of slots"] = half.sum
    return calls


def _processor_time(function: Callable[[], Any]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start
