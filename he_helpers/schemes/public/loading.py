"""Reading public keys of any scheme: what a server imports, and all that it imports."""

from he_helpers.parameters import require_security
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import PublicKey, read_public_key_fields
from he_helpers.schemes.public.phe import PUBLIC_KEY_CLASSES as PHE
from he_helpers.schemes.public.tenseal import PUBLIC_KEY_CLASSES as TENSEAL

_PYFHEL_SCHEMES = ("pyfhel-bfv", "pyfhel-ckks")


def load_public_key(data: bytes, insecure_for_teaching: bool = False) -> PublicKey:
    """Read the public key of any scheme from its envelope.

    Raises DamagedBytes, SecretKeyFound, InvalidParameters, InsecureParameters.
    """
    fields = read_public_key_fields(data)
    scheme_name = fields.scheme_name
    classes = {**TENSEAL, **PHE}
    if scheme_name in _PYFHEL_SCHEMES:
        # Not before it is needed: Pyfhel is compiled on the learner's machine, and may not be there yet.
        from he_helpers.schemes.public.pyfhel import PUBLIC_KEY_CLASSES as PYFHEL

        classes |= PYFHEL
    if scheme_name not in classes:
        known = ", ".join([*TENSEAL, *_PYFHEL_SCHEMES, *PHE])
        raise DamagedBytes(f"A public key of the unknown scheme {scheme_name!s:.40}; this package has {known}.")
    key_class = classes[scheme_name]
    if not isinstance(fields.parameters, key_class.parameters_class):
        raise DamagedBytes(f"The parameters of this public key are not of its scheme, {scheme_name}.")
    require_security(fields.parameters, insecure_for_teaching)
    return key_class.from_fields(fields)
