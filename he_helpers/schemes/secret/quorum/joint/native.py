"""From and to TenSEAL: a public key of two polynomials, the polynomials of a ciphertext, the slots of a plaintext.

What passes through SEAL here is public, or the result.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from tenseal import sealapi

from he_helpers.parameters import BFVParameters, coefficient_primes
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.public.pyfhel_stream import uncompressed_stream
from he_helpers.schemes.public.tenseal import TenSEALBFVPublicKey, context_fingerprint, read_context
from he_helpers.schemes.public.tenseal_message import context_message
from he_helpers.schemes.public.tenseal_polynomials import polynomials_of, stream_content
from he_helpers.schemes.secret.quorum.joint.ring import Ring, ciphertext_ring
from he_helpers.schemes.secret.seal_streams import load_public, saved
from he_helpers.schemes.secret.tenseal import refused_parameters

SCHEME = "tenseal-bfv"


def public_key(parameters: BFVParameters, ring: Ring, b: np.ndarray, a: np.ndarray) -> TenSEALBFVPublicKey:
    """The public key (b, a) as one of TenSEAL's, without evaluation keys. It encrypts and adds as any other.

    Raises InvalidParameters, for those that TenSEAL refuses.
    """
    key = _in_ntt_form(parameters, np.stack([ring.residues(b), ring.residues(a)]))
    try:
        native = read_context(context_message(saved(_native_parameters(parameters, ring.primes).save), key))
    except DamagedBytes as error:
        raise refused_parameters(parameters, error) from None
    return TenSEALBFVPublicKey(native, parameters, context_fingerprint(SCHEME, native))


def ciphertext_polynomials(ciphertext: Ciphertext) -> tuple[np.ndarray, np.ndarray]:
    """The two polynomials (c0, c1) of a ciphertext, modulo q without the last prime: arrays of integers."""
    ring = ciphertext_ring(ciphertext.key.parameters)
    c0, c1 = polynomials_of(ciphertext.native)
    return ring.from_residues(c0), ring.from_residues(c1)


def decoded(ciphertext: Ciphertext, coefficients: np.ndarray) -> np.ndarray:
    """The slots in use of the plaintext polynomial with these coefficients: int64."""
    terms = [f"{coefficient:X}x^{power}" for power, coefficient in enumerate(coefficients.tolist()) if coefficient]
    plain = sealapi.Plaintext(" + ".join(reversed(terms)) or "0")
    encoder = sealapi.BatchEncoder(ciphertext.key.native.seal_context().data)
    slots = encoder.decode_int64(plain)
    return np.array(slots[: ciphertext.length + ciphertext.padding], dtype=np.int64)


def _in_ntt_form(parameters: BFVParameters, residues: np.ndarray) -> bytes:
    """SEAL's stream of two polynomials modulo all primes of a key, transformed: that of a public key."""
    context = _transforming_context(parameters)
    carrier, transformed = sealapi.Ciphertext(context), sealapi.Ciphertext(context)
    carrier.resize(context, 2)
    stream = _with_words(saved(carrier.save), residues)
    load_public(lambda path: carrier.load(context, path), stream)
    sealapi.Evaluator(context).transform_to_ntt(carrier, transformed)
    return saved(transformed.save)


# Nothing is encrypted under it. SEAL tests all primes anew, which takes longer than all that follows; where one process
# plays several custodians, it does so once.
@lru_cache(maxsize=1)
def _transforming_context(parameters: BFVParameters) -> sealapi.SEALContext:
    """A context whose ciphertexts are modulo all primes of a key."""
    # A ciphertext has all primes but the last; so this one is of parameters with one prime more.
    bits = parameters.coefficient_modulus_bits
    ours = coefficient_primes(parameters.ring_dimension, bits)
    [further] = set(coefficient_primes(parameters.ring_dimension, (*bits, bits[-1]))) - set(ours)
    native = _native_parameters(parameters, (*ours, further))
    all_levels = False
    return sealapi.SEALContext(native, all_levels, sealapi.SEC_LEVEL_TYPE.NONE)


@lru_cache(maxsize=2)
def _native_parameters(parameters: BFVParameters, primes: tuple[int, ...]) -> sealapi.EncryptionParameters:
    """The parameters with these primes, as SEAL has them."""
    native = sealapi.EncryptionParameters(sealapi.SCHEME_TYPE.BFV)
    native.set_poly_modulus_degree(parameters.ring_dimension)
    native.set_coeff_modulus([sealapi.Modulus(prime) for prime in primes])
    native.set_plain_modulus(sealapi.Modulus(parameters.plaintext_modulus))
    return native


def _with_words(stream: bytes, words: Any) -> bytes:
    """The stream with other coefficients, which are its last bytes."""
    replacement = np.ascontiguousarray(words, dtype="<u8").tobytes()
    return uncompressed_stream(stream_content(stream)[: -len(replacement)] + replacement, stream)
