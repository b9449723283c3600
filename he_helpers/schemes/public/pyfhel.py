"""Pyfhel on the public side: BFV and CKKS ciphertexts under a Pyfhel object that holds no secret key."""

import hashlib
import warnings
from collections.abc import Collection
from functools import lru_cache
from typing import TypeVar
from weakref import WeakValueDictionary

import numpy as np
from Pyfhel import PyCtxt, Pyfhel

from he_helpers.parameters import BFVParameters, CKKSParameters, InvalidParameters, Parameters
from he_helpers.schemes.errors import DamagedBytes, UnsupportedOperation
from he_helpers.schemes.library_errors import LIBRARY_ERRORS
from he_helpers.schemes.public.interface.records import PublicKeyRecord
from he_helpers.schemes.public.kept_contexts import keeps_contexts, note_use
from he_helpers.schemes.public.lattice_noise import BFVNoise, CKKSLevels, LatticeKey
from he_helpers.schemes.public.pyfhel_stream import CiphertextHead, read_head

# Valid in every build of Pyfhel, with or without zlib and zstd.
UNCOMPRESSED = "none"
_PARTS = ("context", "public", "relinearisation", "galois")
_Engine = TypeVar("_Engine", bound=Pyfhel)


class _Shared(Pyfhel):
    """A Pyfhel object that several keys may have. One of Pyfhel's own class could not be referred to weakly."""


# As TenSEAL's contexts: one without keys is nothing but parameters, takes as long to build as reading some hundred
# ciphertexts, and is shared among keys while in use, by the digest of what it was read from. Nothing here changes it.
# A process that keeps contexts also shares those with keys of a few bytes: who rotates a little sends them each time.
_in_use: WeakValueDictionary[bytes, _Shared] = WeakValueDictionary()
_FEW_BYTES = 2**20


def pyfhel_fingerprint(scheme_name: str, engine: Pyfhel) -> str:
    """32 hexadecimal characters: a SHA-256 digest over the scheme, its parameters and the public encryption key."""
    parts = (scheme_name.encode(), engine.to_bytes_context(UNCOMPRESSED), engine.to_bytes_public_key(UNCOMPRESSED))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]


def engine_for(parameters: BFVParameters | CKKSParameters) -> Pyfhel:
    """A Pyfhel object with the context of these parameters, which is the same every time, and no keys."""
    # Our own tables judge the security (they are stricter than SEAL's): sec=0 leaves the chain as it is.
    common = {"n": parameters.ring_dimension, "qi_sizes": list(parameters.coefficient_modulus_bits), "sec": 0}
    engine = Pyfhel()
    with warnings.catch_warnings():
        # Pyfhel warns where the scale does not fit the primes; CKKSParameters.levels counts those that do.
        warnings.simplefilter("ignore")
        if isinstance(parameters, BFVParameters):
            status = engine.contextGen(scheme="bfv", t=parameters.plaintext_modulus, **common)
        else:
            status = engine.contextGen(scheme="ckks", scale=2.0**parameters.scale_bits, **common)
    if "success" not in str(status):
        raise InvalidParameters(f"Pyfhel refuses these parameters: {status}")
    return engine


@lru_cache(maxsize=16)
def _context_bytes(parameters: BFVParameters | CKKSParameters) -> bytes:
    return engine_for(parameters).to_bytes_context(UNCOMPRESSED)


def engine_from_parts(parts: dict[str, bytes]) -> Pyfhel:
    """A Pyfhel object from its serialised context and whichever keys are there; the one in use for the same bytes, if
    there is one and it may be shared (see _in_use): never with a secret key. Raises DamagedBytes."""
    size = sum(len(part) for name, part in parts.items() if name != "context")
    if parts.get("secret") or size > (_FEW_BYTES if keeps_contexts() else 0):
        return _read(Pyfhel(), parts)
    digest = hashlib.sha256(_join({name: parts.get(name, b"") for name in _PARTS})).digest()
    if (in_use := _in_use.get(digest)) is not None:
        return in_use
    engine = _in_use[digest] = _read(_Shared(), parts)
    return engine


