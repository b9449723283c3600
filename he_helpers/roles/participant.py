"""What every role does alike: a folder, a keyring, known keys, a connection, and what the server tells anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nacl.signing import SigningKey

from he_helpers.audit.heads import Head
from he_helpers.files import private_folder
from he_helpers.roles.audit.witness import Trail, Witnessed, hand_over_head, read_heads, witnesses
from he_helpers.roles.connection import Connection
from he_helpers.roles.keys import contacts
from he_helpers.roles.keys.contacts import VERIFY_KEY, Contact, Contacts
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.keyring import Keyring, hide
from he_helpers.roles.keys.service import KeyService
from he_helpers.roles.views import audit_view, dataset_view

if TYPE_CHECKING:
    import pandas as pd

SIGNING_ENTRY = "signature key"


class Participant:
    """A client of the server at ``server`` with a folder of its own (mode 0700), which holds ``token``.

    ``trusted_kind`` is the kind of key that others hand over to this role in person. The passphrase of the keyring
    stays in this process, with the key that scrypt makes of it, for as long as the object lives.

    key_service: where the key that opens the keyring lives, such as a Token, whose PIN the passphrase is then; None:
    the passphrase opens the keyring.
    """

    trusted_kind: str

    def __init__(
        self,
        folder: Path | str,
        server: str,
        passphrase: str | Hidden[str],
        *,
        key_service: KeyService | None = None,
    ):
        self._passphrase = passphrase = hide(passphrase)
        self.folder = private_folder(folder)
        self.keyring = Keyring(self.folder, key_service)
        self.contacts = Contacts(self.folder / "contacts", self.trusted_kind)
        self.witnesses = Contacts(self.folder / "witnesses", VERIFY_KEY)
        self.connection = Connection(server, self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to the server. Without it, or a ``with`` block, that is done when the object goes."""
        self.connection.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(server={self.connection.server!r})"

    def trust(self, name: str, path_or_bytes: Path | str | bytes, *, overwrite: bool = False) -> Contact:
        """Keep the key that ``name`` handed over in person. See Contacts.trust."""
        return self.contacts.trust(name, path_or_bytes, overwrite=overwrite)

    def datasets(self) -> pd.DataFrame:
        """The datasets that this role may see, one row each, by name."""
        return dataset_view(self.connection.get_all("datasets", key="name"))

    def describe(self, name: str) -> dict[str, Any]:
        """All that the server can read of a dataset: labels, their values, columns, decimals, groupings.

        Unknown: ServerRefused (404), whose ``extra["known"]`` lists the known ones.
        """
        return self.connection.get("datasets", name)

    def audit(
        self,
        dataset: str | None = None,
        request_id: str | None = None,
        *,
        times: bool = False,
        details: bool = False,
    ) -> pd.DataFrame:
        """What happened to the own datasets and requests; ``times`` adds when, ``details`` ids, sizes, digests."""
        events = self.connection.get_all("audit", key="sequence", dataset=dataset, request=request_id)
        return audit_view(events, times=times, details=details)

    # The own keys

    def protect_keyring(self, new_passphrase: str | Hidden[str], key_service: KeyService | None = None) -> None:
        """Open the keyring by another passphrase from now on, or by a key service, as a token, whose PIN it then is.

        Open the role with them the next time. Copies of the file that were made before open as they did. Raises
        NotThere before there are keys, WrongPassphrase, KeyServiceRefused; the keyring is then what it was.
        """
        new_passphrase = hide(new_passphrase)
        self.keyring.protect(self._passphrase, new_passphrase, key_service)
        self._passphrase = new_passphrase

    # The audit trail, witnessed

    @property
    def verify_key(self) -> Contact:
        """The public half of the own signature key, for everybody else. Raises NotThere before there is one."""
        return Contact(VERIFY_KEY, bytes(self._signing_key().verify_key))

    def create_signing_key(self) -> Contact:
        """Make the own signature key, unless there is one; returns its public half."""
        if SIGNING_ENTRY not in self.keyring.names(self._passphrase):
            self.keyring.store(SIGNING_ENTRY, Hidden(bytes(SigningKey.generate())), self._passphrase)
        return self.verify_key

    def hand_over_verify_key(self, folder: Path | str, name: str) -> Path:
        """Put the own verify key into ``folder``, for other witnesses to take in person, and return the file."""
        return contacts.hand_over(folder, name, self.create_signing_key())

    def trust_witness(self, name: str, path_or_bytes: Path | str | bytes, *, overwrite: bool = False) -> Contact:
        """Keep the verify key of another witness, handed over in person. See Contacts.trust."""
        return self.witnesses.trust(name, path_or_bytes, overwrite=overwrite)

    def witness(self, *handed_over: Path | str) -> Witnessed:
        """See the server's audit trail, and sign its head if it continues all that is known of it.

        Compared are: the events that were seen from this folder before, one by one; the own signed heads; those of
        other witnesses whose key is trusted (contacts with a verify key, and trust_witness), as the server relays them;
        and the heads in the files ``handed_over``. What does not fit is told in ``findings``, and then nothing is
        signed. A witness who signs a trail that there never was looks like a server that tells two stories: ask in
        person. Makes the own signature key at the first time. Raises NotThere for a missing file, UnreadableTrail.
        """
        self.create_signing_key()
        return Trail(self.folder / "trail").witness(
            self.connection, self._signing_key(), self.known_witnesses(), read_heads(handed_over)
        )

    def signed_heads(self) -> list[Head]:
        """All signed heads that are kept here: the own ones, and those of known witnesses."""
        return Trail(self.folder / "trail").heads()

    def known_witnesses(self) -> dict[str, Contact]:
        """The verify keys of other witnesses, by their names."""
        return witnesses(self.contacts, self.witnesses)

    def hand_over_head(self, folder: Path | str, name: str) -> Path:
        """Put the own latest signed head into ``folder``, in the place of an earlier one; returns the file.

        A server that tells two people two stories relays no head that shows it. Raises NotThere before witness().
        """
        return hand_over_head(folder, name, Trail(self.folder / "trail").latest_head(self.verify_key))

    def _signing_key(self) -> SigningKey:
        return SigningKey(self.keyring.load(SIGNING_ENTRY, self._passphrase))
