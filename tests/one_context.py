"""Key pairs for tests of what is computed: in half the time, and half the memory."""

from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.schemes.public.tenseal import settled
from he_helpers.schemes.secret import KeyPair, Scheme
from he_helpers.schemes.secret.pyfhel import PyfhelScheme, PyfhelSecretKey
from he_helpers.schemes.secret.tenseal import TenSEALSecretKey


def in_one_context(scheme: Scheme) -> KeyPair:
    """New keys of TenSEAL or Pyfhel that compute as those of generate_keys() do. Both halves of the pair are in one
    context of the library, whose making takes longer than most of what is then computed in it.

    So its public half is not fit to be given away. TenSEAL's has relinearisation keys, asked for or not.
    """
    native = scheme.native_keys()
    if isinstance(scheme, PyfhelScheme):
        secret_class = PyfhelSecretKey
    else:
        native, secret_class = settled(native), TenSEALSecretKey
    public = SCHEMES[scheme.name].public_key_class()(native, scheme.parameters, "0" * 32)
    return KeyPair(public, secret_class(public, native, scheme.insecure_for_teaching))