def _read(engine: _Engine, parts: dict[str, bytes]) -> _Engine:
    readers = {
        "context": engine.from_bytes_context,
        "public": engine.from_bytes_public_key,
        "relinearisation": engine.from_bytes_relin_key,
        "galois": engine.from_bytes_rotate_key,
        "secret": engine.from_bytes_secret_key,
    }
    try:
        for name, read in readers.items():
            if parts.get(name):
                read(parts[name])
    except (*LIBRARY_ERRORS, MemoryError) as error:
        raise DamagedBytes(f"Pyfhel cannot read the {name} of this key ({type(error).__name__}).") from None
    return engine


def public_parts(engine: Pyfhel, kept: Collection[str] = _PARTS) -> dict[str, bytes]:
    """The serialised context and the keys that anyone may have; empty where the engine has none, or it is not kept."""
    parts = {
        "context": (False, engine.to_bytes_context),
        "public": (engine.is_public_key_empty(), engine.to_bytes_public_key),
        "relinearisation": (engine.is_relin_key_empty(), engine.to_bytes_relin_key),
        "galois": (engine.is_rotate_key_empty(), engine.to_bytes_rotate_key),
    }
    return {
        name: b"" if is_empty or name not in kept else to_bytes(UNCOMPRESSED)
        for name, (is_empty, to_bytes) in parts.items()
    }


