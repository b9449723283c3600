"""Signed and sealed letters that the server relays: how custodians make a key, and a dealer gives shares away.

Each letter says from whom to whom it is, under which name, and is signed over that: the server can hold a letter back,
and nothing else. It cannot read one, write one, or deliver one to somebody else or under another name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgpack
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from he_helpers.roles.connection import Connection
from he_helpers.roles.errors import ForgedRelease, ServerRefused, UnreadableAnswer
from he_helpers.roles.keys.contacts import Contacts
from he_helpers.roles.keys.sealed import open_signed, sign_and_seal

_DOMAIN = b"he_helpers letter 1\x00"


@dataclass(frozen=True)
class Waiting:
    """A letter that waits: by the server's word who sent it, under which name, and its size in bytes."""

    sender: str
    name: str
    size: int


class Letters:
    """The letters of the account ``own_name``, over ``connection``.

    recipients: known encryption keys; senders: known verify keys; both by the names of the accounts.
    signing_key, private_key: give the own keys when they are needed.
    """

    def __init__(
        self,
        own_name: str,
        connection: Connection,
        recipients: Contacts,
        senders: Contacts,
        signing_key: Callable[[], SigningKey],
        private_key: Callable[[], PrivateKey],
    ) -> None:
        self._own_name, self._connection = own_name, connection
        self._recipients, self._senders = recipients, senders
        self._signing_key, self._private_key = signing_key, private_key

    def send(self, recipient: str, name: str, content: bytes) -> None:
        """Send ``content`` to ``recipient``. One of the same name that waits already is left as it is.

        Raises NotThere for an unknown recipient, ServerRefused.
        """
        letter = msgpack.packb([self._own_name, recipient, name, content])
        sealed = sign_and_seal(_DOMAIN, letter, self._signing_key(), self._recipients.get(recipient))
        try:
            self._connection.put_bytes("letters", recipient, name, data=sealed)
        except ServerRefused as refusal:
            # Sealed boxes differ each time, so that a repetition is another letter for the server.
            if not refusal.type.endswith("name-taken"):
                raise

    def waiting(self) -> list[Waiting]:
        """What waits for this account, in the order in which it came, by the server's word."""
        entries = self._connection.get_all("letters", key="number")
        try:
            return [Waiting(str(entry["sender"]), str(entry["name"]), int(entry["bytes"])) for entry in entries]
        except (KeyError, TypeError, ValueError):
            raise UnreadableAnswer("The server's list of letters has members missing or of another kind.") from None

    def read(self, sender: str, name: str) -> bytes:
        """The content of a letter; it stays until take_away().

        Raises ServerRefused (404), NotThere for an unknown sender, NotForThisKey, and ForgedRelease for what the sender
        did not write for this recipient under this name.
        """
        sealed = self._connection.get_bytes("letters", sender, name)
        opened = open_signed(_DOMAIN, sealed, self._private_key(), self._senders.get(sender), "letter", "sender")
        content = _content(opened, [sender, self._own_name, name])
        if content is None:
            raise ForgedRelease(
                f"{sender} signed this letter, but not as {name!r} to you. The server may have exchanged letters: tell "
                f"{sender}."
            )
        return content

    def take_away(self, sender: str, name: str) -> None:
        """Remove a letter from the server; one that is gone already is no error."""
        try:
            self._connection.delete("letters", sender, name)
        except ServerRefused as refusal:
            if refusal.status != 404:
                raise


def share_letter(name: str) -> str:
    """The name of the letter in which a dealer sends the share of the key ``name``."""
    return f"share.{name}"


def _content(opened: bytes, expected: list[str]) -> bytes | None:
    """What the letter says, None where it is not what it should be."""
    try:
        letter: Any = msgpack.unpackb(opened)
        *head, content = letter
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError):
        return None
    return content if head == expected and isinstance(content, bytes) else None
