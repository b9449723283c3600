"""From and to TenSEAL: a public key of two polynomials, the polynomials of a ciphertext, the slots of a plaintext.

What passes through SEAL here is public, or the result.
"""

from typing import Any

import numpy as np
from tenseal import sealapi

from he_helpers.parameters import BFVParameters, coefficient_primes
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.public.pyfhel_stream import uncompressed_stream
from he_helpers.schemes.public.tenseal import TenSEALBFVPublicKey, context_fingerprint, read_context
from he_helpers.schemes.public.tenseal_polynomials import polynomials_of, stream_content
from he_helpers.schemes.secret.key_generation import tenseal_bfv
from he_helpers.schemes.secret.quorum.joint.ring import Ring, ciphertext_ring
from he_helpers.schemes.secret.seal_streams import load_public, saved

SCHEME = "tenseal-bfv"


def public_key(
    parameters: BFVParameters, ring: Ring, b: np.ndarray, a: np.ndarray, insecure_for_teaching: bool
) -> TenSEALBFVPublicKey:
    """The public key (b, a) as one of TenSEAL's, without evaluation keys. It encrypts and adds as any other."""
    # TenSEAL makes a context with a key pair of its own, whose public key is replaced and whose secret key is dropped.
    context = tenseal_bfv(parameters, insecure_for_teaching=insecure_for_teaching).generate_keys().public.native
    words = _in_ntt_form(parameters, np.stack([ring.residues(b), ring.residues(a)]))
    key = context.public_key().data
    seal_context = context.seal_context().data
    load_public(lambda path: key.load(seal_context, path), _with_words(saved(key.save), words))
    # Its encryptor holds the old key still; a context that is read from bytes does not.
    native = read_context(
        context.serialize(save_public_key=True, save_secret_key=False, save_galois_keys=False, save_relin_keys=False)
    )
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


def _in_ntt_form(parameters: BFVParameters, residues: np.ndarray) -> np.ndarray:
    """SEAL's transform of polynomials modulo all primes of a key: uint64, (2, primes, N)."""
    # A ciphertext has all primes but the last; so this one is of parameters with one prime more.
    bits = parameters.coefficient_modulus_bits
    ours = coefficient_primes(parameters.ring_dimension, bits)
    [further] = set(coefficient_primes(parameters.ring_dimension, (*bits, bits[-1]))) - set(ours)
    native = sealapi.EncryptionParameters(sealapi.SCHEME_TYPE.BFV)
    native.set_poly_modulus_degree(parameters.ring_dimension)
    native.set_coeff_modulus([sealapi.Modulus(prime) for prime in (*ours, further)])
    native.set_plain_modulus(sealapi.Modulus(parameters.plaintext_modulus))
    # Nothing is encrypted under it: SEAL only transforms.
    context = sealapi.SEALContext(native, True, sealapi.SEC_LEVEL_TYPE.NONE)
    some_key, carrier, transformed = sealapi.PublicKey(), sealapi.Ciphertext(), sealapi.Ciphertext(context)
    sealapi.KeyGenerator(context).create_public_key(some_key)
    sealapi.Encryptor(context, some_key).encrypt_zero(carrier)
    stream = _with_words(saved(carrier.save), residues)
    load_public(lambda path: carrier.load(context, path), stream)
    sealapi.Evaluator(context).transform_to_ntt(carrier, transformed)
    content = stream_content(saved(transformed.save))
    return np.frombuffer(content[-residues.nbytes :], dtype="<u8").reshape(residues.shape)


def _with_words(stream: bytes, words: Any) -> bytes:
    """The stream with other coefficients, which are its last bytes."""
    replacement = np.ascontiguousarray(words, dtype="<u8").tobytes()
    return uncompressed_stream(stream_content(stream)[: -len(replacement)] + replacement, stream)
