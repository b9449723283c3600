"""Reading public keys of any scheme: what a server imports, and all that it imports."""

from he_helpers.parameters import require_security
from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.schemes.public.interface import PublicKey
from he_helpers.schemes.public.interface.records import PublicKeyRecord, named_scheme
from he_helpers.schemes.records import open_message


def load_public_key(data: bytes, insecure_for_teaching: bool = False) -> PublicKey:
    """Read the public key of any scheme from its envelope.

    Raises DamagedBytes, SecretKeyFound, InvalidParameters, InsecureParameters.
    """
    record = open_message(data, PublicKeyRecord)
    entry, parameters = named_scheme(record.kind, record.scheme_name, record.parameters)
    require_security(parameters, insecure_for_teaching)
    return entry.public_key_class().from_record(record, parameters)


def load_libraries() -> None:
    """Load the public side of every library that is installed: now, and not with the first key that needs it."""
    for entry in SCHEMES.values():
        if entry.is_installed():
            entry.public_key_class()
