"""What every role does alike: a folder, a keyring, known keys, a connection, and what the server tells anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from he_helpers.files import private_folder
from he_helpers.roles.connection import Connection
from he_helpers.roles.keys.contacts import Contact, Contacts
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.keyring import Keyring, hide
from he_helpers.roles.views import audit_view, dataset_view

if TYPE_CHECKING:
    import pandas as pd


class Participant:
    """A client of the server at ``server`` with a folder of its own (mode 0700), which holds ``token``.

    ``trusted_kind`` is the kind of key that others hand over to this role in person. The passphrase of the keyring
    stays in this process for as long as the object lives.
    """

    trusted_kind: str

    def __init__(self, folder: Path | str, server: str, passphrase: str | Hidden[str]):
        self._passphrase = passphrase = hide(passphrase)
        self.folder = private_folder(folder)
        self.keyring = Keyring(self.folder)
        self.contacts = Contacts(self.folder / "contacts", self.trusted_kind)
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
