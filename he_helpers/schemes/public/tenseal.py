"""TenSEAL on the public side: BFV and CKKS vectors under a context that holds no secret key."""

import hashlib
from abc import abstractmethod
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import tenseal as ts

# Importing them also registers the SEAL types that a context's parameters are made of.
from tenseal.sealapi import CKKSEncoder, Plaintext

from he_helpers.parameters import BFVParameters, CKKSParameters, Parameters, coefficient_primes
from he_helpers.schemes.errors import DamagedBytes, SecretKeyFound, UnsupportedOperation
from he_helpers.schemes.library_errors import LIBRARY_ERRORS
from he_helpers.schemes.public.interface.records import PublicKeyRecord
from he_helpers.schemes.public.kept_contexts import note_use
from he_helpers.schemes.public.lattice_noise import BFVNoise, CKKSLevels, LatticeKey
from he_helpers.schemes.public.tenseal_message import check_vector_message, vector_message
from he_helpers.schemes.public.tenseal_polynomials import message_with, polynomials_of

# Building a context takes as long as reading some hundred ciphertexts: SEAL tests each of its primes anew, with numbers
# that it draws from the processor. So those in use are shared, by the digest of the bytes that they were read from;
# nothing here changes a context. What holds evaluation keys is large and stays with its key.
_contexts_in_use: WeakValueDictionary[bytes, ts.Context] = WeakValueDictionary()


def read_context(native: bytes) -> ts.Context:
    """A TenSEAL context from its serialisation: where it holds no secret key and no evaluation keys, the one in use for
    the same bytes, if there is one. Raises DamagedBytes."""
    if (in_use := _contexts_in_use.get(hashlib.sha256(native).digest())) is not None:
        return in_use
    try:
        context = settled(ts.context_from(native, n_threads=1))
    except (*LIBRARY_ERRORS, MemoryError) as error:
        raise DamagedBytes(f"TenSEAL cannot read this context ({type(error).__name__}).") from None
    if not (context.is_private() or context.has_galois_keys() or context.has_relin_keys()):
        # What was settled has other bytes than those it was read from.
        for serialised in (native, _serialised(context)):
            _contexts_in_use[hashlib.sha256(serialised).digest()] = context
    return context


def settled(context: ts.Context) -> ts.Context:
    """The context with its automatic rescaling as its scheme needs it.

    TenSEAL switches it off with the first BFV vector, which changes the serialised context, and so its fingerprint.
    """
    if context.seal_context().data.key_context_data().parms().scheme().name == "BFV":
        context.auto_rescale = False
        context.auto_mod_switch = False
    return context


def context_fingerprint(scheme_name: str, context: ts.Context) -> str:
    """32 hexadecimal characters: a SHA-256 digest over the scheme, its parameters and the public encryption key."""
    return hashlib.sha256(scheme_name.encode() + _serialised(context)).hexdigest()[:32]


def _serialised(context: ts.Context) -> bytes:
    """The parameters, and the public encryption key where there is one."""
    # Asked for a key that is not there, TenSEAL ends the process.
    return context.serialize(
        save_public_key=context.has_public_key(),
        save_secret_key=False,
        save_galois_keys=False,
        save_relin_keys=False,
    )


