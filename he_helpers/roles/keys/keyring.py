"""Secrets at rest: one file, encrypted under a passphrase.

Layout of the file ``keyring`` (big-endian)::

    word      4   b"HEKR"
    version   1
    log2(n)   1   the parameters of scrypt (RFC 7914)
    r, p      4, 4
    salt      16  random, new with every write
    nonce     12  random, new with every write
    entries       AES-256-GCM over a msgpack map name -> secret; all of the above is the associated data
    digest    16  the first half of SHA-256 over all of the above

The digest keeps two cases apart that a cipher cannot: a damaged file, and a wrong passphrase. It
authenticates nobody; that is what GCM does. Who alters the file and repairs the digest gets "wrong
passphrase".

Where the key that opens the file is in a token or at a key service (``service``), the version is 2, and the parameters
of scrypt and the salt give way to::

    lengths   2, 2
    service   its name
    key       32 random bytes, new with every write, wrapped by the service
"""

import hashlib
import secrets
import struct
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from he_helpers.files import alone_with, private_folder, read_private, write_private
from he_helpers.roles.errors import (
    AlreadyThere,
    DamagedKeyring,
    InvalidName,
    KeyServiceRefused,
    NotThere,
    WrongPassphrase,
)
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.service import KeyService

_WORD = b"HEKR"
_VERSION = 1
_HEADER = struct.Struct(">4sBBII16s12s")
_SERVICE_VERSION = 2
_SERVICE_HEADER = struct.Struct(">4sBHH")
_NONCE_BYTES = 12
_DIGEST_BYTES = 16
_TAG_BYTES = 16
_LARGEST_FILE = 2**30  # a TenSEAL context with all Galois keys has 117 MB
_LARGEST_NAME = 200

# One guess costs 32 MiB of memory and about a tenth of a second (n = 2^15, r = 8: 128 * n * r bytes).
LOG2_N, R, P = 15, 8, 1
# What a file may ask for: not weaker than the above, and no more than 256 MiB or 128 times the work.
_LARGEST_MEMORY = 2**28
_LARGEST_WORK = 2**25

Passphrase = str | Hidden[str]


