"""The analyst where custodians share the key of a dataset: collects their partial decryptions and combines them.

Apart from `roles.analyst`, which can reach no secret key's code: under a key pair that was shared by Shamir's scheme,
who combines holds the key pair for a moment (QuorumKey.combining_holds_the_key).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from he_helpers.errors import HEError
from he_helpers.files import private_folder
from he_helpers.roles.analyst import DataAnalyst
from he_helpers.roles.arguments import checked_uuid
from he_helpers.roles.errors import WrongRelease
from he_helpers.roles.keys.contacts import VERIFY_KEY, Contact, Contacts
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.keyring import hide
from he_helpers.roles.keys.release import finish
from he_helpers.roles.keys.service import KeyService
from he_helpers.roles.quorum.keys import QuorumKeys
from he_helpers.roles.quorum.partials import Subject, open_partials
from he_helpers.roles.views import answer_view
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.secret.quorum import PartialDecryption, QuorumKey, TooFewPartials
from he_helpers.schemes.secret.quorum.interface import ciphertext_digest
from he_helpers.tables import EncryptedAggregate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Collected:
    """What a quorum released: ``table``, as DataAnalyst.result() gives it.

    ``left_out`` says for each custodian whose partial decryption did not do why, in words; under a joint key an honest
    one can be among them (Combined.left_out). ``noise_budget`` is the smallest that was left, in bits, under a joint
    key; None under others, and for a count.
    """

    table: pd.DataFrame
    left_out: dict[str, str]
    noise_budget: float | None


class QuorumAnalyst(DataAnalyst):
    """A data analyst who asks the custodians of datasets.

    The folder gets ``custodians/`` (their verify keys) and ``quorum_keys/``, too.
    """

    def __init__(
        self,
        folder: Path | str,
        server: str,
        passphrase: str | Hidden[str],
        *,
        key_service: KeyService | None = None,
    ):
        passphrase = hide(passphrase)
        super().__init__(folder, server, passphrase, key_service=key_service)
        self.custodians = Contacts(self.folder / "custodians", VERIFY_KEY)
        self.quorum_keys = QuorumKeys(private_folder(self.folder / "quorum_keys"))

    def trust_custodian(self, name: str, path_or_bytes: Path | str | bytes, *, overwrite: bool = False) -> Contact:
        """Keep the verify key that a custodian handed over in person; ``name`` is that of the custodian's account."""
        return self.custodians.trust(name, path_or_bytes, overwrite=overwrite)

    def ask_custodians(
        self,
        dataset: str,
        statistic: str,
        group_by: str | Sequence[str] = (),
        columns: str | Sequence[str] = (),
        purpose: str = "",
        *,
        request_id: str | None = None,
    ) -> str:
        """File a release request on a dataset whose key custodians share; see DataAnalyst.ask(). Returns its id."""
        return self._file_request(dataset, statistic, group_by, columns, purpose, signer="", request_id=request_id)

    def answers(self, request_id: str) -> pd.DataFrame:
        """What each custodian has answered so far, by the server's word: a row a custodian."""
        return answer_view(self.connection.get("requests", checked_uuid(request_id), "answers"))

    def collect(self, request_id: str, key: str = "main") -> Collected:
        """The result of an own request that enough custodians have released, verified; also written as a file.

        key: the name of the QuorumKey, kept by quorum_keys.trust(). The aggregate is used only if enough custodians
        signed its digest. Who did not sign, signed something else, or sent a wrong partial decryption is left out.

        Raises ServerRefused (409) before the release; TooFewPartials with what was wrong with the others, WrongPartial;
        WrongRelease when the aggregate is not of what was asked.
        """
        identifier = checked_uuid(request_id)
        asked, quorum = self._asked(identifier), self.quorum_keys.get(key)
        content = self.connection.get_bytes("requests", identifier, "aggregate")
        subject = Subject(
            identifier,
            asked["dataset"],
            asked["query"],
            self.encryption_key.fingerprint,
            hashlib.sha256(content).hexdigest(),
        )
        parts, left_out = self._opened(subject, quorum)
        _require_enough(parts, left_out, quorum)
        # Read only now: as many custodians as it takes have said that these bytes are the aggregate.
        aggregate = EncryptedAggregate.from_bytes(content)
        if aggregate.query.to_dict() != asked["query"]:
            raise WrongRelease("The custodians released the aggregate of another query than the one that you asked.")
        needed = {ciphertext_digest(ciphertext) for ciphertext in aggregate.ciphertexts}
        for custodian, some in tuple(parts.items()):
            if not needed <= {part.ciphertext_digest for part in some}:
                del parts[custodian]
                left_out[custodian] = "a partial decryption of some ciphertext of this aggregate is missing"
        _require_enough(parts, left_out, quorum)
        combiner = _Combiner(quorum, parts, subject.context())
        decrypted = aggregate.decrypt(combiner)
        import pandas as pd

        decimals = {column.name: column.decimals for column in aggregate.columns}
        sizes = pd.Series(aggregate.counts, index=aggregate.groups.index())
        table, _ = finish(decrypted, aggregate.query.statistic, decimals, sizes)
        self._write_result(identifier, table)
        wrong = dict.fromkeys(combiner.left_out, "a partial decryption that is wrong")
        return Collected(table, left_out | wrong, combiner.noise_budget)

    def _opened(self, subject: Subject, quorum: QuorumKey) -> tuple[dict[str, list[PartialDecryption]], dict[str, str]]:
        """The partial decryptions by custodian, and why there are none of the others who answered with some."""
        parts, left_out = {}, {}
        answers = self.answers(subject.request)["answer"]
        for custodian in answers.index[answers == "partial decryption"].intersection(quorum.custodians):
            sealed = self.connection.get_bytes("requests", subject.request, "partials", custodian)
            try:
                signer = self.custodians.get(custodian)
                parts[custodian] = open_partials(sealed, self._private_key(), custodian, signer, subject)
            except HEError as error:
                left_out[custodian] = str(error)
        return parts, left_out


def _require_enough(parts: dict[str, list[PartialDecryption]], left_out: dict[str, str], quorum: QuorumKey) -> None:
    if len(parts) < quorum.threshold:
        said = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise TooFewPartials(
            f"{len(parts)} custodians have signed partial decryptions of this aggregate, and {quorum.threshold} "
            f"are needed. {said}"
        )


class _Combiner:
    """Decrypts the ciphertexts of one aggregate by combining, and keeps who was left out."""

    def __init__(self, quorum: QuorumKey, parts: dict[str, list[PartialDecryption]], context: bytes) -> None:
        self._quorum, self._context = quorum, context
        self._of: dict[bytes, dict[str, PartialDecryption]] = {}
        for custodian, some in parts.items():
            for part in some:
                self._of.setdefault(part.ciphertext_digest, {})[custodian] = part
        self.left_out: set[str] = set()
        self.noise_budget: float | None = None

    def decrypt(self, ciphertext: Ciphertext) -> np.ndarray:
        partials = self._of.get(ciphertext_digest(ciphertext), {})
        combined = self._quorum.combine(ciphertext, partials, context=self._context)
        self.left_out |= set(combined.left_out)
        budgets = [budget for budget in (self.noise_budget, combined.noise_budget) if budget is not None]
        self.noise_budget = min(budgets, default=None)
        return combined.values
