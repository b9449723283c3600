"""What every scheme offers on the public side: encrypting, evaluating, serialising. No secret key is known here.

``key`` encrypts, ``ciphertext`` evaluates; both check before the library computes. ``adapter`` says what a library has
to be able to do, ``values`` which numbers are taken, ``records`` what is in an envelope.
"""

from he_helpers.schemes.public.interface.ciphertext import Ciphertext
from he_helpers.schemes.public.interface.key import DEFAULT_TERMS, Encryptor, PublicKey, require_encryptor

__all__ = [
    "DEFAULT_TERMS",
    "Ciphertext",
    "Encryptor",
    "PublicKey",
    "require_encryptor",
]
