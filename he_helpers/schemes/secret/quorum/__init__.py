"""Release by quorum: a key in shares among custodians, of whom any ``threshold`` together decrypt and fewer cannot.

One interface (``QuorumKey``, ``KeyShare``, ``PartialDecryption``), three ways, each with what it trusts:

shared_secret_key    The key that encrypts a key pair is shared (Shamir). Any scheme. The dealer had the key pair, and
                     whoever combines holds it for one moment, and could keep it.
threshold_paillier   A dealer shares the key of Paillier ciphertexts once, and partial decryptions are combined: the key
                     never exists again. The dealer had it.
JointCeremony        Custodians make a BFV key that nobody ever holds, not even while it is made.

Nothing in ``server/`` may import this. A partial decryption is for the one who combines: seal it to them and sign it.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
