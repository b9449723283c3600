"""The custodian: shares a key with others, reviews requests, and adds a partial decryption or says no."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nacl.public import PrivateKey

from he_helpers.files import alone_with, private_folder, read_private, write_private
from he_helpers.parameters import BFVParameters
from he_helpers.quarantine import read_table
from he_helpers.roles.approval.decisions import Approval, ByOthers
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.approval.review import Review
from he_helpers.roles.approval.reviewer import Reviewer
from he_helpers.roles.arguments import checked_uuid, file_named
from he_helpers.roles.errors import AlreadyThere, NotThere, ReviewNotClean, WrongKind
from he_helpers.roles.keys import contacts
from he_helpers.roles.keys.contacts import ENCRYPTION_KEY, VERIFY_KEY, Contact, Contacts
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.keyring import hide
from he_helpers.roles.keys.service import KeyService
from he_helpers.roles.participant import SIGNING_ENTRY
from he_helpers.roles.quorum.ceremony import CeremonyProgress, go_on, take_letters_away
from he_helpers.roles.quorum.keys import QuorumKeys, hand_over_key
from he_helpers.roles.quorum.letters import Letters, share_letter
from he_helpers.roles.quorum.others import released_by_others
from he_helpers.roles.quorum.partials import Subject, make_partials, seal_partials
from he_helpers.roles.views import answer_view
from he_helpers.schemes.errors import KeyMismatch
from he_helpers.schemes.secret.quorum import JOINT_PARAMETERS, JointCeremony, KeyShare, PartialDecryption, QuorumKey
from he_helpers.schemes.secret.quorum.joint.ceremony import DEFAULT_STATISTICAL_BITS, DEFAULT_TERMS
from he_helpers.tables import EncryptedAggregate, EncryptedTable, Query

if TYPE_CHECKING:
    import pandas as pd

_SEALING_ENTRY = "encryption key"
_LARGEST_TABLE = 2**30
_LARGEST_RECORD = 2**20
_PAUSE_SECONDS = 0.3


class Custodian(Reviewer):
    """What the custodian with the account ``name`` can do, from the own ``folder``, over the server at ``server``.

    The folder holds ``token``, and gets ``keyring`` (the keys of this custodian and its shares of others, encrypted
    under ``passphrase``), ``contacts/`` (encryption keys of analysts and custodians), ``senders/`` (verify keys of
    custodians and dealers), ``quorum_keys/``, ``ceremonies/``, ``guarded/`` (copies of tables) and ``decisions/``. What
    it decides on a request, it decides on the aggregate that it has computed itself from its own copy.

    A request is compared with what this custodian approved, by its own record, and with what others released without
    it, or may have, by the server's word. A server can hide the latter: then it depends on the threshold who sees both
    (roles/quorum/others.py).
    """

    _recipient_decrypts = True
    after_approval = "Your partial decryption has left, sealed to the recipient; it takes those of others, too."

    def __init__(
        self,
        folder: Path | str,
        server: str,
        passphrase: str | Hidden[str],
        name: str,
        *,
        key_service: KeyService | None = None,
    ):
        passphrase = hide(passphrase)  # no frame of a traceback holds the bare text
        super().__init__(folder, server, passphrase, key_service=key_service)
        self.name = name
        self.senders = Contacts(self.folder / "senders", VERIFY_KEY)
        self.quorum_keys = QuorumKeys(private_folder(self.folder / "quorum_keys"))
        self._guarded = private_folder(self.folder / "guarded")
        self._ceremonies = private_folder(self.folder / "ceremonies")
        self.letters = Letters(name, self.connection, self.contacts, self.senders, self._signing_key, self._private_key)

    # Keys

    def create_keys(self) -> None:
        """Make the own signature key and the own encryption key; existing ones are kept."""
        names = self.keyring.names(self._passphrase)
        if SIGNING_ENTRY not in names:
            self.create_signing_key()
        if _SEALING_ENTRY not in names:
            self.keyring.store(_SEALING_ENTRY, Hidden(bytes(PrivateKey.generate())), self._passphrase)

    @property
    def encryption_key(self) -> Contact:
        """The public half of the encryption key. Raises NotThere before create_keys()."""
        return Contact(ENCRYPTION_KEY, bytes(self._private_key().public_key))

    def hand_over(self, folder: Path | str) -> tuple[Path, Path]:
        """Put both public keys into ``folder`` under the own name, and return the files: verify and encryption key."""
        return (
            contacts.hand_over(folder, self.name, self.verify_key),
            contacts.hand_over(folder, self.name, self.encryption_key),
        )

    def trust_sender(self, name: str, path_or_bytes: Path | str | bytes, *, overwrite: bool = False) -> Contact:
        """Keep the verify key of a custodian or a dealer of shares; ``name`` is that of the account."""
        return self.senders.trust(name, path_or_bytes, overwrite=overwrite)

    # Shares

    def key_share(self, name: str = "main") -> KeyShare:
        """The own share of the key ``name``, out of the keyring. Raises NotThere, WrongPassphrase."""
        return KeyShare.from_bytes(self.keyring.load(_entry(name), self._passphrase))

    def keep_share(self, share: KeyShare, name: str = "main") -> QuorumKey:
        """Put an own share into the keyring, and its public key beside it.

        Raises AlreadyThere for another share, or another public key, of that name; KeyMismatch, InsecureParameters.
        """
        if share.custodian != self.name:
            raise KeyMismatch(f"This is the share of {share.custodian}, and you are {self.name}.")
        # Refuses insecure parameters, which a dealer's share may bring with it.
        key = QuorumKey.from_bytes(share.key.to_bytes())
        # The public key first: beside another one, a share would seem to be of that.
        self.quorum_keys.trust(key, name)
        self.keyring.store(_entry(name), Hidden(share.to_bytes()), self._passphrase)
        return key

    def receive_share(self, dealer: str, name: str = "main") -> QuorumKey:
        """Keep the share that a dealer sent as the letter ``name``, and take the letter away.

        Raises ServerRefused (404) while none is there, NotThere for an unknown dealer, ForgedRelease, AlreadyThere.
        """
        key = self.keep_share(KeyShare.from_bytes(self.letters.read(dealer, share_letter(name))), name)
        self.letters.take_away(dealer, share_letter(name))
        return key

    def take_part(
        self,
        session: str,
        custodians: Sequence[str],
        threshold: int,
        name: str = "main",
        *,
        parameters: BFVParameters | None = None,
        terms: int | None = None,
        statistical_bits: int | None = None,
    ) -> CeremonyProgress:
        """Go on with the making of the joint key ``name``: read what has come, send what is due, and return.

        All custodians must have agreed on the other arguments, in person: session is a text that no ceremony had
        before; custodians are the names of the accounts in one order; see JointCeremony for the last three, None for
        its own. Call it until it is finished. Then the share is in the keyring; compare the fingerprints of the key.
        After CeremonyFailed all begin again with another session and another name, since letters of this one wait on.

        Raises CeremonyFailed with whose letters do not fit, InvalidQuorum, InvalidParameters, NotThere for an unknown
        custodian, ForgedRelease for a letter that its sender did not sign.
        """
        letters = self._letters_with_keys()
        # One process at a time: another one would write over which letters this one has read.
        with alone_with(self._ceremonies):
            if _entry(name) in self.keyring.names(self._passphrase):
                take_letters_away(letters, name)
                return CeremonyProgress(6, (), self.quorum_keys.get(name))
            ceremony = JointCeremony(
                self.name,
                custodians,
                threshold,
                session.encode(),
                parameters=parameters or JOINT_PARAMETERS,
                terms=terms or DEFAULT_TERMS,
                statistical_bits=statistical_bits or DEFAULT_STATISTICAL_BITS,
                randomness=self._randomness(name),
            )
            go_on(ceremony, letters, name, file_named(self._ceremonies, name, ".sent.json"))
            if not ceremony.finished:
                return CeremonyProgress(ceremony.round, ceremony.missing, None)
            key = self.keep_share(ceremony.share(), name)
            take_letters_away(letters, name)
            return CeremonyProgress(ceremony.round, (), key)

    def drop_share(self, name: str = "main") -> None:
        """Remove an own share for good, with what is left of its ceremony.

        What is encrypted under the key can then be decrypted by the others alone, if enough of them are left.
        """
        for entry in (_entry(name), _ceremony_entry(name)):
            self.keyring.remove(entry, self._passphrase)
        file_named(self._ceremonies, name, ".sent.json").unlink(missing_ok=True)
        self.quorum_keys.remove(name)

    def finish_joint_key(
        self, session: str, custodians: Sequence[str], threshold: int, name: str = "main", *, seconds: float = 60
    ) -> CeremonyProgress:
        """take_part() again and again until the key is made, or ``seconds`` are over; returns how far it came."""
        ends = time.monotonic() + seconds
        while True:
            progress = self.take_part(session, custodians, threshold, name)
            if progress.key is not None or time.monotonic() > ends:
                return progress
            time.sleep(_PAUSE_SECONDS)

    def hand_over_quorum_key(self, folder: Path | str, name: str = "main") -> Path:
        """Put the public key of a quorum into ``folder``, beside the own name, and return the file."""
        return hand_over_key(folder, f"{self.name}-{name}", self.quorum_keys.get(name))

    # Datasets

    def guard(
        self,
        dataset: str,
        minimum_group_size: int | None = None,
        *,
        contributor_label: str | None = None,
        policy: DisclosurePolicy | None = None,
        key: str = "main",
    ) -> pd.DataFrame:
        """Take a copy of the table of a dataset under the key ``key``, and keep to this minimum or policy in reviews.

        The table is first loaded and added up in a process of its own, which has no key and may die of it. From now on
        every aggregate is computed from this copy, whatever the server has. What the ciphertexts hold is the word of
        who uploaded them: no custodian alone can read one. They can be another owner's ciphertexts under this key, or
        ones whose sum is the joint key itself: guard only tables of an owner who may read everything under the key
        ``key``, and make a key for each owner. Returns what the server says of the dataset.

        Raises DamagedBytes for a table that cannot be read or ended that process, with nothing kept; KeyMismatch for
        one under another key, AlreadyThere for another table than the one that is guarded, or another policy or key
        than it is guarded by, UnknownLabel, WrongKind for a policy with rounding or noise: a quorum gives exact sums.
        """
        policy = DisclosurePolicy.given(policy, minimum_group_size, contributor_label)
        if policy.rounding is not None or policy.noise is not None:
            raise WrongKind("Who combines gets exact sums: rounding and noise need somebody who decrypts before.")
        data = self.connection.get_bytes("datasets", dataset, "table")
        header = read_table(data)
        if header.key_fingerprint != self.quorum_keys.get(key).public.fingerprint:
            raise KeyMismatch(f"The table of {dataset!r} is not under the key {key!r} that you share.")
        if policy.contributor_label is not None:
            Query("count", (policy.contributor_label,)).check_names(header.label_names, ())
        copy = file_named(self._guarded, dataset, ".table")
        if copy.exists() and read_private(copy, _LARGEST_TABLE) != data:
            raise AlreadyThere(
                f"You guard another table as {dataset!r}. If its owner has replaced it, call let_go({dataset!r}) "
                "first; what you approved of it stays on record."
            )
        settings = {"key": key, "policy": policy.to_dict()}
        if copy.exists() and self._settings(dataset) != settings:
            raise AlreadyThere(
                f"You guard {dataset!r} by another minimum, contributor label, policy or key already, and that stays. "
                f"If you mean to change it, call let_go({dataset!r}) first."
            )
        write_private(file_named(self._guarded, dataset, ".json"), json.dumps(settings).encode())
        write_private(copy, data)
        datasets = self.datasets()
        return datasets.loc[[dataset]]

    def guarded(self, dataset: str) -> EncryptedTable:
        """The own copy of a dataset. Raises NotThere."""
        return EncryptedTable.from_bytes(self._own_copy(dataset))

    def let_go(self, dataset: str) -> None:
        """Remove the own copy of a dataset; the decisions on it stay."""
        for ending in (".table", ".json"):
            file_named(self._guarded, dataset, ending).unlink(missing_ok=True)

    def forget_decisions(self, dataset: str) -> None:
        """Remove the own record on a dataset, and what was heard of others. For rehearsals alone: what was released
        once stays released."""
        self._decisions.forget(dataset)

    def policy(self, name: str) -> DisclosurePolicy:
        """What may leave of the dataset ``name``. Raises NotThere."""
        return DisclosurePolicy.from_dict(self._settings(name)["policy"])

    # Release requests

    def pending(self) -> pd.DataFrame:
        """The release requests on which this custodian has not decided yet, by dataset and query."""
        waiting = super().pending()
        undecided = [request for request in waiting.index if self._decisions.decision(request) is None]
        return waiting.loc[undecided]

    def _letters_with_keys(self) -> Letters:
        """The letters with the own keys loaded once: each time they are loaded costs what a guess of the passphrase
        costs."""
        signing_key, private_key = self._signing_key(), self._private_key()
        return Letters(
            self.name, self.connection, self.contacts, self.senders, lambda: signing_key, lambda: private_key
        )

    def _randomness(self, name: str) -> bytes:
        entry = _ceremony_entry(name)
        if entry not in self.keyring.names(self._passphrase):
            self.keyring.store(entry, Hidden(secrets.token_bytes(32)), self._passphrase)
        return self.keyring.load(entry, self._passphrase)

    def answers(self, request_id: str) -> pd.DataFrame:
        """What the custodians have answered so far, by the server's word: a row a custodian."""
        return answer_view(self.connection.get("requests", checked_uuid(request_id), "answers"))

    def partials(self, review: Review) -> list[PartialDecryption]:
        """The own partial decryptions of an aggregate that this process has re-computed: approve() leaves these.

        Keep them to yourself: as many custodians' as it takes are the result. Raises NotThere, WrongPassphrase.
        """
        aggregate, subject, _ = self._subject(review)
        return make_partials(self.key_share(self._settings(review.dataset)["key"]), aggregate, subject)

    def leave(self, review: Review, parts: Sequence[PartialDecryption]) -> None:
        """Sign partial decryptions, seal them to the recipient, and leave them at the server; approve() does it.

        Nothing is checked and nothing kept on record. Raises ServerRefused.
        """
        _, subject, recipient = self._subject(review)
        sealed = seal_partials(self.name, list(parts), subject, self._signing_key(), recipient)
        self.connection.put_bytes("requests", review.request, "partial", data=sealed)

    def _subject(self, review: Review) -> tuple[EncryptedAggregate, Subject, Contact]:
        if review.aggregate is None or review.recipient is None:
            raise ReviewNotClean("There is nothing to decrypt, or nobody known to decrypt it for.")
        recipient = self.contacts.get(review.recipient)
        return review.aggregate, Subject.of(review.aggregate, review.request, review.dataset, recipient), recipient

    def _released_by_others(
        self, request: dict[str, Any], table: EncryptedTable, digest: str
    ) -> tuple[list[ByOthers], int]:
        label = self.policy(request["dataset"]).contributor_label
        return released_by_others(self.connection, request, self._decisions, table, digest, label, self._recipient)

    def _carry_out(self, review: Review, approval: Approval) -> None:
        # Kept before it leaves: what was released and is not on record would be missing in every later comparison.
        self._decisions.record(review.request, approval)
        self.leave(review, self.partials(review))

    def _send_refusal(self, request_id: str, reason: str) -> None:
        self.connection.put("requests", request_id, "refusal", document={"reason": reason})

    def _own_copy(self, name: str) -> bytes:
        file = file_named(self._guarded, name, ".table")
        if not file.exists():
            known = ", ".join(sorted(path.stem for path in self._guarded.glob("*.table"))) or "none"
            raise NotThere(f"You guard no dataset {name!r}: call guard({name!r}, minimum) first. Guarded: {known}.")
        return read_private(file, _LARGEST_TABLE)

    def _settings(self, name: str) -> dict:
        self._own_copy(name)
        return json.loads(read_private(file_named(self._guarded, name, ".json"), _LARGEST_RECORD))

    def _private_key(self) -> PrivateKey:
        return PrivateKey(self.keyring.load(_SEALING_ENTRY, self._passphrase))


def _entry(name: str) -> str:
    return f"key share {name}"


def _ceremony_entry(name: str) -> str:
    return f"randomness of the ceremony {name}"