class PyfhelPublicKey(LatticeKey):
    def __init__(self, engine: Pyfhel, parameters: Parameters, fingerprint: str) -> None:
        self.native = engine
        super().__init__(parameters, fingerprint, not engine.is_public_key_empty())

    @classmethod
    def from_record(cls, record: PublicKeyRecord, parameters: Parameters) -> "PyfhelPublicKey":
        parts = _split(record.native)
        cls.require_context(parts["context"], parameters)
        if bool(parts["public"]) != record.can_encrypt:
            raise DamagedBytes(f"This public key says can_encrypt={record.can_encrypt}; its parts do not.")
        engine = engine_from_parts(parts)
        if isinstance(engine, _Shared):
            note_use(engine, parameters)
        fingerprint = record.key_fingerprint.hex()
        if record.can_encrypt and pyfhel_fingerprint(cls.scheme_name, engine) != fingerprint:
            raise DamagedBytes("The fingerprint that this public key names is not its own.")
        return cls(engine, parameters, fingerprint)

    @classmethod
    def require_context(cls, context: bytes, parameters: Parameters) -> None:
        """Raise DamagedBytes if these are not the parameters of the serialised context.

        To be called before the context is read: a forged one can keep Pyfhel busy for ever.
        """
        if context != _context_bytes(parameters):
            raise DamagedBytes("The parameters that this key names are not those of its Pyfhel context.")

    def _reduced(self, evaluation_keys: bool) -> "PyfhelPublicKey":
        """The context, with the evaluation keys that were made or without them."""
        kept = ("context", "relinearisation", "galois") if evaluation_keys else ("context",)
        engine = engine_from_parts(public_parts(self.native, kept))
        if isinstance(engine, _Shared):
            note_use(engine, self.parameters)
        return type(self)(engine, self.parameters, self.fingerprint)

    def _native_bytes(self) -> bytes:
        return _join(public_parts(self.native))

    def _load(self, data: bytes, size: int, consumed: float) -> PyCtxt:
        declared = CiphertextHead(
            ntt_form=not self.exact,
            polynomials=2,
            ring_dimension=self.parameters.ring_dimension,
            primes=self._primes_left(consumed),
            scale=self._native_scale(),
        )
        if read_head(data) != declared:
            raise DamagedBytes(
                "This ciphertext is of another level, scale or form than it declares. Send what to_bytes() returned."
            )
        try:
            return PyCtxt(pyfhel=self.native, bytestring=data)
        except (*LIBRARY_ERRORS, MemoryError) as error:
            raise DamagedBytes(f"Pyfhel cannot read this ciphertext ({type(error).__name__}).") from None

    def _serialise(self, native: PyCtxt) -> bytes:
        return native.to_bytes(UNCOMPRESSED)

    def _negate(self, a: PyCtxt) -> PyCtxt:
        return -a

    def _multiply(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        if self.native.is_relin_key_empty():
            raise UnsupportedOperation(
                "A product of ciphertexts needs relinearisation keys: make the key pair with relinearisation_keys=True."
            )
        product = a * b
        self.native.relinearize(product)
        return product

    def _sum(self, a: PyCtxt, size: int) -> PyCtxt:
        if self.native.is_rotate_key_empty():
            raise UnsupportedOperation("The sum of slots needs Galois keys: make the key pair with galois_keys=True.")
        try:
            return self.native.cumul_add(a, in_new_ctxt=True)
        except ValueError:
            raise UnsupportedOperation(
                "The sum of slots rotates by every power of two, and some of these Galois keys are not there: make the "
                "key pair with galois_keys=True."
            ) from None

    def _rotate(self, a: PyCtxt, steps: int) -> PyCtxt:
        try:
            # Without any Galois key Pyfhel would use an empty one, which gives garbage.
            if not self.native.is_rotate_key_empty():
                return self.native.rotate(a, steps, in_new_ctxt=True)
        except ValueError:
            pass
        raise UnsupportedOperation(
            f"A rotation by {steps} needs the Galois key of these steps: name them when making the key pair, for "
            f"instance galois_keys=[{steps}], or make all with galois_keys=True."
        )


def _join(parts: dict[str, bytes]) -> bytes:
    return b"".join(len(parts[name]).to_bytes(8, "little") + parts[name] for name in _PARTS)


def _split(data: bytes) -> dict[str, bytes]:
    parts, position = {}, 0
    for name in _PARTS:
        size = int.from_bytes(data[position : position + 8], "little")
        parts[name] = data[position + 8 : position + 8 + size]
        position += 8 + size
    if position != len(data) or not parts["context"]:
        raise DamagedBytes("The parts of this Pyfhel key do not add up to its length.")
    return parts


class PyfhelBFVPublicKey(BFVNoise, PyfhelPublicKey):
    """Pyfhel BFV: exact integers."""

    scheme_name = "pyfhel-bfv"

    def _encrypt(self, vector: np.ndarray) -> PyCtxt:
        return self.native.encryptInt(vector.astype(np.int64, copy=False))

    def _add(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self.native.add(a, b, True)

    def _subtract(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self.native.sub(a, b, True)

    def _add_plain(self, a: PyCtxt, vector: np.ndarray) -> PyCtxt:
        return a + vector.astype(np.int64)

    def _multiply_plain(self, a: PyCtxt, factor: np.ndarray | float) -> PyCtxt:
        if isinstance(factor, np.ndarray):
            return a * factor.astype(np.int64)
        # SEAL takes a negative number for t - |number|, which multiplies the noise by the plaintext modulus t.
        return a * factor if factor >= 0 else -(a * -factor)


class PyfhelCKKSPublicKey(CKKSLevels, PyfhelPublicKey):
    """Pyfhel CKKS: real numbers with an error."""

    scheme_name = "pyfhel-ckks"

    def _encrypt(self, vector: np.ndarray) -> PyCtxt:
        return self.native.encryptFrac(vector)

    # Operands of different levels are aligned by PyCtxt's operators.
    def _add(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return a + b

    def _subtract(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return a - b

    def _add_plain(self, a: PyCtxt, vector: np.ndarray) -> PyCtxt:
        return a + vector

    def _multiply_plain(self, a: PyCtxt, factor: np.ndarray | float) -> PyCtxt:
        return self._rescaled(a * (factor if isinstance(factor, np.ndarray) else float(factor)))

    def _multiply(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._rescaled(super()._multiply(a, b))

    def _rescaled(self, product: PyCtxt) -> PyCtxt:
        self.native.rescale_to_next(product)
        # The prime that was divided out is not exactly the scale; the operators refuse scales that differ.
        product.set_scale(2.0**self.parameters.scale_bits)
        return product