class _Known(Hidden[str]):
    """A passphrase with the key that scrypt last made of it: who keeps the one need not wait for the other again."""

    __slots__ = ("_made",)

    def __init__(self, value: str):
        super().__init__(value)
        self._made: tuple[tuple[bytes, int, int, int], Hidden[bytes]] | None = None

    def key(self, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
        asked, made = (salt, log2_n, r, p), self._made
        if made is None or made[0] != asked:
            made = asked, Hidden(Scrypt(salt, 32, 2**log2_n, r, p).derive(self.reveal().encode()))
            self._made = made
        return made[1].reveal()


class Keyring:
    """The secrets of one role in ``folder`` (mode 0700), in the file ``keyring`` (mode 0600).

    Every call takes the passphrase and leaves nothing decrypted behind. A passphrase is any non-empty text;
    composed and decomposed accents count as the same (Unicode NFC), since keyboards differ in that.

    service: where the key that opens the file lives, if it does not come from the passphrase. The passphrase is then
    what opens the service, as the PIN of a token, and each read and write asks the service.

    Raises WrongPassphrase, DamagedKeyring, and ExposedFile when others can read the file or enter the folder.
    """

    def __init__(self, folder: Path | str, service: KeyService | None = None):
        self.folder = private_folder(folder)
        self.service = service
        self.path = self.folder / "keyring"

    def __repr__(self) -> str:
        return f"Keyring({str(self.folder)!r})"

    def names(self, passphrase: Passphrase) -> tuple[str, ...]:
        """The names of the entries, sorted; none when there is no file yet."""
        passphrase = hide(passphrase)
        return tuple(sorted(self._read(passphrase).reveal())) if self.path.exists() else ()

    def load(self, name: str, passphrase: Passphrase) -> bytes:
        """The secret called ``name``. Raises NotThere when the keyring or the entry is missing."""
        passphrase = hide(passphrase)
        if not self.path.exists():
            raise NotThere(f"There is no keyring in {self.folder} yet. Create keys first.")
        entries = self._read(passphrase)
        if name not in entries.reveal():
            known = ", ".join(sorted(entries.reveal())) or "none"
            raise NotThere(f"The keyring has no entry {name!r}. Its entries: {known}.")
        return entries.reveal()[name]

    def store(
        self, name: str, secret: bytes | Hidden[bytes], passphrase: Passphrase, *, overwrite: bool = False
    ) -> None:
        """Add ``secret`` under ``name`` (1 to 200 characters).

        The passphrase of the first entry becomes that of the file. An entry of that name with other bytes is
        kept (AlreadyThere) unless ``overwrite`` is True: what was encrypted under it could never be decrypted
        again. The same bytes again change nothing.
        """
        passphrase = hide(passphrase)
        secret = secret if isinstance(secret, Hidden) else Hidden(secret)
        _check_name(name)
        if not isinstance(secret.reveal(), bytes):
            raise TypeError(f"A secret is bytes; this is {type(secret.reveal()).__name__}.")
        with self._alone():
            entries = self._read(passphrase) if self.path.exists() else Hidden({})
            if entries.reveal().get(name) == secret.reveal():
                return
            if name in entries.reveal() and not overwrite:
                raise AlreadyThere(
                    f"The keyring already has an entry {name!r}. It is kept: whatever was encrypted for it "
                    "would be lost. "
                    "Use another name, or pass overwrite=True if that is what you want."
                )
            more = Hidden({**entries.reveal(), name: secret.reveal()})
            write_private(self.path, _seal(more, passphrase, self.service))

    def remove(self, name: str, passphrase: Passphrase) -> None:
        """Take an entry away for good; one that is not there is no error.

        Copies of the file that were made before still have it.
        """
        passphrase = hide(passphrase)
        with self._alone():
            entries = self._read(passphrase) if self.path.exists() else Hidden({})
            if name in entries.reveal():
                rest = Hidden({entry: secret for entry, secret in entries.reveal().items() if entry != name})
                write_private(self.path, _seal(rest, passphrase, self.service))

    def protect(self, passphrase: Passphrase, new_passphrase: Passphrase, service: KeyService | None = None) -> None:
        """Write the file anew so that it opens by ``new_passphrase`` and ``service`` (None: by the passphrase alone).

        Copies of the file that were made before open as they did: destroy them. Where one may be in wrong hands, its
        keys have to be replaced. Raises NotThere without a file, KeyServiceRefused; the file is then what it was.
        """
        passphrase, new_passphrase = hide(passphrase), hide(new_passphrase)
        with self._alone():
            if not self.path.exists():
                raise NotThere(f"There is no keyring in {self.folder} yet. Create keys first.")
            write_private(self.path, _seal(self._read(passphrase), new_passphrase, service))
            self.service = service

    def _read(self, passphrase: _Known) -> Hidden[dict[str, bytes]]:
        data = _intact(read_private(self.path, _LARGEST_FILE), self.path)
        if data[len(_WORD)] == _SERVICE_VERSION:
            return _open_by(self.service, data, passphrase, self.path)
        if self.service is not None:
            raise KeyServiceRefused(
                f"{self.path} opens with a passphrase alone, and not by {self.service.name}. Open it without the "
                "service, and call protect() (of a role: protect_keyring()), which moves it there."
            )
        return _open(data, passphrase, self.path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers out, so that no entry is lost, and clear what a crash left."""
        with alone_with(self.folder):
            for leftover in self.folder.glob(".keyring.*"):
                leftover.unlink()
            yield


def hide(passphrase: Passphrase) -> _Known:
    """The passphrase in Unicode NFC, hidden from tracebacks. WrongPassphrase when it is empty.

    Whoever keeps it and opens a keyring by it again does so faster, for the key that opened it is kept with it.
    """
    if isinstance(passphrase, _Known):
        return passphrase
    if not isinstance(passphrase, Hidden):
        passphrase = Hidden(passphrase)  # from here on no local variable holds the bare text
    if not isinstance(passphrase.reveal(), str):
        raise TypeError(f"A passphrase is text; this is {type(passphrase.reveal()).__name__}.")
    hidden = _Known(unicodedata.normalize("NFC", passphrase.reveal()))
    if not hidden.reveal():
        raise WrongPassphrase(
            "The passphrase is empty. Choose one that nobody guesses, for instance five random words."
        )
    if any(0xD800 <= ord(character) <= 0xDFFF for character in hidden.reveal()):
        raise WrongPassphrase("The passphrase contains half a character (a lone surrogate). Type it in again.")
    return hidden


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= _LARGEST_NAME:
        raise InvalidName(f"The name of an entry is text of 1 to {_LARGEST_NAME} characters; this is {name!r:.80}.")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidName(f"The name {name!r:.80} contains half a character (a lone surrogate).") from None


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:_DIGEST_BYTES]


def _seal(entries: Hidden[dict[str, bytes]], passphrase: _Known, service: KeyService | None) -> bytes:
    if service is None:
        return _seal_by_passphrase(entries, passphrase)
    return _seal_by_service(service, entries, passphrase)


def _seal_by_passphrase(entries: Hidden[dict[str, bytes]], passphrase: _Known) -> bytes:
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    header = _HEADER.pack(_WORD, _VERSION, LOG2_N, R, P, salt, nonce)
    cipher = AESGCM(passphrase.key(salt, LOG2_N, R, P))
    sealed = header + cipher.encrypt(nonce, msgpack.packb(entries.reveal()), header)
    return sealed + _digest(sealed)


def _seal_by_service(service: KeyService, entries: Hidden[dict[str, bytes]], passphrase: Hidden[str]) -> bytes:
    key, nonce, name = Hidden(secrets.token_bytes(32)), secrets.token_bytes(_NONCE_BYTES), service.name.encode()
    wrapped = service.wrap(key, passphrase)
    lengths = _SERVICE_HEADER.pack(_WORD, _SERVICE_VERSION, len(name), len(wrapped))
    header = b"".join((lengths, name, wrapped, nonce))
    sealed = header + AESGCM(key.reveal()).encrypt(nonce, msgpack.packb(entries.reveal()), header)
    return sealed + _digest(sealed)


def _open_by(service: KeyService | None, data: bytes, passphrase: Hidden[str], path: Path) -> Hidden[dict[str, bytes]]:
    _, _, name_length, wrapped_length = _SERVICE_HEADER.unpack_from(data)
    wrapped_at = _SERVICE_HEADER.size + name_length
    nonce_at = wrapped_at + wrapped_length
    name = data[_SERVICE_HEADER.size : wrapped_at].decode(errors="replace")
    if service is None or service.name != name:
        raise KeyServiceRefused(f"{path} opens by {name!r:.200}. Pass this service, and have its token at hand.")
    header = data[: nonce_at + _NONCE_BYTES]
    if len(data) < len(header) + _TAG_BYTES or len(header) < nonce_at + _NONCE_BYTES:
        raise DamagedKeyring(f"{path} is only the beginning of a keyring. Restore it from a copy.")
    key = service.unwrap(data[wrapped_at:nonce_at], passphrase)
    try:
        return Hidden(msgpack.unpackb(AESGCM(key.reveal()).decrypt(header[nonce_at:], data[len(header) :], header)))
    except InvalidTag:
        raise DamagedKeyring(f"{path} was altered: its key opens it no more. Restore it from a copy.") from None


def _intact(data: bytes, path: Path) -> bytes:
    """The file without its digest. Raises DamagedKeyring."""
    if len(data) < _HEADER.size + _TAG_BYTES + _DIGEST_BYTES or not data.startswith(_WORD):
        raise DamagedKeyring(f"{path} is not a keyring, or only the beginning of one. Restore it from a copy.")
    if _digest(data[:-_DIGEST_BYTES]) != data[-_DIGEST_BYTES:]:
        raise DamagedKeyring(f"{path} is damaged: its bytes are not those that were written. Restore it from a copy.")
    return data[:-_DIGEST_BYTES]


def _open(data: bytes, passphrase: _Known, path: Path) -> Hidden[dict[str, bytes]]:
    header, body = data[: _HEADER.size], data[_HEADER.size :]
    _, version, log2_n, r, p, salt, nonce = _HEADER.unpack(header)
    if version != _VERSION:
        raise DamagedKeyring(f"{path} is a keyring of version {version}; this package reads version {_VERSION}.")
    # Checked before scrypt runs: a planted file could otherwise ask for all the memory of the computer.
    if log2_n < LOG2_N or r < R or p < P or log2_n > 30 or 128 * r << log2_n > _LARGEST_MEMORY:
        raise DamagedKeyring(
            f"{path} asks for scrypt parameters outside of what this package accepts. Restore it from a copy."
        )
    if (r * p) << log2_n > _LARGEST_WORK:
        raise DamagedKeyring(f"{path} asks for more scrypt work than this package accepts. Restore it from a copy.")
    try:
        return Hidden(msgpack.unpackb(AESGCM(passphrase.key(salt, log2_n, r, p)).decrypt(nonce, body, header)))
    except InvalidTag:
        raise WrongPassphrase(
            f"This passphrase does not open {path}. Try again, or restore the right keyring."
        ) from None
