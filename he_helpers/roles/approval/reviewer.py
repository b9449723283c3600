"""Who reviews release requests and decides on them: what an administrator and a custodian do alike.

What is shown by review() is kept, and approve() approves nothing else: the server cannot exchange it in between.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from he_helpers.roles.approval.decisions import Approval, ByOthers, Decisions, Refusal, Shown
from he_helpers.roles.approval.noise import NoiseBudget
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.approval.review import Review, review_request
from he_helpers.roles.arguments import checked_uuid, of_kind
from he_helpers.roles.errors import (
    AlreadyThere,
    NotAcknowledged,
    NotApproved,
    NotReviewed,
    ReviewNotClean,
    ServerRefused,
    UnreadableAnswer,
)
from he_helpers.roles.keys.contacts import ENCRYPTION_KEY
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.service import KeyService
from he_helpers.roles.participant import Participant
from he_helpers.roles.views import request_view
from he_helpers.tables import EncryptedAggregate, EncryptedTable
from he_helpers.text import printable_line

if TYPE_CHECKING:
    import pandas as pd

_UNDECIDED = {"requested", "aggregated"}


class Reviewer(Participant):
    """A participant who holds copies of tables, reviews the requests on them, and keeps ``decisions/`` of its own."""

    trusted_kind = ENCRYPTION_KEY
    # Whether who gets a result combines it, and so reads all that the ciphertexts hold.
    _recipient_decrypts = False
    # What an approval has done, in words.
    after_approval = "Nothing has left yet; the next step is to release it."

    def __init__(
        self,
        folder: Path | str,
        server: str,
        passphrase: str | Hidden[str],
        *,
        key_service: KeyService | None = None,
    ):
        super().__init__(folder, server, passphrase, key_service=key_service)
        self._decisions = Decisions(self.folder / "decisions")

    def answers(self, request_id: str) -> pd.DataFrame | None:
        """What those who decide together have answered so far, by the server's word; None for who decides alone."""
        return None

    @abstractmethod
    def policy(self, name: str) -> DisclosurePolicy:
        """What may leave of the dataset ``name``. Raises NotThere."""

    @abstractmethod
    def _own_copy(self, name: str) -> bytes:
        """The bytes of the own copy of a dataset. Raises NotThere."""

    def _table_of(self, request: str, dataset: str) -> bytes:
        """The bytes of the own copy that a request on a dataset is about. Raises NotThere."""
        return self._own_copy(dataset)

    def _identity(self, dataset: str, table: bytes) -> str:
        """What stands for the data of a table: the same for the same data under another key."""
        return hashlib.sha256(table).hexdigest()

    @abstractmethod
    def _carry_out(self, review: Review, approval: Approval) -> None:
        """Do what follows an approval of a clean review, and keep the approval."""

    @abstractmethod
    def _send_refusal(self, request_id: str, reason: str) -> None:
        """Tell the server of a refusal."""

    def _decrypt_for_review(self, table: EncryptedTable) -> Callable[[EncryptedAggregate], pd.DataFrame] | None:
        """What decrypts an aggregate of an own ``table`` for the own eyes; None for who cannot."""
        return None

    def _released_by_others(
        self, request: dict[str, Any], table: EncryptedTable, digest: str
    ) -> tuple[list[ByOthers], int]:
        """What others released on the dataset of a request, and how many more the own table cannot answer.

        For an administrator nobody else releases.
        """
        return [], 0

    def _noise_budget(self, dataset: str) -> NoiseBudget:
        return NoiseBudget(self.folder / "noise", dataset)

    def requests(self, status: str | None = None) -> pd.DataFrame:
        """The release requests on the own datasets, all or those of one ``status``, by dataset and query."""
        return request_view(self.connection.get_all("requests", key="id", status=status), self._recipient)

    def pending(self) -> pd.DataFrame:
        """The release requests that wait for a decision, by dataset and query."""
        requests = self.requests()
        return requests[requests["status"].isin(_UNDECIDED)]

    def review(self, request_id: str) -> Review:
        """Show who asks what, and check it; changes no status but from requested to aggregated.

        What is shown is kept beside the decisions: approve() approves nothing else. A request that the server cannot
        compute has a finding that says why. With a contributor label, sums of single contributors are decrypted, for
        the shares of the largest ones. Raises ServerRefused for an unknown request, NotThere when there is no own copy
        of its dataset, WrongPassphrase.
        """
        review = self._review(request_id)
        self._decisions.show(review.request, _shown(review))
        return review

    def approve(self, request_id: str, reason: str = "", *, recipient: str | None = None) -> None:
        """Approve a request whose review is clean, and keep the decision. Repeating is harmless.

        What is approved is what review() showed last, in this process or an earlier one, or what was approved before:
        the server cannot exchange it in between. recipient: the name of who gets the result, needed where it is not
        the account that asks (Review.for_somebody_else).

        Raises NotReviewed when review() has not shown the request as it is now, ReviewNotClean, NotAcknowledged without
        a needed recipient, NotApproved when you refused it before, or ServerRefused (409).
        """
        of_kind(reason, str, "the reason as text")
        identifier = checked_uuid(request_id)
        earlier, shown = self._decisions.decision(identifier), self._decisions.shown(identifier)
        if isinstance(earlier, Refusal):
            raise NotApproved("You refused this request. A decision stands; the analyst can ask anew.")
        if shown is None:
            raise NotReviewed(
                "You have not seen this request from this folder. Call review() first, and read what it shows."
            )
        review = self._clean_review(identifier)
        if review.subject() != (earlier.subject if earlier else shown.subject):
            raise ReviewNotClean(
                "The server now shows another request under this id than the one that you "
                f"{'approved' if earlier else 'reviewed'}."
            )
        if not earlier and shown != _shown(review):
            raise NotReviewed(
                "The review of this request would now show something else than it showed you: other findings, or a "
                "result that was approved in the meantime. Call review() again, and read what it shows."
            )
        if review.for_somebody_else and recipient != review.recipient:
            raise NotAcknowledged(
                f"{printable_line(review.analyst)} asks, and the result would be sealed to {review.recipient}. "
                f"If that is meant, pass recipient={review.recipient!r}."
            )
        assert review.recipient is not None and review.answered is not None, "a clean review has both"
        self._carry_out(review, Approval(reason, review.dataset, review.recipient, review.subject(), review.answered))

    def refuse(self, request_id: str, reason: str) -> None:
        """Refuse a request and tell the analyst why; one that cannot be computed, too.

        Raises ValueError without a reason, AlreadyThere after an own approval, which stays on record.
        """
        if not of_kind(reason, str, "the reason as text").strip():
            raise ValueError("A refusal without a reason helps nobody. Say in a sentence why.")
        request = self._request(request_id)
        if isinstance(self._decisions.decision(request["id"]), Approval):
            raise AlreadyThere(
                "You approved this request, and its result may have been released. A decision stands, whatever status "
                "the server shows: later requests are compared with it."
            )
        self._send_refusal(request["id"], reason)
        self._decisions.record(request["id"], Refusal(reason, request["dataset"]))

    def _recipient(self, fingerprint: str) -> str:
        return self.contacts.find(fingerprint) or "unknown key"

    def _request(self, request_id: str) -> dict[str, Any]:
        """The server's document of a request."""
        identifier = checked_uuid(request_id)
        request = self.connection.get("requests", identifier)
        if not isinstance(request, dict) or request.get("id") != identifier:
            raise UnreadableAnswer(f"Asked for the request {identifier}, the server described another one, or none.")
        if not isinstance(request.get("dataset"), str):
            raise UnreadableAnswer(
                f"The server's description of the request {identifier} has no name of a dataset, so there is nothing "
                "to decide on. Use the same version of he_helpers on both sides."
            )
        return request

    def _review(self, request_id: str) -> Review:
        request = self._request(request_id)
        computed: bytes | str
        try:
            if request.get("status") == "requested":
                self.connection.post("requests", request["id"], "aggregation")
                request = self._request(request_id)
            computed = self.connection.get_bytes("requests", request["id"], "aggregate")
        except ServerRefused as refusal:
            computed = str(refusal)
        dataset = request["dataset"]
        data = self._table_of(request["id"], dataset)
        table, digest = EncryptedTable.from_bytes(data), self._identity(dataset, data)
        policy = self.policy(dataset)
        by_others, not_counted = self._released_by_others(request, table, digest)
        review = review_request(
            request,
            computed,
            table,
            policy,
            self.contacts.find(request.get("recipient_key_fingerprint", "")),
            table_digest=digest,
            approved_before=self._decisions.approved(dataset, but=request["id"]),
            decrypt=self._decrypt_for_review(table),
            recipient_decrypts=self._recipient_decrypts,
            budget=self._noise_budget(dataset) if policy.noise else None,
            by_others=by_others,
            not_counted=not_counted,
        )
        # Only where the own copy is the server's table: of another one, nothing was released that it has counted.
        if review.aggregate_matches:
            for heard in by_others:
                self._decisions.hear(heard)
        return review

    def _clean_review(self, request_id: str) -> Review:
        review = self._review(request_id)
        if not review.clean:
            raise ReviewNotClean(f"The review of this request found: {'; '.join(review.findings)}.")
        return review


def _shown(review: Review) -> Shown:
    """What a person who reads this review has seen."""
    return Shown(review.subject(), list(review.findings), list(review.approved_before))
