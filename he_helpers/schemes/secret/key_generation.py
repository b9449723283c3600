"""Choosing a scheme, by its name or by a function of its own, and reading a key pair from its bytes."""

from collections.abc import Sequence

from he_helpers.errors import HEError
from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters, Parameters
from he_helpers.schemes.catalogue import load, scheme_entry
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.library_errors import LIBRARY_ERRORS
from he_helpers.schemes.public.interface.records import named_scheme
from he_helpers.schemes.records import open_message
from he_helpers.schemes.secret.interface import KeyPair, Scheme
from he_helpers.schemes.secret.records import KeyPairRecord


def make_scheme(
    name: str,
    parameters: Parameters | None = None,
    *,
    relinearisation_keys: bool = False,
    galois_keys: bool | Sequence[int] = False,
    insecure_for_teaching: bool = False,
) -> Scheme:
    """The scheme of this name in ``schemes.catalogue``, such as "tenseal-bfv".

    parameters: of its class in the catalogue; None: the defaults of that class. relinearisation_keys: for products of
    ciphertexts. galois_keys: True for sums of slots; the steps of rotations where the library makes single keys.
    insecure_for_teaching: take parameters that the published tables call insecure.

    Raises UnsupportedOperation (no such scheme; evaluation keys that it does not have), InvalidParameters,
    InsecureParameters.
    """
    return _scheme_class(name)(
        name,
        scheme_entry(name).parameters_class() if parameters is None else parameters,
        relinearisation_keys=relinearisation_keys,
        galois_keys=galois_keys,
        insecure_for_teaching=insecure_for_teaching,
    )


def _scheme_class(name: str) -> type[Scheme]:
    return load(scheme_entry(name).secret)


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
    return make_scheme(
        "tenseal-bfv",
        parameters,
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
    return make_scheme(
        "tenseal-ckks",
        parameters,
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
    return make_scheme(
        "pyfhel-bfv",
        parameters,
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
    return make_scheme(
        "pyfhel-ckks",
        parameters,
        relinearisation_keys=relinearisation_keys,
        galois_keys=galois_keys,
        insecure_for_teaching=insecure_for_teaching,
    )


def paillier(parameters: PaillierParameters | None = None, *, insecure_for_teaching: bool = False) -> Scheme:
    """Paillier of the library phe: exact integers in lanes."""
    return make_scheme("paillier", parameters, insecure_for_teaching=insecure_for_teaching)


def secret_key_from_bytes(data: bytes) -> KeyPair:
    """The key pair whose secret key returned ``data`` from to_bytes(). Raises DamagedBytes, InvalidParameters."""
    record = open_message(data, KeyPairRecord)
    entry, parameters = named_scheme(record.kind, record.scheme_name, record.parameters)
    try:
        return _scheme_class(entry.name).key_pair_from_record(record, parameters)
    except HEError:
        raise
    except LIBRARY_ERRORS as error:
        raise DamagedBytes(f"The library makes no key pair of these bytes ({type(error).__name__}).") from None
