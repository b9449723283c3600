"""What the envelopes of public keys and ciphertexts hold."""

from dataclasses import dataclass
from typing import Any

from he_helpers.parameters import Parameters, parameters_from_dict
from he_helpers.schemes.envelope import open_envelope
from he_helpers.schemes.errors import DamagedBytes


def write_bound(bound: float) -> bytes | float:
    # Lanes may be wider than the 64 bits that msgpack has for integers.
    return bound.to_bytes((bound.bit_length() + 7) // 8, "big") if isinstance(bound, int) else bound


def read_bound(field: Any) -> float:
    if isinstance(field, bytes):
        return int.from_bytes(field, "big")
    return field if isinstance(field, float) else -1


@dataclass(frozen=True)
class PublicKeyFields:
    """What the envelope of a public key holds; ``native`` is the library's serialisation."""

    scheme_name: str
    fingerprint: str
    parameters: Parameters
    can_encrypt: bool
    native: bytes


def read_public_key_fields(data: bytes) -> PublicKeyFields:
    """Open the envelope of a public key. Raises DamagedBytes and InvalidParameters; the library sees nothing of it."""
    fields = open_envelope(data, "public key")
    kinds = (str, bytes, dict, bool, bytes)
    if len(fields) != len(kinds) or not all(isinstance(f, k) for f, k in zip(fields, kinds, strict=True)):
        raise DamagedBytes("The fields of this public key do not fit: make it again with this version of he_helpers.")
    scheme_name, fingerprint, parameters, can_encrypt, native = fields
    if len(fingerprint) != 16:
        raise DamagedBytes("The fingerprint of this public key has a wrong length.")
    return PublicKeyFields(scheme_name, fingerprint.hex(), parameters_from_dict(parameters), can_encrypt, native)
