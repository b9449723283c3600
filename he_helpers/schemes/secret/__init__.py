"""The secret side of every scheme: generating key pairs and decrypting. Nothing in ``server/`` may import it.

scheme = tenseal_bfv()
keys = scheme.generate_keys()
ciphertext = keys.public.encrypt([1, 2, 3])
keys.secret.decrypt(ciphertext)
"""

from he_helpers.schemes.secret.flooding import decrypt_flooded, flooding_deviation
from he_helpers.schemes.secret.interface import KeyPair, Scheme, SecretKey
from he_helpers.schemes.secret.key_generation import (
    make_scheme,
    paillier,
    pyfhel_bfv,
    pyfhel_ckks,
    secret_key_from_bytes,
    tenseal_bfv,
    tenseal_ckks,
)
from he_helpers.schemes.secret.records import KeyPairRecord

__all__ = [
    "KeyPair",
    "KeyPairRecord",
    "Scheme",
    "SecretKey",
    "decrypt_flooded",
    "flooding_deviation",
    "make_scheme",
    "paillier",
    "pyfhel_bfv",
    "pyfhel_ckks",
    "secret_key_from_bytes",
    "tenseal_bfv",
    "tenseal_ckks",
]
