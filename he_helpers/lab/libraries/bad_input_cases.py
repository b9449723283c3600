"""What the libraries do with bad input: the cases, run in a process of their own by he_helpers.lab.libraries.bad_input.

    python -m he_helpers.lab.libraries.bad_input_cases TenSEAL [case ...]

prints a line of JSON when a case begins and one when it has ended. These are the libraries' own calls; the helpers of
the course refuse all of it by name (tests/schemes/test_bad_input.py).

A case returns what happened in words, or raises what the library raises. Values, keys and places are fixed or drawn
from a fixed seed, and the words do not depend on the ciphertexts' randomness.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import numpy as np

GARBAGE = "silent garbage"
_SLOTS = 4096
_BFV_CHAIN, _PLAINTEXT_MODULUS = [53, 53], 1032193
_CKKS_SLOTS, _CKKS_CHAIN, _SCALE = 4096, [60, 40, 60], 2.0**40
_FLIPS = 60
# Four decimals, and a scale whose error reaches the third.
_DECIMALS, _SHORT_SCALE = [value / 10_000 for value in range(1, 2001)], 2.0**20


def _judged(found: Any, right: Any, otherwise: str = GARBAGE) -> str:
    """ "correct", or what one calls it when the library has given something else without a word."""
    found = np.ravel(np.asarray(found, dtype=float))[: len(right)]
    agrees = len(found) == len(right) and np.allclose(found, right, atol=1e-3)
    return "correct" if agrees else otherwise


def _judged_decimals(found: Any) -> str:
    wrong = np.abs(np.asarray(found, dtype=float)[: len(_DECIMALS)] - _DECIMALS[: len(found)]) > 0.00005
    return "silently other decimals" if wrong.any() else "correct"


def _flipped(data: bytes, attempt: Callable[[bytes], Any], right: list[int]) -> str:
    """Flips one bit in the second half of the ciphertext, many times anew, and says what has come of it."""
    random.seed(1)
    outcomes = set()
    for _ in range(_FLIPS):
        damaged = bytearray(data)
        damaged[random.randrange(len(data) // 2, len(data) - 100)] ^= 1
        try:
            outcomes.add(_judged(attempt(bytes(damaged)), right))
        except (ValueError, RuntimeError) as error:
            outcomes.add(type(error).__name__)
    # Now and then a bit does not matter: that is luck, and no answer of the library.
    outcomes.discard("correct")
    return _one_of(outcomes)


def _one_of(outcomes: set[str]) -> str:
    """What may come out where chance decides, garbage first."""
    return " or ".join(sorted(outcomes, key=lambda word: (word != GARBAGE, word)))


class TenSEAL:
    """TenSEAL's calls."""

    def __init__(self) -> None:
        import tenseal as ts

        self.ts = ts
        self.one, self.other = (
            ts.context(ts.SCHEME_TYPE.BFV, _SLOTS, plain_modulus=_PLAINTEXT_MODULUS, coeff_mod_bit_sizes=_BFV_CHAIN)
            for _ in range(2)
        )
        self.ckks = ts.context(ts.SCHEME_TYPE.CKKS, 2 * _CKKS_SLOTS, coeff_mod_bit_sizes=_CKKS_CHAIN)
        self.ckks.global_scale = _SCALE
        self.ckks.generate_galois_keys()

    def add_ciphertexts_of_two_keys(self) -> str:
        total = self.ts.bfv_vector(self.one, [3, 4]) + self.ts.bfv_vector(self.other, [5, 6])
        return _judged(total.decrypt(), [8, 10])

    def decrypt_with_another_key(self) -> str:
        return _judged(self.ts.bfv_vector(self.one, [3, 4]).decrypt(self.other.secret_key()), [3, 4])

    def decrypt_a_ciphertext_relabelled_to_another_key(self) -> str:
        data = self.ts.bfv_vector(self.one, [3, 4]).serialize()
        return _judged(self.ts.bfv_vector_from(self.other, data).decrypt(), [3, 4])

    def decrypt_without_the_secret_key(self) -> str:
        public = self.ts.context_from(self.one.serialize(save_secret_key=False))
        return _judged(self.ts.bfv_vector(public, [3, 4]).decrypt(), [3, 4])

    def flip_a_bit_of_a_ciphertext(self) -> str:
        data = self.ts.bfv_vector(self.one, [1, 2, 3]).serialize()
        return _flipped(data, lambda damaged: self.ts.bfv_vector_from(self.one, damaged).decrypt(), [1, 2, 3])

    def truncate_a_ciphertext(self) -> str:
        data = self.ts.bfv_vector(self.one, [1, 2, 3]).serialize()
        return _judged(self.ts.bfv_vector_from(self.one, data[: len(data) // 2]).decrypt(), [1, 2, 3])

    def load_empty_bytes_as_a_ciphertext(self) -> str:
        found = self.ts.bfv_vector_from(self.one, b"").decrypt()
        return "accepted: an empty list" if found == [] else GARBAGE

    def encrypt_NaN(self) -> str:
        return _judged(self.ts.ckks_vector(self.ckks, [1.0, np.nan]).decrypt(), [1.0])

    def encrypt_infinity(self) -> str:
        return _judged(self.ts.ckks_vector(self.ckks, [1.0, np.inf]).decrypt(), [1.0])

    def encrypt_a_value_above_the_plaintext_modulus(self) -> str:
        value = _PLAINTEXT_MODULUS + 5
        return _judged(self.ts.bfv_vector(self.one, [value]).decrypt(), [value], "silent wraparound")

    def add_up_to_more_than_the_plaintext_modulus(self) -> str:
        x = self.ts.bfv_vector(self.one, [_PLAINTEXT_MODULUS // 3])
        return _judged((x + x).decrypt(), [2 * (_PLAINTEXT_MODULUS // 3)], "silent wraparound")

    def encrypt_floats_as_integers(self) -> str:
        found = self.ts.bfv_vector(self.one, [1.5, 2.5]).decrypt()
        return "silently truncated" if found == [1, 2] else _judged(found, [1.5, 2.5])

    def encrypt_more_values_than_slots(self) -> str:
        values = np.arange(_CKKS_SLOTS + 1) % 7
        return f"chunked, {_judged(self.ts.ckks_vector(self.ckks, values).decrypt(), values)}"

    def multiply_such_a_long_vector_by_a_matrix(self) -> str:
        size = _CKKS_SLOTS + 1
        product = self.ts.ckks_vector(self.ckks, np.ones(size)).mm(np.ones((size, 1)))
        return _judged(product.decrypt(), [size])

    def add_a_vector_of_length_1_to_a_longer_one(self) -> str:
        total = self.ts.ckks_vector(self.ckks, [5]) + self.ts.ckks_vector(self.ckks, [1, 2, 3])
        return "silently broadcast" if _judged(total.decrypt(), [6, 7, 8]) == "correct" else GARBAGE

    def multiply_reals_beyond_the_depth(self) -> str:
        product = x = self.ts.ckks_vector(self.ckks, [2.0])
        for _ in range(3):
            product = product * x
        return _judged(product.decrypt(), [16])

    def multiply_integers_beyond_the_depth(self) -> str:
        product = x = self.ts.bfv_vector(self.one, [2])
        for _ in range(3):
            product = product * x
        return _judged(product.decrypt(), [16])

    def encrypt_NumPy_integers(self) -> str:
        return _judged(self.ts.bfv_vector(self.one, np.array([3, 4], dtype=np.int64)).decrypt(), [3, 4])

    def encrypt_every_second_number_of_an_array(self) -> str:
        return _judged(self.ts.bfv_vector(self.one, np.arange(1, 13)[::2]).decrypt(), [1, 3, 5, 7, 9, 11])

    def encrypt_decimals_finer_than_the_scale(self) -> str:
        return _judged_decimals(self.ts.ckks_vector(self.ckks, _DECIMALS, scale=_SHORT_SCALE).decrypt())

    def pass_the_other_half_of_a_key_pair(self) -> str:
        return _judged(self.ts.bfv_vector(self.one.secret_key(), [3, 4]).decrypt(), [3, 4])

    def make_keys_with_insecure_parameters(self) -> str:
        self.ts.context(self.ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 60, 60, 60, 60])
        return "accepted"


class Pyfhel:
    """Pyfhel's calls."""

    def __init__(self) -> None:
        import Pyfhel as pyfhel

        self.pyfhel = pyfhel
        self.one, self.other, self.ckks = (pyfhel.Pyfhel() for _ in range(3))
        for engine in (self.one, self.other):
            engine.contextGen("bfv", n=_SLOTS, t=_PLAINTEXT_MODULUS, qi_sizes=_BFV_CHAIN, sec=0)
        self.ckks.contextGen("ckks", n=2 * _CKKS_SLOTS, scale=_SCALE, qi_sizes=_CKKS_CHAIN, sec=0)
        for engine in (self.one, self.other, self.ckks):
            engine.keyGen()
            engine.relinKeyGen()

    def add_ciphertexts_of_two_keys(self) -> str:
        total = self.one.encryptInt(np.array([3, 4])) + self.other.encryptInt(np.array([5, 6]))
        return _judged(self.one.decryptInt(total), [8, 10])

    def decrypt_with_another_key(self) -> str:
        return _judged(self.other.decryptInt(self.one.encryptInt(np.array([3, 4]))), [3, 4])

    def decrypt_a_ciphertext_relabelled_to_another_key(self) -> str:
        data = self.one.encryptInt(np.array([3, 4])).to_bytes("none")
        return _judged(self.other.decryptInt(self.pyfhel.PyCtxt(pyfhel=self.other, bytestring=data)), [3, 4])

    def decrypt_without_the_secret_key(self) -> str:
        public = self.pyfhel.Pyfhel()
        public.from_bytes_context(self.one.to_bytes_context("none"))
        public.from_bytes_public_key(self.one.to_bytes_public_key("none"))
        return _judged(public.decryptInt(public.encryptInt(np.array([3, 4]))), [3, 4])

    def flip_a_bit_of_a_ciphertext(self) -> str:
        engine, load = self.one, self.pyfhel.PyCtxt
        data = engine.encryptInt(np.array([1, 2, 3])).to_bytes("none")
        return _flipped(data, lambda damaged: engine.decryptInt(load(pyfhel=engine, bytestring=damaged)), [1, 2, 3])

    def truncate_a_ciphertext(self) -> str:
        data = self.one.encryptInt(np.array([1, 2, 3])).to_bytes("none")
        damaged = self.pyfhel.PyCtxt(pyfhel=self.one, bytestring=data[: len(data) // 2])
        return _judged(self.one.decryptInt(damaged), [1, 2, 3])

    def load_empty_bytes_as_a_ciphertext(self) -> str:
        self.one.decryptInt(self.pyfhel.PyCtxt(pyfhel=self.one, bytestring=b""))
        return GARBAGE

    def encrypt_NaN(self) -> str:
        return _judged(self.ckks.decryptFrac(self.ckks.encryptFrac(np.array([1.0, np.nan]))), [1.0])

    def encrypt_infinity(self) -> str:
        return _judged(self.ckks.decryptFrac(self.ckks.encryptFrac(np.array([1.0, np.inf]))), [1.0])

    def encrypt_a_value_above_the_plaintext_modulus(self) -> str:
        value = _PLAINTEXT_MODULUS + 5
        return _judged(self.one.decryptInt(self.one.encryptInt(np.array([value]))), [value], "silent wraparound")

    def add_up_to_more_than_the_plaintext_modulus(self) -> str:
        x = self.one.encryptInt(np.array([_PLAINTEXT_MODULUS // 3]))
        return _judged(self.one.decryptInt(x + x), [2 * (_PLAINTEXT_MODULUS // 3)], "silent wraparound")

    def encrypt_floats_as_integers(self) -> str:
        return _judged(self.one.decryptInt(self.one.encryptInt(np.array([1.5, 2.5]))), [1.5, 2.5])

    def encrypt_more_values_than_slots(self) -> str:
        values = np.arange(_CKKS_SLOTS + 1) % 7.0
        return _judged(self.ckks.decryptFrac(self.ckks.encryptFrac(values)), values)

    def add_a_vector_of_length_1_to_a_longer_one(self) -> str:
        total = self.ckks.encryptFrac(np.array([5.0])) + self.ckks.encryptFrac(np.array([1.0, 2.0, 3.0]))
        found = self.ckks.decryptFrac(total)
        return "padded with zeros" if _judged(found, [6, 2, 3]) == "correct" else _judged(found, [6, 7, 8])

    def multiply_reals_beyond_the_depth(self) -> str:
        engine = self.ckks
        product = x = engine.encryptFrac(np.array([2.0]))
        for _ in range(3):
            product = product * x
            engine.relinearize(product)
            engine.rescale_to_next(product)
            product.set_scale(_SCALE)
        return _judged(engine.decryptFrac(product), [16])

    def multiply_integers_beyond_the_depth(self) -> str:
        engine = self.one
        product = x = engine.encryptInt(np.array([2]))
        for _ in range(3):
            product = product * x
            engine.relinearize(product)
        return _judged(engine.decryptInt(product), [16])

    def encrypt_NumPy_integers(self) -> str:
        return _judged(self.one.decryptInt(self.one.encryptInt(np.array([3, 4], dtype=np.int64))), [3, 4])

    def encrypt_every_second_number_of_an_array(self) -> str:
        return _judged(self.one.decryptInt(self.one.encryptInt(np.arange(1, 13)[::2])), [1, 3, 5, 7, 9, 11])

    def encrypt_decimals_finer_than_the_scale(self) -> str:
        return _judged_decimals(self.ckks.decryptFrac(self.ckks.encryptFrac(np.array(_DECIMALS), scale=_SHORT_SCALE)))

    def make_keys_with_insecure_parameters(self) -> str:
        engine = self.pyfhel.Pyfhel()
        engine.contextGen("ckks", n=8192, scale=_SCALE, qi_sizes=[60, 40, 40, 40, 40, 60], sec=0)
        engine.keyGen()
        return "accepted"

    def ask_for_primes_and_a_security_level(self) -> str:
        engine = self.pyfhel.Pyfhel()
        engine.contextGen("bfv", n=8192, t=_PLAINTEXT_MODULUS, qi_sizes=[40, 40, 40], sec=128)
        return "correct" if len(engine.qi) == 3 else "silently other primes"


class Phe:
    """phe's calls. The keys are short ones, since no security is at stake here."""

    def __init__(self) -> None:
        import phe

        self.phe = phe
        self.one, self.other = (phe.generate_paillier_keypair(n_length=1024) for _ in range(2))

    def add_ciphertexts_of_two_keys(self) -> str:
        total = self.one[0].encrypt(3) + self.other[0].encrypt(5)
        return _judged([self.one[1].decrypt(total)], [8])

    def decrypt_with_another_key(self) -> str:
        return _judged([self.other[1].decrypt(self.one[0].encrypt(3))], [3])

    def decrypt_a_ciphertext_relabelled_to_another_key(self) -> str:
        public, private = self.other
        numbers = (self.one[0].encrypt(3).ciphertext() % public.nsquare for _ in range(_FLIPS))
        return self._decrypted(public, private, numbers)

    def decrypt_without_the_secret_key(self) -> str:
        public, _ = self.one
        return GARBAGE if hasattr(public, "decrypt") else "not possible"

    def flip_a_bit_of_a_ciphertext(self) -> str:
        # No bytes to load: a ciphertext of phe is an integer.
        public, private = self.one
        number = public.encrypt(3).ciphertext()
        return self._decrypted(public, private, (number ^ 1 << bit for bit in range(_FLIPS)))

    def encrypt_NaN(self) -> str:
        return _judged([self.one[1].decrypt(self.one[0].encrypt(np.nan))], [3])

    def encrypt_infinity(self) -> str:
        return _judged([self.one[1].decrypt(self.one[0].encrypt(np.inf))], [3])

    def encrypt_a_value_above_the_plaintext_modulus(self) -> str:
        public, private = self.one
        value = public.n + 5
        return "correct" if private.decrypt(public.encrypt(value)) == value else "silent wraparound"

    def add_up_to_more_than_the_plaintext_modulus(self) -> str:
        # The positive numbers are the lowest third: two can reach the middle third, which is kept free, three pass it.
        public, private = self.one
        x = public.encrypt(public.max_int)
        outcomes = set()
        for total, right in ((x + x, 2 * public.max_int), (x + x + x, 3 * public.max_int)):
            try:
                outcomes.add("correct" if private.decrypt(total) == right else "silent wraparound")
            except OverflowError as error:
                outcomes.add(type(error).__name__)
        return _one_of(outcomes)

    def encrypt_floats_as_integers(self) -> str:
        return _judged([self.one[1].decrypt(self.one[0].encrypt(1.5))], [1.5])

    def multiply_integers_beyond_the_depth(self) -> str:
        x = self.one[0].encrypt(2)
        return _judged([self.one[1].decrypt(x * x)], [4])

    def encrypt_NumPy_integers(self) -> str:
        return _judged([self.one[1].decrypt(self.one[0].encrypt(np.int64(3)))], [3])

    def encrypt_decimals_finer_than_the_scale(self) -> str:
        public, private = self.one
        return _judged_decimals([private.decrypt(public.encrypt(value)) for value in _DECIMALS[:3]])

    def pass_the_other_half_of_a_key_pair(self) -> str:
        _, private = self.one
        return _judged([private.decrypt(private.encrypt(3))], [3])

    def make_keys_with_insecure_parameters(self) -> str:
        self.phe.generate_paillier_keypair(n_length=512)
        return "accepted"

    def read_the_magnitude_of_a_float_without_a_key(self) -> str:
        small, large = (self.one[0].encrypt(value).exponent for value in (1e-9, 1e9))
        return "visible in the exponent" if small != large else "hidden"

    def falsify_an_exponent(self) -> str:
        public, private = self.one
        x = public.encrypt(3)
        forged = self.phe.EncryptedNumber(public, x.ciphertext(), exponent=x.exponent + 1)
        return "silently scaled" if private.decrypt(forged) == 3 * self.phe.EncodedNumber.BASE else "correct"

    def _decrypted(self, public: Any, private: Any, numbers: Iterable[int]) -> str:
        """What comes of integers that are no ciphertexts of 3, decrypted as users do it."""
        outcomes = set()
        for number in numbers:
            try:
                found = private.decrypt(self.phe.EncryptedNumber(public, number))
                outcomes.add("correct" if found == 3 else GARBAGE)
            except OverflowError as error:
                outcomes.add(type(error).__name__)
        return _one_of(outcomes)


class OpenFHE:
    """openfhe's calls, where it is installed: those of the others' cases that it has a plain counterpart for."""

    def __init__(self) -> None:
        import openfhe

        self.openfhe = openfhe
        parameters = openfhe.CCParamsBFVRNS()
        parameters.SetPlaintextModulus(_PLAINTEXT_MODULUS)
        parameters.SetMultiplicativeDepth(1)
        self.context = openfhe.GenCryptoContext(parameters)
        for feature in (openfhe.PKE, openfhe.KEYSWITCH, openfhe.LEVELEDSHE):
            self.context.Enable(feature)
        self.one, self.other = self.context.KeyGen(), self.context.KeyGen()
        self.context.EvalMultKeyGen(self.one.secretKey)

    def add_ciphertexts_of_two_keys(self) -> str:
        total = self.context.EvalAdd(self._encrypted([3, 4]), self._encrypted([5, 6], self.other))
        return _judged(self._decrypted(total), [8, 10])

    def decrypt_with_another_key(self) -> str:
        return _judged(self._decrypted(self._encrypted([3, 4]), self.other), [3, 4])

    def truncate_a_ciphertext(self) -> str:
        data = self.openfhe.Serialize(self._encrypted([1, 2, 3]), self.openfhe.BINARY)
        damaged = self.openfhe.DeserializeCiphertextString(data[: len(data) // 2], self.openfhe.BINARY)
        return _judged(self._decrypted(damaged), [1, 2, 3])

    def load_empty_bytes_as_a_ciphertext(self) -> str:
        damaged = self.openfhe.DeserializeCiphertextString(b"", self.openfhe.BINARY)
        return _judged(self._decrypted(damaged), [1, 2, 3])

    def encrypt_a_value_above_the_plaintext_modulus(self) -> str:
        value = _PLAINTEXT_MODULUS + 5
        return _judged(self._decrypted(self._encrypted([value])), [value], "silent wraparound")

    def add_up_to_more_than_the_plaintext_modulus(self) -> str:
        x = self._encrypted([_PLAINTEXT_MODULUS // 3])
        total = self.context.EvalAdd(x, x)
        return _judged(self._decrypted(total), [2 * (_PLAINTEXT_MODULUS // 3)], "silent wraparound")

    def encrypt_floats_as_integers(self) -> str:
        found = self._decrypted(self._encrypted([1.5, 2.5]))[:2]
        return "silently truncated" if found == [1, 2] else _judged(found, [1.5, 2.5])

    def multiply_integers_beyond_the_depth(self) -> str:
        product = x = self._encrypted([2])
        for _ in range(7):
            product = self.context.EvalMult(product, x)
        return _judged(self._decrypted(product), [256])

    def encrypt_NumPy_integers(self) -> str:
        return _judged(self._decrypted(self._encrypted(np.array([3, 4]))), [3, 4])

    def add_a_plain_number(self) -> str:
        return _judged(self._decrypted(self._encrypted([3]) + 1), [4])

    def _encrypted(self, values: Any, keys: Any = None) -> Any:
        return self.context.Encrypt((keys or self.one).publicKey, self.context.MakePackedPlaintext(values))

    def _decrypted(self, ciphertext: Any, keys: Any = None) -> list[int]:
        return self.context.Decrypt((keys or self.one).secretKey, ciphertext).GetPackedValue()


LIBRARIES = {"TenSEAL": TenSEAL, "Pyfhel": Pyfhel, "phe": Phe}
try:
    import openfhe  # noqa: F401
except ImportError:  # not installed, or its compiled part was made for another system
    pass
else:
    LIBRARIES["openfhe"] = OpenFHE


def cases(library: str) -> list[str]:
    """The names of a library's cases, in the order in which they are written down."""
    return [name for name, value in vars(LIBRARIES[library]).items() if callable(value) and not name.startswith("_")]


def _run(library: Any, name: str, report: TextIO) -> None:
    """One case, and what the library itself wrote to the terminal meanwhile, its compiled part included."""
    print(json.dumps({"begins": name}), file=report, flush=True)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
        try:
            outcome = getattr(library, name)()
        except Exception as error:  # whatever the library raises is the answer
            outcome = type(error).__name__
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)
        warned = written.tell() > 0
    ended = {"ended": name, "outcome": f"warning, {outcome}" if warned else outcome}
    print(json.dumps(ended), file=report, flush=True)


def main(arguments: list[str]) -> None:
    library, *chosen = arguments
    # One of the cases ends the process, which should not leave a core file behind.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(os.dup(1), "w") as report:
        started = LIBRARIES[library]()
        for name in chosen or cases(library):
            _run(started, name, report)


if __name__ == "__main__":
    main(sys.argv[1:])
