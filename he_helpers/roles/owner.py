"""Who owns encrypted tables: the own keys, the own copies of what was uploaded, and how a table moves to a new key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from he_helpers.audit.verification import story_of
from he_helpers.files import private_folder, read_private, write_private
from he_helpers.roles.approval.decisions import Approval
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.approval.reviewer import Reviewer
from he_helpers.roles.arguments import file_named
from he_helpers.roles.audit.bundling import collect_bundle
from he_helpers.roles.audit.witness import fetch_entries, with_own
from he_helpers.roles.errors import NotThere, RetiredKey, ServerRefused
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.keyring import hide
from he_helpers.roles.keys.moves import LARGEST_TABLE, Moves
from he_helpers.roles.keys.read_once import ReadOnce
from he_helpers.roles.keys.service import KeyService
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.secret import secret_key_from_bytes
from he_helpers.tables import EncryptedTable, Query, aggregate
from he_helpers.tables.encrypted_table import Progress

if TYPE_CHECKING:
    import pandas as pd

    from he_helpers.schemes.public.interface import PublicKey
    from he_helpers.schemes.secret import SecretKey

LARGEST_RECORD = 2**20


class TableOwner(Reviewer):
    """A reviewer with keys and tables of its own, and what follows from both: see DataAdministrator."""

    def __init__(
        self,
        folder: Path | str,
        server: str,
        passphrase: str | Hidden[str],
        *,
        key_service: KeyService | None = None,
    ):
        passphrase = hide(passphrase)  # no frame of a traceback holds the bare text
        super().__init__(folder, server, passphrase, key_service=key_service)
        self._public_keys = private_folder(self.folder / "public_keys")
        self._uploads = private_folder(self.folder / "uploads")
        self._moves = Moves(self.folder)
        self._keys_in_files = ReadOnce(_read_public_key, LARGEST_TABLE)

    def public_key(self, name: str = "main") -> PublicKey:
        """The public key of that name, which needs no passphrase. Raises NotThere."""
        file = file_named(self._public_keys, name, ".key")
        if not file.exists():
            known = ", ".join(sorted(path.stem for path in self._public_keys.glob("*.key"))) or "none"
            raise NotThere(f"There is no public key {name!r}. Known: {known}. Call create_keys(scheme, name) first.")
        return self._keys_in_files.read(file)

    def uploaded(self, name: str) -> EncryptedTable:
        """The own copy of the dataset ``name``. Raises NotThere."""
        return EncryptedTable.from_bytes(self._own_copy(name))

    def policy(self, name: str) -> DisclosurePolicy:
        """What was set for the dataset ``name``. Raises NotThere."""
        self._own_copy(name)
        settings = read_private(file_named(self._uploads, name, ".json"), LARGEST_RECORD)
        return DisclosurePolicy.from_dict(json.loads(settings))

    def rotate(self, name: str, key: str, *, progress: Progress = iter) -> EncryptedTable:
        """Move the dataset ``name`` to the own key called ``key``; returns the table under it.

        The own copy is decrypted in this process and encrypted anew, and the server puts the new table in the place of
        the old one in one transaction: the dataset is there all the time. The old key is retired: kept, for what is
        under it (see under_key), and refused by encrypt_table. Requests that are decided stay with their results; those
        that wait are computed anew. The old table is kept in ``earlier/``, so that what was released on it can still be
        reviewed; what is asked from now on is compared with it as before.

        After an interruption, at any point, the same call goes on. Raises NotThere, RetiredKey, WrongPassphrase,
        ServerRefused (409) while an approved result waits for its release, and what encrypt_table raises.
        """
        copy = file_named(self._uploads, name, ".table")
        new_key = self.public_key(key)
        self._refuse_retired(key)
        if self._moves.on_its_way(name) is not None:
            self._finish_move(name, copy)
        table = self.uploaded(name)
        if table.key.fingerprint != new_key.fingerprint:
            secret, old = self._secret_key_of(table.key.fingerprint), self._own_copy(name)
            new = EncryptedTable.encrypt(
                table.decrypt(secret),
                table.label_names,
                self._secret_key_of(new_key.fingerprint),
                decimals={column.name: column.decimals for column in table.columns},
                layout=table.layout,
                progress=progress,
            )
            self._moves.begin(name, old, new.to_bytes())
            self._finish_move(name, copy)
        for earlier in self._moves.earlier(name):
            self._retire(EncryptedTable.from_bytes(earlier).key.fingerprint)
        return self.uploaded(name)

    def under_key(self, key: str) -> pd.DataFrame:
        """What is still encrypted under the own key of that name: the own tables, and aggregates on the server.

        One row each: ``dataset``, ``what`` ("present table", "earlier table" or "aggregate"), ``request`` and
        ``status`` of an aggregate. Whoever kept copies of other things has these, too.
        """
        import pandas as pd

        fingerprint = self.public_key(key).fingerprint
        statuses = {one["id"]: one["status"] for one in self.connection.get_all("requests", key="id")}
        trail, rows = fetch_entries(self.connection), []
        for file in sorted(self._uploads.glob("*.table")):
            name, under = file.stem, set()
            tables = [("earlier table", data) for data in self._moves.earlier(name)]
            for what, data in [*tables, ("present table", self._own_copy(name))]:
                if EncryptedTable.from_bytes(data).key.fingerprint == fingerprint:
                    under.add(hashlib.sha256(data).hexdigest())
                    rows.append((name, what, "", ""))
            for request, asked in story_of(trail, name).requests.items():
                if asked.aggregate is not None and asked.table in under and request in statuses:
                    rows.append((name, "aggregate", request, statuses[request]))
        return pd.DataFrame(rows, columns=["dataset", "what", "request", "status"])

    def write_bundle(self, name: str, path: Path | str) -> Path:
        """Write what an outsider needs to check a dataset's aggregates and its trail without any key; returns the file.

        It holds the encrypted tables, the aggregates, their questions, the trail with the content of this dataset's
        events (names of accounts and reasons of decisions, too), signed heads and verify keys of witnesses, and no
        other key. ``python -m he_helpers.audit FILE`` checks it. Raises NotThere, NotForOutsiders for a CKKS table
        whose results are not recovered exactly, ServerRefused.
        """
        bundle = collect_bundle(
            self.connection,
            name,
            [*self._moves.earlier(name), self._own_copy(name)],
            self.signed_heads(),
            with_own("administrator", self.verify_key.key, self.known_witnesses()),
        )
        return bundle.write(path)

    def _own_copy(self, name: str) -> bytes:
        file = file_named(self._uploads, name, ".table")
        if not file.exists():
            known = ", ".join(sorted(path.stem for path in self._uploads.glob("*.table"))) or "none"
            raise NotThere(f"You hold no copy of a dataset {name!r}. Uploaded from this folder: {known}.")
        return read_private(file, LARGEST_TABLE)

    def _table_of(self, request: str, dataset: str) -> bytes:
        # Of an approved request the table on which it was approved.
        data, decision = self._own_copy(dataset), self._decisions.decision(request)
        if isinstance(decision, Approval):
            for earlier in self._moves.earlier(dataset):
                computed = aggregate(EncryptedTable.from_bytes(earlier), Query.from_dict(decision.subject["query"]))
                if hashlib.sha256(computed.to_bytes()).hexdigest() == decision.subject["aggregate_sha256"]:
                    return earlier
        return data

    def _identity(self, dataset: str, table: bytes) -> str:
        return self._moves.identity(dataset, table)

    def _own_key_named(self, fingerprint: str) -> str | None:
        """The name of the own key with this fingerprint, None where it is nobody's or another's."""
        names = sorted(file.stem for file in self._public_keys.glob("*.key"))
        return next((name for name in names if self.public_key(name).fingerprint == fingerprint), None)

    def _secret_key_of(self, fingerprint: str) -> SecretKey:
        name = self._own_key_named(fingerprint)
        if name is None:
            raise NotThere(f"No key of yours has the fingerprint {fingerprint}, so this cannot be decrypted here.")
        return secret_key_from_bytes(self.keyring.load(entry_of(name), self._passphrase)).secret

    def _finish_move(self, name: str, copy: Path) -> None:
        new, old = self._moves.on_its_way(name), self._own_copy(name)
        assert new is not None, "a move is under way"
        policy = self.policy(name)
        try:
            self.connection.put_bytes(
                "datasets",
                name,
                data=new,
                minimum_group_size=str(policy.minimum),
                contributor_label=policy.contributor_label,
                replaces=hashlib.sha256(old).hexdigest(),
            )
        except ServerRefused as refusal:
            # What is no word of the server's own on this request, as 504 of a proxy, may come after it was done.
            if refusal.status < 500:
                self._moves.give_up(name, old)
            raise
        self._moves.finish(name, copy)

    def _retire(self, fingerprint: str) -> None:
        for file in self._public_keys.glob("*.key"):
            if self.public_key(file.stem).fingerprint == fingerprint:
                write_private(file.with_suffix(".retired"), b"")

    def _refuse_retired(self, name: str) -> None:
        if file_named(self._public_keys, name, ".retired").exists():
            raise RetiredKey(
                f"The key {name!r} is retired: it is kept for what was encrypted under it, and encrypts nothing more. "
                "Use another key: create_keys(scheme, name), and pass its name."
            )


def entry_of(name: str) -> str:
    """The keyring's entry of the own key ``name``."""
    return f"homomorphic encryption key {name}"


def _read_public_key(data: bytes) -> PublicKey:
    key = load_public_key(data)
    # What the own tables are read with, which it keeps in use.
    key.for_evaluation()
    return key
