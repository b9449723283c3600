"""What the envelopes of public keys and of ciphertexts hold."""

from typing import Annotated, ClassVar

import msgspec

from he_helpers.parameters import Parameters, parameters_from_dict
from he_helpers.schemes.catalogue import SCHEMES, SchemeEntry
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.records import Fingerprint, Message

# The forms of parameters_to_dict(), which parameters_from_dict() checks in full.
ParametersRecord = dict[str, str | int | tuple[int, ...]]

# No number of a slot or a lane has more: a Paillier modulus of 15,360 bits.
_LONGEST_BOUND = 1920


def write_bound(bound: float) -> bytes | float:
    """The bound of a ciphertext as CiphertextRecord has it."""
    return bound.to_bytes((bound.bit_length() + 7) // 8, "big") if isinstance(bound, int) else bound


def read_bound(field: bytes | int | float, exact: bool) -> float:
    """The inverse of write_bound; -1, which is no bound, for a number of the other kind than the scheme's."""
    if exact:
        return int.from_bytes(field, "big") if isinstance(field, bytes) else -1
    return field if isinstance(field, float) else -1


def named_scheme(kind: str, scheme_name: str, parameters: ParametersRecord) -> tuple[SchemeEntry, Parameters]:
    """The scheme and the parameters that a message of ``kind`` names.

    Raises DamagedBytes for an unknown scheme and for parameters of another one, InvalidParameters.
    """
    entry, named = SCHEMES.get(scheme_name), parameters_from_dict(parameters)
    if entry is None:
        known = ", ".join(SCHEMES)
        raise DamagedBytes(f"A {kind} of the unknown scheme {scheme_name:.40}; this package has {known}.")
    if not isinstance(named, entry.parameters_class):
        raise DamagedBytes(
            f"A {kind} of {entry.name} has {entry.parameters_class.__name__}; this one names {type(named).__name__}."
        )
    return entry, named


class PublicKeyRecord(Message, frozen=True):
    """``native`` is the library's serialisation."""

    kind: ClassVar[str] = "public key"

    scheme_name: str
    key_fingerprint: Fingerprint
    parameters: ParametersRecord
    can_encrypt: bool
    native: bytes


class CiphertextRecord(Message, frozen=True):
    """A ciphertext, in an envelope of its own or as part of a table or an aggregate.

    ``bound`` is an integer as bytes, the most significant first, in exact schemes, since lanes may be wider than the 64
    bits that msgpack has for integers; a float under CKKS; an integer of msgpack never. ``compact`` says whether
    ``native``, the library's serialisation, is the shorter one of Ciphertext.compact.
    """

    kind: ClassVar[str] = "ciphertext"

    scheme_name: str
    key_fingerprint: Fingerprint
    length: Annotated[int, msgspec.Meta(ge=1)]
    padding: Annotated[int, msgspec.Meta(ge=0)]
    bound: Annotated[bytes, msgspec.Meta(max_length=_LONGEST_BOUND)] | int | float
    consumed: int | float
    compact: bool
    native: memoryview
