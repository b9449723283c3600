"""The data administrator: holds the data and the secret key, and decides what leaves as plaintext."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nacl.public import PrivateKey

from he_helpers.files import read_private, write_private
from he_helpers.roles.approval.decisions import Approval
from he_helpers.roles.approval.noise import questions
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.approval.review import Review
from he_helpers.roles.arguments import checked_uuid, file_named, of_kind
from he_helpers.roles.errors import (
    AlreadyThere,
    NotApproved,
    NotThere,
    ReviewNotClean,
    ServerRefused,
    UnreadableAnswer,
)
from he_helpers.roles.keys import contacts, release
from he_helpers.roles.keys.contacts import VERIFY_KEY, Contacts
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.moves import LARGEST_TABLE
from he_helpers.roles.owner import LARGEST_RECORD, TableOwner, entry_of
from he_helpers.roles.participant import SIGNING_ENTRY
from he_helpers.roles.quorum.letters import Letters, share_letter
from he_helpers.schemes.errors import KeyMismatch
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.secret import Scheme, secret_key_from_bytes
from he_helpers.tables import Aligned, EncryptedAggregate, EncryptedTable, Layout, Query
from he_helpers.tables.encrypted_table import Progress
from he_helpers.tables.room import LARGEST_BYTES

if TYPE_CHECKING:
    import pandas as pd

    from he_helpers.schemes.public.interface import PublicKey
    from he_helpers.schemes.secret.quorum import KeyShare, QuorumKey

_DECIDED_FOR = {"approved", "released"}


class DataAdministrator(TableOwner):
    """What a data administrator can do, from the own ``folder`` (mode 0700), over the server at ``server``.

    The folder holds ``token`` (from the server's operator), and gets ``keyring`` (secret keys, encrypted
    under ``passphrase``), ``public_keys/``, ``uploads/`` (copies of what was uploaded), ``contacts/``
    (analysts' keys), ``decisions/`` (what was reviewed and decided), ``noise/`` (what was spent on noise), ``trail/``
    and ``witnesses/`` (what was seen of the audit trail, and who else looks), ``earlier/`` and ``moving/`` (tables
    under retired keys, and on their way to a new one). The passphrase stays in this process for as long as the object
    lives; the secret key is loaded where something is decrypted, and not kept.
    """

    # Keys

    def create_keys(self, scheme: Scheme, name: str = "main") -> PublicKey:
        """Make a key pair of ``scheme``, and the signature key if there is none; return the public key.

        Secret keys go into the keyring. An existing pair of the same parameters is kept and its public key
        returned; one of other parameters is kept too, and refused with AlreadyThere, and a retired one with RetiredKey.
        """
        of_kind(scheme, Scheme, "a scheme, such as tenseal_bfv(): it makes the key pair")
        file = file_named(self._public_keys, name, ".key")
        self._refuse_retired(name)
        names = self.keyring.names(self._passphrase)
        if entry_of(name) in names:
            pair = secret_key_from_bytes(self.keyring.load(entry_of(name), self._passphrase))
            if (pair.public.scheme_name, pair.public.parameters) != (scheme.name, scheme.parameters):
                raise AlreadyThere(
                    f"The keyring holds a key {name!r} of {pair.public.scheme_name} with other parameters. "
                    "It is kept: without it nothing that was encrypted under it can be read. "
                    "Use another name for the new key."
                )
        else:
            pair = scheme.generate_keys()
            # Insecure parameters are refused here, before anything is kept.
            load_public_key(pair.public.to_bytes())
            self.keyring.store(entry_of(name), Hidden(pair.secret.to_bytes()), self._passphrase)
        write_private(file, pair.public.to_bytes())
        if SIGNING_ENTRY not in names:
            self.create_signing_key()
        return pair.public

    def hand_over(self, folder: Path | str, name: str = "administrator") -> Path:
        """Put the verify key into ``folder``, for analysts to take in person, and return the file."""
        return contacts.hand_over(folder, name, self.verify_key)

    def deal_shares(self, shares: Mapping[str, KeyShare], dealer: str, name: str = "main") -> None:
        """Send each custodian its share of the key ``name`` as a sealed letter, which receive_share() reads.

        shares: by the names of the custodians' accounts, whose encryption keys are known. dealer: the own account's
        name. Who deals had the whole key: drop it and the shares afterwards. A share of this name that waits already
        stays as it is, so give each key another name. Raises NotThere, ServerRefused.
        """
        senders = Contacts(self.folder / "senders", VERIFY_KEY)
        letters = Letters(dealer, self.connection, self.contacts, senders, self._signing_key, _no_private_key)
        for custodian, share in shares.items():
            letters.send(custodian, share_letter(name), share.to_bytes())

    # Datasets

    def encrypt_table(
        self,
        frame: pd.DataFrame,
        labels: Sequence[str],
        *,
        key: str = "main",
        decimals: int | Mapping[str, int] = 0,
        layout: Layout = Aligned(),
        largest_bytes: int = LARGEST_BYTES,
        progress: Progress = iter,
    ) -> EncryptedTable:
        """Encrypt an own table under the own key of that name, in half the bytes that its public key needs.

        The secret key encrypts (see SecretKey.encrypt). The other arguments, such as
        layout=Aligned(groupings=[["Region"]], partial_sums=8), and what is raised, are those of EncryptedTable.encrypt;
        NotThere for an unknown key, RetiredKey, WrongPassphrase.
        """
        self._refuse_retired(key)
        secret = self._secret_key_of(self.public_key(key).fingerprint)
        return EncryptedTable.encrypt(
            frame,
            labels,
            secret,
            decimals=decimals,
            layout=layout,
            largest_bytes=largest_bytes,
            progress=progress,
        )

    def decrypt(self, aggregate: EncryptedAggregate) -> pd.DataFrame:
        """Decrypt an aggregate of an own table, for the own eyes: what others may see goes through release().

        Raises NotThere when it is under none of the own keys, KeyMismatch, DamagedBytes, WrongPassphrase.
        """
        of_kind(aggregate, EncryptedAggregate, "an encrypted aggregate, such as table.group_by('Region').sum()")
        return aggregate.decrypt(self._secret_key_of(aggregate.key.fingerprint))

    def upload(
        self,
        name: str,
        table: EncryptedTable,
        minimum_group_size: int | None = None,
        *,
        contributor_label: str | None = None,
        policy: DisclosurePolicy | None = None,
        quorum: QuorumKey | None = None,
    ) -> dict[str, Any]:
        """Upload ``table`` as dataset ``name``; returns name, rows_received, bytes and digest.

        minimum_group_size: no group of fewer contributors will be answered (1: no limit).
        contributor_label: the label of the table whose values tell contributors apart, such as "Branch"; without one
            each row counts as a contributor, which is right where each row is another person.
        policy: these two and more, in their place: what the reviews and releases of this dataset keep to.
        quorum: the key of ``table`` is shared, and results are released by its custodians, who have accounts of these
            names; what they keep to is for each of them to say.

        A copy stays in ``uploads/NAME.table``: reviews compare the server's work with it. The same table again is
        harmless, also after an interruption; another one is refused (AlreadyThere) until delete(name), unless the
        server has none of that name. Raises UnknownLabel
        for a contributor_label that is none of the table's labels.
        """
        of_kind(table, EncryptedTable, "an encrypted table: take encrypt_table(frame, labels)")
        policy = DisclosurePolicy.given(policy, minimum_group_size, contributor_label)
        if policy.contributor_label is not None:
            Query("count", (policy.contributor_label,)).check_names(table.label_names, ())
        if quorum is not None and quorum.public.fingerprint != table.key.fingerprint:
            raise KeyMismatch("This table is not under the key that these custodians share: encrypt it under theirs.")
        data = table.to_bytes()
        copy, record = file_named(self._uploads, name, ".table"), file_named(self._uploads, name, ".json")
        settings = json.dumps(policy.to_dict()).encode()
        before = None
        if copy.exists():
            before = read_private(copy, LARGEST_TABLE), read_private(record, LARGEST_RECORD)
        # Without the dataset, the copy is that of an upload which was interrupted before it arrived.
        if before not in (None, (data, settings)) and self._is_on_server(name):
            raise AlreadyThere(
                f"You have uploaded another table, or the same one with another minimum, contributor label or policy, "
                f"as {name!r}. To change the policy alone, call set_policy({name!r}, policy). "
                f"Encrypting anew gives other bytes, too: to upload the same again, take uploaded({name!r}). "
                f"To replace it, call delete({name!r}) first; requests on it are lost then."
            )
        if before != (data, settings):
            self._moves.forget(name)
        # The copy comes first: a dataset that is on the server without one could not be reviewed.
        write_private(record, settings)
        write_private(copy, data)
        try:
            answer = self.connection.put_bytes(
                "datasets",
                name,
                data=data,
                minimum_group_size=str(policy.minimum),
                contributor_label=policy.contributor_label,
                custodians=",".join(quorum.custodians) if quorum else None,
                threshold=str(quorum.threshold) if quorum else None,
            )
        except ServerRefused as refusal:
            if before is None:
                copy.unlink()
                record.unlink()
            else:
                write_private(copy, before[0])
                write_private(record, before[1])
            if refusal.status == 413:
                raise _too_large(refusal, table, len(data)) from None
            raise
        if not isinstance(answer, dict) or answer.get("digest") != hashlib.sha256(data).hexdigest():
            raise UnreadableAnswer(
                f"The server acknowledged other bytes than those sent as {name!r}. Upload again; if it "
                "stays, tell the operator."
            )
        return answer

    def set_policy(self, name: str, policy: DisclosurePolicy) -> None:
        """Review and release the dataset ``name`` by another policy from now on.

        Minimum and contributor label stay: the server keeps to these, too (AlreadyThere for others). Raises NotThere.
        """
        of_kind(policy, DisclosurePolicy, "a policy, such as DisclosurePolicy(minimum=10)")
        now = self.policy(name)
        if (policy.minimum, policy.contributor_label) != (now.minimum, now.contributor_label):
            raise AlreadyThere(
                f"The server holds a minimum of {now.minimum} contributors for {name!r}, told apart by "
                f"{now.contributor_label!r}, and answers by these. To change them, delete the dataset and upload "
                "it anew."
            )
        write_private(file_named(self._uploads, name, ".json"), json.dumps(policy.to_dict()).encode())

    def delete(self, name: str) -> None:
        """Delete a dataset with its requests, and the own copy. Unknown: ServerRefused (404)."""
        copy, record = file_named(self._uploads, name, ".table"), file_named(self._uploads, name, ".json")
        try:
            self.connection.delete("datasets", name)
        except ServerRefused as refusal:
            # Deleted before, and only the copy was left: an interrupted deletion or upload.
            if refusal.status != 404 or not copy.exists():
                raise
        copy.unlink(missing_ok=True)
        record.unlink(missing_ok=True)
        self._moves.forget(name)

    # Release requests

    def release(self, request_id: str) -> pd.DataFrame:
        """Decrypt, round, sign, seal and upload an approved result; returns what was released.

        Everything is reviewed once more, and must be what was approved: the server can neither invent an
        approval nor exchange query, aggregate or recipient after it. Decrypted is the re-computed aggregate,
        never the server's bytes. Repeating is harmless: the server keeps the first result. Raises
        NotApproved, ReviewNotClean, WrongPassphrase.
        """
        decision = self._decisions.decision(checked_uuid(request_id))
        if not isinstance(decision, Approval):
            raise NotApproved("You have not approved this request from this folder. Call review(), then approve().")
        review = self._clean_review(request_id)
        if review.subject() != decision.subject:
            raise ReviewNotClean(
                "The server now shows another request under this id than the one that you approved, or your policy has "
                "another rounding or noise than it had then. Let the analyst ask anew."
            )
        if review.status not in _DECIDED_FOR:
            raise NotApproved(f"The status of this request on the server is {review.status!r}; expected 'approved'.")
        assert review.query is not None and review.aggregate is not None and review.recipient is not None, (
            "a clean review has them"
        )
        table = self.uploaded(review.dataset)
        decrypted = self.decrypt(review.aggregate)
        own_decimals = {column.name: column.decimals for column in table.columns}
        result, decimals = release.finish(
            decrypted,
            review.query.statistic,
            own_decimals,
            review.group_sizes,
            disturb=self._disturb(review, own_decimals),
            base=review.policy.rounding,
        )
        recipient = self.contacts.get(review.recipient)
        content = release.Release(
            review.request, review.dataset, review.query.to_dict(), recipient.fingerprint, result, decimals
        )
        sealed = release.seal(content, self._signing_key(), recipient)
        self.connection.put_bytes("requests", review.request, "result", data=sealed)
        return result

    def _disturb(self, review: Review, decimals: dict[str, int]) -> Callable[[pd.DataFrame], pd.DataFrame] | None:
        """What adds the noise of the policy to the sums of a review; None without noise."""
        noise = review.policy.noise
        if noise is None:
            return None
        assert review.query is not None and review.answered is not None, "a clean review has both"
        table = self.uploaded(review.dataset)
        label = review.policy.contributor_label
        asked = questions(review.query, review.answered.table, table.labels, label, decimals, noise)
        return partial(self._noise_budget(review.dataset).disturbed, asked=asked, budget=noise.budget)

    def _decrypt_for_review(self, table: EncryptedTable) -> Callable[[EncryptedAggregate], pd.DataFrame] | None:
        # The key of a table can be shared by custodians: then its owner cannot decrypt either.
        return self.decrypt if self._own_key_named(table.key.fingerprint) else None

    def _carry_out(self, review: Review, approval: Approval) -> None:
        document = {"decision": "approved", "reason": approval.reason}
        self.connection.put("requests", review.request, "decision", document=document)
        self._decisions.record(review.request, approval)

    def _send_refusal(self, request_id: str, reason: str) -> None:
        self.connection.put("requests", request_id, "decision", document={"decision": "refused", "reason": reason})

    def _is_on_server(self, dataset: str) -> bool:
        try:
            self.describe(dataset)
        except ServerRefused as refusal:
            if refusal.status == 404:
                return False
            raise
        return True


def _too_large(refusal: ServerRefused, table: EncryptedTable, size: int) -> ServerRefused:
    """The server's refusal of a body that is too large, with what its owner can do."""
    return ServerRefused(
        refusal.status,
        refusal.type,
        refusal.title,
        f"{refusal.detail} This table has {size:,} bytes, in {len(table.ciphertexts):,} ciphertexts with "
        f"layout={table.layout!r}. Encrypt fewer columns or groupings, or, in an aligned table whose "
        "slots are not full, with more partial_sums; or have the operator start the server with a larger "
        "--largest-body.",
        refusal.extra,
    )


def _no_private_key() -> PrivateKey:
    raise NotThere("An administrator has no encryption key, so nobody can write to one.")