class TenSEALPublicKey(LatticeKey):
    _scheme_type: ts.SCHEME_TYPE

    def __init__(self, context: ts.Context, parameters: Parameters, fingerprint: str) -> None:
        self.native = context
        super().__init__(parameters, fingerprint, context.has_public_key())

    @classmethod
    def from_record(cls, record: PublicKeyRecord, parameters: Parameters) -> "TenSEALPublicKey":
        context = read_context(record.native)
        if context.is_private():
            raise SecretKeyFound("This TenSEAL context holds a secret key: serialise it without save_secret_key.")
        cls.require_context(context, parameters)
        if not (context.has_public_key() or context.has_galois_keys() or context.has_relin_keys()):
            note_use(context, parameters)
        if context.has_public_key() != record.can_encrypt:
            raise DamagedBytes(f"This public key says can_encrypt={record.can_encrypt}; its TenSEAL context does not.")
        fingerprint = record.key_fingerprint.hex()
        if record.can_encrypt and context_fingerprint(cls.scheme_name, context) != fingerprint:
            raise DamagedBytes("The fingerprint that this public key names is not its own.")
        return cls(context, parameters, fingerprint)

    @classmethod
    def require_context(cls, context: ts.Context, parameters: Any) -> None:
        """Raise DamagedBytes if these are not the parameters of the context."""
        native_parameters = context.seal_context().data.key_context_data().parms()
        primes = tuple(prime.value() for prime in native_parameters.coeff_modulus())
        if (
            native_parameters.poly_modulus_degree() != parameters.ring_dimension
            or primes != coefficient_primes(parameters.ring_dimension, parameters.coefficient_modulus_bits)
            or native_parameters.scheme().name != cls._scheme_type.name
            or not cls._same_encoding(context, parameters)
        ):
            raise DamagedBytes("The parameters that this key names are not those of its TenSEAL context.")

    @staticmethod
    @abstractmethod
    def _same_encoding(context: ts.Context, parameters: Any) -> bool:
        """Whether plaintext modulus or scale are those announced."""

    def _reduced(self, evaluation_keys: bool) -> "TenSEALPublicKey":
        """The context without the encryption key: about 90 bytes where there are no evaluation keys."""
        native = self.native.serialize(
            save_public_key=False,
            save_secret_key=False,
            save_galois_keys=evaluation_keys and self.native.has_galois_keys(),
            save_relin_keys=evaluation_keys and self.native.has_relin_keys(),
        )
        return type(self)(read_context(native), self.parameters, self.fingerprint)

    def _native_bytes(self) -> bytes:
        return self.native.serialize(
            save_public_key=self.can_encrypt,
            save_secret_key=False,
            save_galois_keys=self.native.has_galois_keys(),
            save_relin_keys=self.native.has_relin_keys(),
        )

    def _largest_native(self) -> int:
        # Compression may expand what is random by a fraction of a percent.
        return self._native_size(0) * 102 // 100 + 1024

    @staticmethod
    @abstractmethod
    def _reader(context: ts.Context, data: bytes) -> Any:
        """TenSEAL's vector from its message."""

    def _message_scale(self) -> float | None:
        """The scale in the message of a vector."""
        return None if self.exact else self._native_scale()

    def _load(self, data: bytes, size: int, consumed: float) -> Any:
        check_vector_message(data, size, self._message_scale())
        try:
            native = self._reader(self.native, data)
        except (*LIBRARY_ERRORS, MemoryError) as error:
            raise DamagedBytes(f"TenSEAL cannot read this ciphertext ({type(error).__name__}).") from None
        parts = native.ciphertext()
        if len(parts) != 1 or native.size() != size:
            raise DamagedBytes(f"This ciphertext announces {size} values in one ciphertext, and is another.")
        [part] = parts
        found = (part.size(), part.coeff_modulus_size(), part.is_ntt_form(), part.scale)
        if found != (2, self._primes_left(consumed), not self.exact, self._native_scale()):
            raise DamagedBytes(
                "This ciphertext is of another level, scale or form than it declares. Send what to_bytes() returned."
            )
        return native

    def with_check_slots(self, vector: np.ndarray) -> np.ndarray:
        """The vector with the unused slots behind it that must decrypt as zeros."""
        padding = self._padding(len(vector))
        return np.concatenate([vector, np.zeros(padding, dtype=vector.dtype)]) if padding else vector

    def vector_from_stream(self, stream: bytes, size: int) -> tuple[Any, bytes]:
        """TenSEAL's vector around a stream of SEAL that was encrypted under this key, and its message."""
        message = vector_message(stream, size, self._message_scale())
        return self._reader(self.native, message), message

    def with_noise(self, native: Any, noise: np.ndarray) -> Any:
        """TenSEAL's vector with noise added to the inside of its ciphertext, by its first polynomial.

        noise: of length N, integers (dtype object), one for each coefficient, under BFV; complex numbers of length
        N / 2 under CKKS, one for each slot, as large as they shall be in the values.
        """
        polynomials = polynomials_of(native)
        primes = coefficient_primes(self.parameters.ring_dimension, self.parameters.coefficient_modulus_bits)
        column = np.array(primes[: polynomials.shape[1]], dtype=np.uint64)[:, None]
        polynomials[0] = (polynomials[0] + self._noise_polynomial(native, noise)) % column
        return self._reader(self.native, message_with(native, polynomials))

    @abstractmethod
    def _noise_polynomial(self, native: Any, noise: np.ndarray) -> np.ndarray:
        """The noise in the form of the ciphertext's polynomials: uint64, (primes, N)."""

    def _serialise(self, native: Any) -> bytes:
        return native.serialize()

    def _add(self, a: Any, b: Any) -> Any:
        return a + b

    def _subtract(self, a: Any, b: Any) -> Any:
        return a - b

    def _add_plain(self, a: Any, vector: np.ndarray) -> Any:
        return a + vector.tolist()

    def _multiply_plain(self, a: Any, factor: np.ndarray | int | float) -> Any:
        return a * (factor.tolist() if isinstance(factor, np.ndarray) else factor)

    def _multiply(self, a: Any, b: Any) -> Any:
        if not self.native.has_relin_keys():
            raise UnsupportedOperation(
                "A product of ciphertexts needs relinearisation keys: make the key pair with relinearisation_keys=True."
            )
        return a * b

    def _sum(self, a: Any, size: int) -> Any:
        self._require_galois_keys("The sum of slots")
        return a.sum()

    def _require_galois_keys(self, what: str) -> None:
        if not self.native.has_galois_keys():
            raise UnsupportedOperation(f"{what} needs Galois keys: make the key pair with galois_keys=True.")


