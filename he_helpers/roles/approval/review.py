"""The review of a release request: what an administrator must know before deciding.

The server is not trusted with more than keeping bytes. What it says about a request is shown as its word; what decides
over a number's privacy is checked against what the administrator holds: the own copy of the uploaded table, the own
smallest group, the keys that were handed over in person, the own record of what was approved before. Aggregation is a
pure function of the table and the query, so the server's aggregate must equal the re-computed one byte by byte: a
server that puts a single row, another group, or a ciphertext of its own choice into the place of the aggregate is
noticed without decrypting anything. The server's bytes are compared, and never parsed.

Not checked, because nothing here could: who the analyst is and what the purpose is beyond the server's word. What a
wrong word can achieve is limited: the result is sealed to a known person's key, whoever asked; and where the account
that asks and the holder of that key have different names, the approval must name the recipient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from he_helpers.errors import HEError
from he_helpers.roles.approval import checks
from he_helpers.roles.approval.decisions import Approval, ByOthers
from he_helpers.roles.approval.ledger import Answered, Ledger, compare
from he_helpers.roles.approval.noise import NoiseBudget
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.errors import UnreadableAnswer
from he_helpers.roles.views import query_in_words
from he_helpers.tables import EncryptedAggregate, EncryptedTable, Query, aggregate
from he_helpers.tables.disclosure.contributors import group_contributors
from he_helpers.text import printable_line

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Review:
    """What was found about one request.

    The server's word: ``request`` (uuid), ``dataset``, ``analyst``, ``purpose``, ``query``, ``status``,
    ``recipient_fingerprint``. The administrator's own knowledge: ``recipient`` (name of the holder of that key, None
    when unknown), ``policy``, ``groups`` (rows and contributors of each group, as group_contributors() counts them;
    None when the query cannot be answered), ``dominance`` (what the largest contributors hold, in words),
    ``protection`` (what else the policy does, in words by what it is about), ``approved_before`` (what was approved on
    this dataset, and by the server's word released by others, in words), ``together`` (how far it was compared with
    these), ``aggregate_matches`` (the server's bytes are the re-computed ones), ``aggregate`` (the re-computed one, or
    None), ``answered`` (what later requests are compared with, or None). ``findings`` lists in words what speaks
    against a release; ``clean`` is True when it is empty.
    """

    request: str
    dataset: str
    analyst: str
    purpose: str
    query: Query | None
    status: str
    recipient_fingerprint: str
    recipient: str | None
    policy: DisclosurePolicy
    groups: pd.DataFrame | None
    dominance: str
    protection: Mapping[str, str]
    approved_before: tuple[str, ...]
    together: str
    aggregate_matches: bool
    aggregate: EncryptedAggregate | None
    answered: Answered | None
    findings: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.findings

    @property
    def for_somebody_else(self) -> bool:
        """Whether the result goes to a person whose name is not that of the account that asks."""
        return self.recipient is not None and self.recipient.casefold() != self.analyst.casefold()

    @property
    def group_sizes(self) -> pd.Series | None:
        """Rows in each group, None when the query cannot be answered."""
        return None if self.groups is None else self.groups["rows"]

    def subject(self) -> dict[str, Any]:
        """What a decision is about, JSON-able: the same id with another subject is another request.

        With the rounding and the noise of the policy, if any: what was approved with noise does not leave without it.
        """
        policy = self.policy.to_dict()
        return {
            **{name: policy[name] for name in ("rounding", "noise") if name in policy},
            "dataset": self.dataset,
            "analyst": self.analyst,
            "purpose": self.purpose,
            "query": self.query.to_dict() if self.query else None,
            "recipient_key_fingerprint": self.recipient_fingerprint,
            "aggregate_sha256": hashlib.sha256(self.aggregate.to_bytes()).hexdigest() if self.aggregate else None,
        }

    def in_words(self) -> dict[str, str]:
        """What was found, one printable line each, by what it is about.

        Without request id and fingerprint, which differ from run to run and would be stored with a notebook.
        """
        recipient = f"{self.recipient} (key handed over in person)" if self.recipient else "unknown key"
        if self.for_somebody_else:
            recipient += f", not who asks: if that is meant, approve with recipient={self.recipient!r}"
        return {
            "who asks": f"{printable_line(self.analyst)} (the server's word)",
            "recipient": recipient,
            "dataset": printable_line(self.dataset),
            "query": "unreadable" if self.query is None else query_in_words(self.query),
            "purpose": printable_line(self.purpose),
            "approved": "nothing before on this dataset"
            if not self.approved_before
            else "before on this dataset: " + "; ".join(self.approved_before),
            **({"together": self.together} if self.approved_before else {}),
            "groups": "none" if self.groups is None else self._groups_in_words(self.groups),
            "minimum": f"{self.policy.minimum} contributors",
            "dominance": self.dominance,
            **self.protection,
            "aggregate": "equals the re-computed one" if self.aggregate_matches else "differs from the re-computed one",
            "status": printable_line(self.status),
            "findings": "none" if self.clean else "; ".join(self.findings),
        }

    def __repr__(self) -> str:
        return "\n".join(f"{name + ':':<11}{value}" for name, value in self.in_words().items())

    def _groups_in_words(self, groups: pd.DataFrame) -> str:
        rows, contributors = (f"{of.min()} to {of.max()}" for of in (groups["rows"], groups["contributors"]))
        if self.policy.contributor_label is None:
            return f"{len(groups)}, of {rows} rows, each row counted as a contributor"
        label = printable_line(self.policy.contributor_label)
        return f"{len(groups)}, of {contributors} contributors (values of {label}) in {rows} rows"


def review_request(
    request: Mapping[str, Any],
    server_aggregate: bytes | str,
    table: EncryptedTable,
    policy: DisclosurePolicy,
    recipient: str | None,
    *,
    table_digest: str = "",
    approved_before: Sequence[Approval] = (),
    decrypt: Callable[[EncryptedAggregate], pd.DataFrame] | None = None,
    budget: NoiseBudget | None = None,
    recipient_decrypts: bool = False,
    by_others: Sequence[ByOthers] = (),
    not_counted: int = 0,
) -> Review:
    """Compare a request and the server's aggregate with what the administrator knows. Changes nothing.

    request: the server's document of it. server_aggregate: its bytes, or the server's word why there are none.
    table: the own copy, whose bytes have the SHA-256 ``table_digest``.
    policy: what may leave of this dataset. recipient: the known holder of the recipient key.
    approved_before: the own approvals on a dataset of this name.
    decrypt: decrypts an own aggregate for the own eyes; without it dominance and counts of present values are not
    looked at. budget: what was spent on noise, for a policy with noise. recipient_decrypts: who gets the result
    combines partial decryptions, and so reads all that the ciphertexts hold.
    by_others: what others released on a dataset of this name, or may have. not_counted: how many more of these there
    are, whose queries the own table cannot answer.

    Raises UnreadableAnswer when the document lacks a member, and what ``decrypt`` raises.
    """
    names = ("id", "dataset", "analyst", "purpose", "status", "recipient_key_fingerprint")
    try:
        identifier, dataset, analyst, purpose, status, fingerprint = (request[name] for name in names)
        asked = request["query"]
    except (KeyError, TypeError):
        raise UnreadableAnswer(
            "The server's description of the request has members missing. Use the same version of he_helpers "
            "on both sides."
        ) from None
    if not all(isinstance(request[name], str) for name in names):
        raise UnreadableAnswer("The server's description of the request has members that are no text.")
    released_before: list[Approval | ByOthers] = [*approved_before, *by_others]
    findings = []
    query = computed = groups = answered = None
    ledger = Ledger((), "not compared")
    try:
        query = Query.from_dict(asked)
        query.check_names(table.label_names, [column.name for column in table.columns])
        groups = group_contributors(table.labels, query.group_by, policy.contributor_label, checks.largest(policy))
        computed = aggregate(table, query)
    except (HEError, ValueError, KeyError, TypeError) as error:
        findings.append(f"your table cannot answer this query: {printable_line(str(error))}")
    if isinstance(server_aggregate, str):
        findings.append(f"the server has no aggregate: {printable_line(server_aggregate)}")
    matches = computed is not None and computed.to_bytes() == server_aggregate
    if computed is not None and isinstance(server_aggregate, bytes) and not matches:
        findings.append(
            "the server's aggregate is not the aggregate of the table that you uploaded; "
            "it may hold single rows or something else, so it must not be decrypted"
        )
    if recipient is None:
        findings.append("the recipient's key is not one that was handed over to you in person")
    dominance, protection = "not computed", {}
    if groups is not None:
        findings += checks.few_contributors(groups, policy)
    if query is not None and computed is not None and groups is not None:
        dominance, dominated = checks.dominance(table, query, policy, decrypt)
        present, few_present = checks.present_values(table, query, groups["rows"], policy, decrypt)
        noise, unpaid = checks.noise(table, table_digest, query, policy, budget)
        findings += [*dominated, *few_present, *unpaid]
        if recipient_decrypts:
            findings += checks.further_numbers(computed)
        protection = present | checks.rounding(query, policy) | noise
        answered = Answered.of(table_digest, table.labels, policy.contributor_label, query)
        if not policy.ledger:
            ledger = Ledger((), "not compared: your policy has no ledger")
        elif groups["contributors"].min() >= policy.minimum:
            before = [earlier.answered for earlier in released_before]
            ledger = compare(answered, before, table.labels, policy.contributor_label, policy.minimum)
            findings += ledger.findings
        if policy.ledger and not_counted:
            findings.append(
                f"by the server's word others released {not_counted} results that your table cannot give, so nobody "
                "knows what it gives together with these"
            )
    return Review(
        request=identifier,
        dataset=dataset,
        analyst=analyst,
        purpose=purpose,
        query=query,
        status=status,
        recipient_fingerprint=fingerprint,
        recipient=recipient,
        policy=policy,
        groups=groups,
        dominance=dominance,
        protection=protection,
        approved_before=tuple(sorted(map(_before_in_words, released_before))),
        together=ledger.looked_at,
        aggregate_matches=matches,
        aggregate=computed,
        answered=answered,
        findings=tuple(findings),
    )


def _before_in_words(earlier: Approval | ByOthers) -> str:
    query = query_in_words(Query.from_dict(earlier.answered.query))
    said = f"{query}, for {printable_line(earlier.recipient)}"
    if isinstance(earlier, Approval):
        return said
    return f"{said}, {'' if earlier.released else 'may be '}released by others (the server's word)"
