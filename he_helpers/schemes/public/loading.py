"""Reading public keys of any scheme: what a server imports, and all that it imports."""

from he_helpers.parameters import require_security
from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import PublicKey, read_public_key_fields


def load_public_key(data: bytes, insecure_for_teaching: bool = False) -> PublicKey:
    """Read the public key of any scheme from its envelope.

    Raises DamagedBytes, SecretKeyFound, InvalidParameters, InsecureParameters.
    """
    fields = read_public_key_fields(data)
    entry = SCHEMES.get(fields.scheme_name)
    if entry is None:
        known = ", ".join(SCHEMES)
        raise DamagedBytes(f"A public key of the unknown scheme {fields.scheme_name!s:.40}; this package has {known}.")
    if not isinstance(fields.parameters, entry.parameters_class):
        raise DamagedBytes(f"The parameters of this public key are not of its scheme, {entry.name}.")
    require_security(fields.parameters, insecure_for_teaching)
    return entry.public_key_class().from_fields(fields)


def load_libraries() -> None:
    """Load the public side of every library that is installed: now, and not with the first key that needs it."""
    for entry in SCHEMES.values():
        if entry.is_installed():
            entry.public_key_class()
