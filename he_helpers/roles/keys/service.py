"""Where the key that wraps a keyring can live: outside of the computer that holds the file.

A service wraps and unwraps keys of 32 bytes, under a key of its own that never leaves it. ``token.Token`` is one. A
cloud key service plugs in here with two methods: wrap() sends the key to its call for encryption, unwrap() what that
gave to its call for decryption, and the passphrase opens the credentials for it.

What it protects: a copy of the file is worth nothing without the service, which can be locked, counts and logs its
uses, and cannot be copied. What it does not: whoever controls the process while the keyring is open has the secrets, as
they leave the file for the time of a computation. No token and no service computes with keys of BFV or Paillier.
"""

from abc import ABC, abstractmethod

from he_helpers.roles.keys.hidden import Hidden


class KeyService(ABC):
    """``name`` (text of at most 200 characters) is written into each keyring that opens by this service."""

    name: str

    @abstractmethod
    def wrap(self, key: Hidden[bytes], passphrase: Hidden[str]) -> bytes:
        """The key, encrypted: at most 4096 bytes. Raises WrongPassphrase, KeyServiceRefused."""

    @abstractmethod
    def unwrap(self, wrapped: bytes, passphrase: Hidden[str]) -> Hidden[bytes]:
        """The inverse of wrap. Raises WrongPassphrase, KeyServiceRefused."""