class TenSEALBFVPublicKey(BFVNoise, TenSEALPublicKey):
    """TenSEAL BFV: exact integers."""

    scheme_name = "tenseal-bfv"
    _scheme_type = ts.SCHEME_TYPE.BFV

    @staticmethod
    def _same_encoding(context: ts.Context, parameters: BFVParameters) -> bool:
        native = context.seal_context().data.key_context_data().parms().plain_modulus()
        return native.value() == parameters.plaintext_modulus

    def _multiply_plain(self, a: ts.BFVVector, factor: np.ndarray | float) -> ts.BFVVector:
        if isinstance(factor, np.ndarray) or factor >= 0:
            return super()._multiply_plain(a, factor)
        # SEAL takes a negative number for t - |number|, which multiplies the noise by the plaintext modulus t.
        return self._negate(super()._multiply_plain(a, -factor))

    def _negate(self, a: ts.BFVVector) -> ts.BFVVector:
        # TenSEAL negates no BFV vector; this gives the same ciphertext and adds no noise.
        return a - (a + a)

    def _sum(self, a: ts.BFVVector, size: int) -> ts.BFVVector:
        half = self.slot_count // 2
        if size > half:
            raise UnsupportedOperation(
                f"TenSEAL sums at most {half} slots of BFV, {size} are in use here (with those kept zero). Split the "
                "vector, or use pyfhel-bfv."
            )
        return super()._sum(a, size)

    def _noise_polynomial(self, native: ts.BFVVector, noise: np.ndarray) -> np.ndarray:
        primes = coefficient_primes(self.parameters.ring_dimension, self.parameters.coefficient_modulus_bits)[:-1]
        return np.array([noise % prime for prime in primes], dtype=np.uint64)

    def _encrypt(self, vector: np.ndarray) -> ts.BFVVector:
        return ts.bfv_vector(self.native, self.with_check_slots(vector.astype(np.int64, copy=False)))

    @staticmethod
    def _reader(context: ts.Context, data: bytes) -> ts.BFVVector:
        return ts.bfv_vector_from(context, data)


class TenSEALCKKSPublicKey(CKKSLevels, TenSEALPublicKey):
    """TenSEAL CKKS: real numbers with an error."""

    scheme_name = "tenseal-ckks"
    _scheme_type = ts.SCHEME_TYPE.CKKS

    @staticmethod
    def _same_encoding(context: ts.Context, parameters: CKKSParameters) -> bool:
        return context.global_scale == 2.0**parameters.scale_bits

    def _noise_polynomial(self, native: ts.CKKSVector, noise: np.ndarray) -> np.ndarray:
        [part] = native.ciphertext()
        plain = Plaintext()
        CKKSEncoder(self.native.seal_context().data).encode(noise.tolist(), part.parms_id(), part.scale, plain)
        shape = part.coeff_modulus_size(), part.poly_modulus_degree()
        words = np.fromiter((plain.data(place) for place in range(shape[0] * shape[1])), dtype=np.uint64)
        return words.reshape(shape)

    def _encrypt(self, vector: np.ndarray) -> ts.CKKSVector:
        return ts.ckks_vector(self.native, self.with_check_slots(vector))

    @staticmethod
    def _reader(context: ts.Context, data: bytes) -> ts.CKKSVector:
        return ts.ckks_vector_from(context, data)

    def _negate(self, a: ts.CKKSVector) -> ts.CKKSVector:
        return -a

    def _protected(self, native: ts.CKKSVector) -> ts.CKKSVector:
        # TenSEAL takes levels off the second operand itself, and leaves it unfit for what could still be done with it.
        # Its own copy() ends the process where the context holds no public key.
        return ts.ckks_vector_from(self.native, native.serialize())

    def _matrix_product(self, a: ts.CKKSVector, matrix: np.ndarray) -> ts.CKKSVector:
        self._require_galois_keys("A product with a matrix")
        if not self.can_encrypt:
            raise UnsupportedOperation(
                "A product with a matrix needs the whole public key, because TenSEAL encrypts zeros for it. This is "
                "the part for evaluation only."
            )
        return a.mm(matrix.tolist())
