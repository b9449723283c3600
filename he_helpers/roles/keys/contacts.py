"""The public keys of other people, handed over in person, and how a role recognises them later.

Everything else reaches a role through the server, and the server is not trusted. If a request carried the
analyst's key, the server could put its own there and would read the result; if a release carried the
administrator's signature key, the server could sign its own results. So keys change hands outside of the
server (here: a folder, in reality a meeting, a business card, a signed message), and what travels through the
server is a fingerprint only, which must match a key that the receiver already holds.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from he_helpers.audit.heads import key_fingerprint
from he_helpers.files import private_folder, read_private, write_private
from he_helpers.roles.arguments import of_kind
from he_helpers.roles.errors import AlreadyThere, DamagedContact, InvalidName, NotThere

VERIFY_KEY = "verify key"
ENCRYPTION_KEY = "encryption key"
ALGORITHMS = {VERIFY_KEY: "Ed25519", ENCRYPTION_KEY: "Curve25519"}
_KEY_BYTES = 32
_LARGEST_FILE = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")


@dataclass(frozen=True)
class Contact:
    """A public key of an administrator or analyst.

    ``kind`` is "verify key" (Ed25519, administrators) or "encryption key" (Curve25519, analysts).

    ``key`` holds its 32 bytes. Raises DamagedContact for another kind or length.
    """

    kind: str
    key: bytes

    def __post_init__(self) -> None:
        if self.kind not in ALGORITHMS:
            raise DamagedContact(
                f"The kind of a key is one of {', '.join(map(repr, ALGORITHMS))}; this is {self.kind!r:.80}."
            )
        if not isinstance(self.key, bytes) or len(self.key) != _KEY_BYTES:
            raise DamagedContact(f"The {self.kind} does not have {_KEY_BYTES} bytes. Ask for it again, in person.")

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal characters: the first 128 bits of SHA-256 over kind and key."""
        return key_fingerprint(self.kind, self.key)

    def to_bytes(self) -> bytes:
        """A small JSON document; ``from_bytes`` checks its fingerprint against typing mistakes."""
        document = {
            "kind": self.kind,
            "algorithm": ALGORITHMS[self.kind],
            "key": self.key.hex(),
            "fingerprint": self.fingerprint,
        }
        return (json.dumps(document, indent=2) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, kind: str) -> "Contact":
        """Read a contact that must be of ``kind``. Raises DamagedContact when it is not, is too long or altered."""
        if len(data) > _LARGEST_FILE:
            raise DamagedContact(
                f"A handed-over {kind} has at most {_LARGEST_FILE:,} bytes, and this has more. Ask for it again, in "
                "person."
            )
        try:
            document = json.loads(data)
            contact = cls(document["kind"], bytes.fromhex(document["key"]))
            fingerprint = document["fingerprint"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DamagedContact(f"These bytes are no handed-over {kind}. Ask for it again, in person.") from None
        if contact.kind != kind:
            raise DamagedContact(
                f"The handed-over key is of the kind {contact.kind!r}; expected {kind!r}. "
                "An administrator hands over a verify key, an analyst an encryption key."
            )
        if contact.fingerprint != fingerprint:
            raise DamagedContact(f"The fingerprint of this {kind} does not fit its bytes. Ask for it again, in person.")
        return contact


class Contacts:
    """The keys of one kind that a role trusts, one file each in ``folder`` (mode 0700)."""

    def __init__(self, folder: Path | str, kind: str):
        self.folder = private_folder(folder)
        self.kind = kind

    def trust(self, name: str, path_or_bytes: Path | str | bytes, *, overwrite: bool = False) -> Contact:
        """Keep the key of ``name`` (at most 64 letters, digits, spaces, hyphens, underscores).

        ``path_or_bytes`` is what the person handed over: a file, or its bytes. The same key again changes
        nothing; another key under a known name is refused (AlreadyThere) unless ``overwrite`` is True, and so
        is a known key under a second name: one fingerprint must mean one person. Always refused is a name that differs
        from a known one in capital letters or spaces alone: one reads as the other, and is the same file on some
        machines.
        """
        file = self._file(name)
        contact = Contact.from_bytes(_handed_over(path_or_bytes), self.kind)
        known = self.all()
        if known.get(name) == contact:
            return contact
        if name in known and not overwrite:
            raise AlreadyThere(
                f"Another {self.kind} of {name!r} is known already. Ask {name!r} in person whether the key "
                "has changed, "
                "and only then pass overwrite=True."
            )
        alike = [other for other in known if other != name and _as_read(other) == _as_read(name)]
        if alike:
            raise AlreadyThere(
                f"A {self.kind} of {alike[0]!r} is known already, and capital letters and spaces do not tell two "
                f"people apart. Choose a name for {name!r} that does."
            )
        holder = self.find(contact.fingerprint)
        if holder is not None:
            raise AlreadyThere(
                f"This {self.kind} is already known as that of {holder!r}, so it cannot be that of {name!r}."
            )
        write_private(file, contact.to_bytes())
        return contact

    def all(self) -> dict[str, Contact]:
        """Every known contact by name, sorted."""
        files = sorted(self.folder.glob("*.json"))
        return {file.stem: Contact.from_bytes(read_private(file, _LARGEST_FILE), self.kind) for file in files}

    def get(self, name: str) -> Contact:
        """The key of ``name``. Raises NotThere, listing the known names."""
        known = self.all()
        if name not in known:
            raise NotThere(
                f"No {self.kind} of {name!r} is known. Known: {', '.join(known) or 'none'}. "
                "Get it in person, then call trust(name, path)."
            )
        return known[name]

    def find(self, fingerprint: str) -> str | None:
        """The name of the person whose key has this fingerprint, or None."""
        return next((name for name, contact in self.all().items() if contact.fingerprint == fingerprint), None)

    def _file(self, name: str) -> Path:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidName(
                f"{name!r:.80} cannot name a contact. Use letters, digits, spaces, hyphens and underscores, at most 64."
            )
        return self.folder / f"{name}.json"


def hand_over(folder: Path | str, name: str, contact: Contact) -> Path:
    """Put ``contact`` into ``folder`` as the public key of ``name`` and return the file.

    The same key again changes nothing; a file with other content is left alone (AlreadyThere).
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(f"{name!r:.80} cannot name a file. Use letters, digits, spaces, hyphens and underscores.")
    folder = Path(folder)
    if not folder.exists():
        private_folder(folder)
    file = folder / f"{name}.{contact.kind.replace(' ', '_')}.json"
    if file.exists():
        if _handed_over(file) != contact.to_bytes():
            raise AlreadyThere(f"{file} holds another key already. Remove it if it is an old one of yours.")
        return file
    write_private(file, contact.to_bytes())
    return file


def _as_read(name: str) -> str:
    """A name as people tell it from another one."""
    return " ".join(name.casefold().split())


def _handed_over(path_or_bytes: Path | str | bytes) -> bytes:
    if isinstance(path_or_bytes, bytes):
        return path_or_bytes
    of_kind(path_or_bytes, (str, os.PathLike), "the path of the handed-over file, or its bytes (Contact.to_bytes())")
    try:
        with open(path_or_bytes, "rb") as file:
            return file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise NotThere(f"The handed-over file {path_or_bytes} cannot be read: {error.strerror}.") from None
