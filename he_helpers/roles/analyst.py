"""The data analyst: asks for aggregates, and reads what an administrator approved and sealed."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nacl.public import PrivateKey

from he_helpers.files import private_folder, read_private, write_private
from he_helpers.roles.arguments import checked_uuid, names, of_kind
from he_helpers.roles.errors import AlreadyThere, NotThere, ServerRefused, UnreadableAnswer
from he_helpers.roles.keys import contacts
from he_helpers.roles.keys.contacts import ENCRYPTION_KEY, VERIFY_KEY, Contact
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.keyring import hide
from he_helpers.roles.keys.release import unseal
from he_helpers.roles.keys.service import KeyService
from he_helpers.roles.participant import Participant
from he_helpers.roles.views import request_view
from he_helpers.tables import Query

if TYPE_CHECKING:
    import pandas as pd

_KEY_ENTRY = "encryption key"
_LARGEST_RECORD = 2**20


class DataAnalyst(Participant):
    """What a data analyst can do, from the own ``folder`` (mode 0700), over the server at ``server``.

    The folder holds ``token`` (from the server's operator), and gets ``keyring`` (the private key that opens
    results, encrypted under ``passphrase``), ``contacts/`` (administrators' verify keys), ``requests/`` (what
    was asked) and ``results/`` (released tables as CSV). The passphrase stays in this process for as long as
    the object lives.
    """

    trusted_kind = VERIFY_KEY

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
        self._requests = private_folder(self.folder / "requests")
        self._results = private_folder(self.folder / "results")

    # Keys

    def create_keys(self) -> Contact:
        """Make the key pair to which results are sealed; an existing one is kept. Returns its public half."""
        if _KEY_ENTRY not in self.keyring.names(self._passphrase):
            self.keyring.store(_KEY_ENTRY, Hidden(bytes(PrivateKey.generate())), self._passphrase)
        return self.encryption_key

    @property
    def encryption_key(self) -> Contact:
        """The public half of the own key, for the administrators. Raises NotThere before create_keys()."""
        return Contact(ENCRYPTION_KEY, bytes(self._private_key().public_key))

    def hand_over(self, folder: Path | str, name: str = "analyst") -> Path:
        """Put the encryption key into ``folder``, for administrators to take; returns the file."""
        return contacts.hand_over(folder, name, self.encryption_key)

    # Release requests

    def ask(
        self,
        dataset: str,
        statistic: str,
        group_by: str | Sequence[str] = (),
        columns: str | Sequence[str] = (),
        purpose: str = "",
        *,
        administrator: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """File a release request and return its id.

        statistic: "sum", "mean" or "count"; group_by: a label or several, none for the grand total; columns: one or
        several, none for a count. purpose: what the result is for; the administrator reads it before deciding.
        administrator: who must sign the result, by the name given to trust(); may be left out when only one is known.
        request_id: a uuid, to repeat a request of which it is not known whether it arrived; otherwise a new one is
        made.

        What was asked is kept in ``requests/``, and a result is accepted for nothing else. The request
        carries the fingerprint of the own key and not the key: the server could put another one in its place.
        Raises ServerRefused: 404 unknown dataset, 422 unknown label or column (``extra["known"]``), 403 group
        too small.
        """
        signer = self._administrator(administrator)
        return self._file_request(dataset, statistic, group_by, columns, purpose, signer, request_id)

    def aggregate(self, request_id: str) -> str:
        """Let the server aggregate now, and return the status. Repeating is harmless."""
        self.connection.post("requests", checked_uuid(request_id), "aggregation")
        return self.status(request_id)

    def requests(self) -> pd.DataFrame:
        """The own release requests, by dataset and query, with their status and the reason of a refusal."""
        own = self.encryption_key.fingerprint
        return request_view(
            self.connection.get_all("requests", key="id"),
            lambda fingerprint: "own key" if fingerprint == own else "another key",
        )

    def status(self, request_id: str) -> str:
        """ "requested", "aggregated", "approved", "refused" or "released", by the server's word."""
        answer = self.connection.get("requests", checked_uuid(request_id))
        if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
            raise UnreadableAnswer(
                "The server described the request without a status. Check the address of the server."
            )
        return answer["status"]

    def result(self, request_id: str) -> pd.DataFrame:
        """The released result of an own request, verified; also written to ``result_file(request_id)``.

        Raises ServerRefused (409) before the release, saying the status; NotForThisKey, ForgedRelease or
        WrongRelease when the server relays anything but what the administrator made for this request.
        """
        identifier = checked_uuid(request_id)
        asked = self._asked(identifier)
        sealed = self.connection.get_bytes("requests", identifier, "result")
        release = unseal(
            sealed,
            self._private_key(),
            self.contacts.get(asked["administrator"]),
            request=identifier,
            dataset=asked["dataset"],
            query=asked["query"],
        )
        table = release.table
        self._write_result(identifier, table)
        return table

    def result_file(self, request_id: str) -> Path:
        """Where result() writes its table: a CSV file with a header, groups first, named after the question."""
        identifier = checked_uuid(request_id)
        asked = self._asked(identifier)
        query = asked["query"]
        words = [asked["dataset"], query["statistic"], *(["by", *query["group_by"]] if query["group_by"] else [])]
        question = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(words))[:80]
        return self._results / f"{question}-{identifier[:8]}.csv"

    def _file_request(
        self,
        dataset: str,
        statistic: str,
        group_by: str | Sequence[str],
        columns: str | Sequence[str],
        purpose: str,
        signer: str,
        request_id: str | None,
    ) -> str:
        """See ask(). signer: who must sign the result, by the name of a contact; empty where custodians do."""
        of_kind(dataset, str, "the name of a dataset")
        of_kind(purpose, str, "the purpose as text")
        query = Query(
            of_kind(statistic, str, "the name of a statistic"), names(group_by, "group_by"), names(columns, "columns")
        )
        asked = {
            "dataset": dataset,
            "query": query.to_dict(),
            "recipient_key_fingerprint": self.encryption_key.fingerprint,
            "purpose": purpose,
        }
        record = json.dumps({**asked, "administrator": signer}, indent=2).encode()
        identifier = checked_uuid(request_id) if request_id else str(uuid.uuid4())
        file = self._requests / f"{identifier}.json"
        first = not file.exists()
        if not first and read_private(file, _LARGEST_RECORD) != record:
            raise AlreadyThere("You have asked something else under this request id. Leave it out to get a new one.")
        write_private(file, record)
        try:
            self.connection.put("requests", identifier, document=asked)
        except ServerRefused:
            if first:
                file.unlink()
            raise
        return identifier

    def _write_result(self, request_id: str, table: pd.DataFrame) -> None:
        # A grand total has one row and no group, so no column for it either.
        text = table.to_csv(index=table.index.names != [None], lineterminator="\n")
        write_private(self.result_file(request_id), text.encode())

    def _private_key(self) -> PrivateKey:
        return PrivateKey(self.keyring.load(_KEY_ENTRY, self._passphrase))

    def _administrator(self, name: str | None) -> str:
        known = self.contacts.all()
        if name is None and len(known) == 1:
            return next(iter(known))
        if name in known:
            return name
        listed = ", ".join(known) or "none"
        raise NotThere(
            f"Say which administrator must sign the result: administrator=NAME. Known: {listed}. "
            "Get the verify key in person, then call trust(NAME, path)."
        )

    def _asked(self, request_id: str) -> dict[str, Any]:
        file = self._requests / f"{request_id}.json"
        if not file.exists():
            raise NotThere(
                f"You have not asked the request {request_id} from this folder, so its result cannot be verified."
            )
        return json.loads(read_private(file, _LARGEST_RECORD))
