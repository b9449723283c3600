"""Which schemes there are, and reading a key pair from its bytes."""

from collections.abc import Sequence

from he_helpers.errors import HEError
from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters
from he_helpers.schemes.envelope import open_envelope
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.library_errors import LIBRARY_ERRORS
from he_helpers.schemes.secret.interface import KeyPair, Scheme
from he_helpers.schemes.secret.phe import Paillier
from he_helpers.schemes.secret.tenseal import TenSEALScheme


def tenseal_bfv(
    parameters: BFVParameters | None = None,
    *,
    relinearisation_keys: bool = False,
    galois_keys: bool = False,
    insecure_for_teaching: bool = False,
) -> Scheme:
    """TenSEAL BFV: exact integers in slots. The default of this course.

    relinearisation_keys: for products of ciphertexts. galois_keys: for sums of slots. insecure_for_teaching: take
    parameters that the published tables call insecure.
    """
    return TenSEALScheme(
        "tenseal-bfv",
        parameters or BFVParameters(),
        relinearisation_keys=relinearisation_keys,
        galois_keys=galois_keys,
        insecure_for_teaching=insecure_for_teaching,
    )


def tenseal_ckks(
    parameters: CKKSParameters | None = None,
    *,
    relinearisation_keys: bool = False,
    galois_keys: bool = False,
    insecure_for_teaching: bool = False,
) -> Scheme:
    """TenSEAL CKKS: real numbers with an error, in slots. Keywords as for tenseal_bfv."""
    return TenSEALScheme(
        "tenseal-ckks",
        parameters or CKKSParameters(),
        relinearisation_keys=relinearisation_keys,
        galois_keys=galois_keys,
        insecure_for_teaching=insecure_for_teaching,
    )


def pyfhel_bfv(
    parameters: BFVParameters | None = None,
    *,
    relinearisation_keys: bool = False,
    galois_keys: bool | Sequence[int] = False,
    insecure_for_teaching: bool = False,
) -> Scheme:
    """Pyfhel BFV: exact integers in slots. Keywords as for tenseal_bfv; galois_keys may name the steps of rotations."""
    return _pyfhel_scheme()(
        "pyfhel-bfv",
        parameters or BFVParameters(),
        relinearisation_keys=relinearisation_keys,
        galois_keys=galois_keys,
        insecure_for_teaching=insecure_for_teaching,
    )


def pyfhel_ckks(
    parameters: CKKSParameters | None = None,
    *,
    relinearisation_keys: bool = False,
    galois_keys: bool | Sequence[int] = False,
    insecure_for_teaching: bool = False,
) -> Scheme:
    """Pyfhel CKKS: real numbers with an error, in slots. Keywords as for pyfhel_bfv."""
    return _pyfhel_scheme()(
        "pyfhel-ckks",
        parameters or CKKSParameters(),
        relinearisation_keys=relinearisation_keys,
        galois_keys=galois_keys,
        insecure_for_teaching=insecure_for_teaching,
    )


def paillier(parameters: PaillierParameters | None = None, *, insecure_for_teaching: bool = False) -> Scheme:
    """Paillier of the library phe: exact integers in lanes."""
    return Paillier("paillier", parameters or PaillierParameters(), insecure_for_teaching=insecure_for_teaching)


def _scheme_class(name: object) -> type[Scheme] | None:
    if name in ("tenseal-bfv", "tenseal-ckks"):
        return TenSEALScheme
    if name in ("pyfhel-bfv", "pyfhel-ckks"):
        return _pyfhel_scheme()
    return Paillier if name == "paillier" else None


def _pyfhel_scheme() -> type[Scheme]:
    # Not before it is needed: Pyfhel is compiled on the learner's machine, and may not be there yet.
    from he_helpers.schemes.secret.pyfhel import PyfhelScheme

    return PyfhelScheme


def secret_key_from_bytes(data: bytes) -> KeyPair:
    """The key pair whose secret key returned ``data`` from to_bytes(). Raises DamagedBytes, InvalidParameters."""
    fields = open_envelope(data, "key pair")
    kinds = (str, dict, bool, list)
    if (
        len(fields) != len(kinds)
        or not all(isinstance(field, kind) for field, kind in zip(fields, kinds, strict=True))
        or (scheme := _scheme_class(fields[0])) is None
    ):
        raise DamagedBytes("The fields of this key pair do not fit this version of he_helpers.")
    try:
        return scheme.key_pair_from_fields(fields)
    except HEError:
        raise
    except LIBRARY_ERRORS as error:
        raise DamagedBytes(f"The library makes no key pair of these bytes ({type(error).__name__}).") from None
