"""What is inside a real ciphertext, found with the secret key: for ``lab.figures.ciphertext_bar``.

SEAL finds the noise budget of BFV; a server could not. Of CKKS no library tells the noise: the ciphertext is decrypted,
and compared with the values that it should hold. Both differ by a bit or less from run to run, so that the noise and
what depends on it have the mark of measured numbers, whose digits the check of stored outputs masks. Modulus, message,
scale, dropped primes, and that a message is lost, are the same on every run.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
import tenseal as ts
from numpy.typing import ArrayLike
from tenseal.sealapi import Decryptor

from he_helpers.lab.figures import BFVInside, CKKSInside
from he_helpers.parameters import BFVParameters, CKKSParameters, coefficient_primes
from he_helpers.schemes import Ciphertext
from he_helpers.schemes.errors import KeyMismatch, ShapeMismatch, WrongKind
from he_helpers.schemes.secret import SecretKey

_P = TypeVar("_P", BFVParameters, CKKSParameters)


def inside_bfv(secret: ts.Context | SecretKey, ciphertext: ts.BFVVector | Ciphertext) -> BFVInside:
    """The message, room and noise of a ciphertext of BFV; the room is a whole number of bits, rounded down: less than
    1 bit counts as none, although it decrypts.

    secret, ciphertext: a private TenSEAL context and a vector under it, or a SecretKey and a Ciphertext under it, of
    TenSEAL or Pyfhel. Another key than that of a vector finds no room.

    Raises WrongKind for anything else, such as a context without its secret key; KeyMismatch.
    """
    engine, native = _natives(secret, ciphertext)
    if isinstance(engine, ts.Context):
        _require(native, ts.BFVVector, "a BFV vector of TenSEAL")
        parts = native.ciphertext()
        primes = _primes(engine)[: parts[0].coeff_modulus_size()]
        plaintext_modulus = engine.seal_context().data.key_context_data().parms().plain_modulus().value()
        room = _seal_noise_budget(engine, native)
    else:
        parameters = _parameters(secret, BFVParameters)
        primes = _data_primes(parameters)
        plaintext_modulus = parameters.plaintext_modulus
        room = engine.noise_level(native)
    modulus_bits, message_bits = math.log2(math.prod(primes)), math.log2(plaintext_modulus)
    return BFVInside(modulus_bits, message_bits, modulus_bits - message_bits - room, measured=True)


def inside_ckks(
    secret: ts.Context | SecretKey, ciphertext: ts.CKKSVector | Ciphertext, values: ArrayLike
) -> CKKSInside:
    """The headroom, value and noise of a ciphertext of CKKS.

    secret, ciphertext: as for inside_bfv. values: what the ciphertext should hold, a number for each of its slots; the
    noise is the largest difference to what it decrypts to.

    Raises WrongKind and KeyMismatch as inside_bfv does, ShapeMismatch for another number of values, ValueError where
    all of them are 0.
    """
    engine, native = _natives(secret, ciphertext)
    if isinstance(engine, ts.Context):
        _require(native, ts.CKKSVector, "a CKKS vector of TenSEAL")
        [part] = native.ciphertext()
        data = _primes(engine)[:-1]
        left, scale = part.coeff_modulus_size(), part.scale
        decrypted = np.array(native.decrypt(engine.secret_key()))
    else:
        data = _data_primes(_parameters(secret, CKKSParameters))
        left, scale = len(data) - native.mod_level, native.scale
        decrypted = engine.decryptFrac(native)
    if isinstance(ciphertext, Ciphertext):
        decrypted = decrypted[: ciphertext.length]
    expected = np.asarray(values, dtype=np.float64)
    if expected.shape != decrypted.shape:
        raise ShapeMismatch(
            f"The ciphertext holds {len(decrypted)} values, and {expected.shape} is the shape of those to compare "
            "with: give one for each."
        )
    return CKKSInside(
        math.log2(math.prod(data[:left])),
        math.log2(scale),
        math.log2(2 * largest) if (largest := float(np.abs(expected).max())) else -math.inf,
        math.log2(max(1.0, 2 * float(np.abs(decrypted - expected).max()) * scale)),
        math.log2(math.prod(data[left:])),
        measured=True,
    )


def _seal_noise_budget(context: ts.Context, vector: ts.BFVVector) -> int:
    """Bits of noise budget that SEAL finds with the secret key of the context; 0: it decrypts to garbage."""
    decryptor = Decryptor(context.seal_context().data, context.secret_key().data)
    return min(decryptor.invariant_noise_budget(part) for part in vector.ciphertext())


def _natives(secret: Any, ciphertext: Any) -> tuple[Any, Any]:
    """What the library has of both."""
    if isinstance(secret, SecretKey):
        _require(ciphertext, Ciphertext, "a Ciphertext beside a SecretKey")
        if ciphertext.key.fingerprint != secret.fingerprint:
            raise KeyMismatch(
                f"This ciphertext was encrypted under key {ciphertext.key.fingerprint[:8]}, and this secret key is of "
                f"{secret.fingerprint[:8]}."
            )
        return secret.native, ciphertext.native
    if not isinstance(secret, ts.Context) or not secret.is_private():
        raise WrongKind(
            "What is inside a ciphertext is found with the secret key: give a private TenSEAL context, as ts.context "
            "made it, or a SecretKey, such as keys.secret."
        )
    return secret, ciphertext


def _require(given: Any, kind: type, words: str) -> None:
    if not isinstance(given, kind):
        raise WrongKind(f"Here belongs {words}, not {type(given).__name__}.")


def _parameters(secret: Any, kind: type[_P]) -> _P:
    parameters = secret.public.parameters
    if not isinstance(parameters, kind):
        raise WrongKind(f"This needs a key with {kind.__name__}, and this one is of {secret.scheme_name}.")
    return parameters


def _data_primes(parameters: BFVParameters | CKKSParameters) -> tuple[int, ...]:
    """Of a fresh ciphertext."""
    return coefficient_primes(parameters.ring_dimension, parameters.coefficient_modulus_bits)[:-1]


def _primes(context: ts.Context) -> tuple[int, ...]:
    """Of the whole coefficient modulus, that for keys last."""
    return tuple(prime.value() for prime in context.seal_context().data.key_context_data().parms().coeff_modulus())
