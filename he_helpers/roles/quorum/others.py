"""What other custodians released without this one, or may have: what a review has to be compared with as well.

Of k custodians who are needed, none has to be this one. So the own record of approvals is not all that the analyst
knows. The rest is asked of the server: which requests on the dataset are released, or have a partial decryption (who
leaves one cannot take it back, and may hand it over without the server). That, and what they ask, is the server's word;
their groups and contributors are counted in the own copy of the table. What it has told once is kept: its word can add
to the own record, and never take from it. So what others released never counts as known to the analyst already: where
it gives a person away by itself, every new question on it has a finding.

A server that lies can hide a release from a custodian. Where more than half of the custodians are needed (k > n/2), any
two quorums have a custodian in common, who has both on its own record: of two results that give a person away together,
no honest one helps to release the second. For three results that do it only together, more than two thirds are
needed (k > 2n/3), and so on. Where fewer are enough, nobody may have all of them on record, and under a server that
hides, custodians must tell each other what they approve. Under an honest server, too, quorums that decide at the same
moment do not see each other. Nor does a custodian hear of what others released on a table that was replaced since its
last review: the server deletes the requests with the table.

The audit trail (he_helpers.audit, roles.audit) shows all of this afterwards: each release is an event of one chain, and
stays when its table is deleted. A server can keep an event closed to a custodian; the owner of the dataset has it open.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from he_helpers.errors import HEError
from he_helpers.roles.approval.decisions import Approval, ByOthers, Decisions
from he_helpers.roles.approval.ledger import Answered
from he_helpers.roles.arguments import checked_uuid
from he_helpers.roles.connection import Connection
from he_helpers.roles.errors import InvalidName, UnreadableAnswer
from he_helpers.roles.views import answer_view
from he_helpers.tables import EncryptedTable, Query

_RELEASED, _PARTIAL = "released", "partial decryption"
# Before its aggregate is there, nobody can make a partial decryption of it.
_WITHOUT_PARTIALS = "requested"


def released_by_others(
    connection: Connection,
    request: dict[str, Any],
    decisions: Decisions,
    table: EncryptedTable,
    digest: str,
    contributor_label: str | None,
    holder: Callable[[str], str],
) -> tuple[list[ByOthers], int]:
    """What others released on the dataset of ``request``, or may have, now and by what was heard before.

    request: the server's document of the one under review, which is left out, as are those of which ``decisions`` has
    an approval. table, digest: the own copy, and what stands for its data. holder: names the holder of a fingerprint.
    Returns also how many more the server tells of, whose queries ``table`` cannot answer. Raises UnreadableAnswer,
    ServerRefused, DamagedRecord.
    """
    heard = {one.name: one for one in decisions.heard(request["dataset"])}
    not_counted = 0
    for identifier, asked, status, fingerprint in _listed(connection, request["dataset"]):
        if status == _WITHOUT_PARTIALS or _is_known(identifier, asked, request, decisions):
            continue
        if status != _RELEASED and not _has_partial(connection, identifier):
            continue
        try:
            query = Query.from_dict(asked)
            query.check_names(table.label_names, [column.name for column in table.columns])
            answered = Answered.of(digest, table.labels, contributor_label, query, by_others=True)
        except (HEError, ValueError, KeyError, TypeError):
            not_counted += 1
            continue
        told = ByOthers(identifier, request["dataset"], holder(fingerprint), status == _RELEASED, answered)
        before = heard.get(told.name)
        heard[told.name] = replace(before, released=before.released or told.released) if before else told
    without = [one for one in heard.values() if not _is_known(one.request, one.answered.query, request, decisions)]
    return without, not_counted


def _listed(connection: Connection, dataset: str) -> list[tuple[str, Any, str, str]]:
    """Id, query, status and the fingerprint of the recipient of each request on ``dataset``."""
    try:
        return [
            (checked_uuid(one["id"]), one["query"], str(one["status"]), str(one["recipient_key_fingerprint"]))
            for one in connection.get_all("requests", key="id")
            if one["dataset"] == dataset
        ]
    except (KeyError, InvalidName):
        raise UnreadableAnswer(
            "The server's list of requests has members missing, or ids that are none. Use the same version of "
            "he_helpers on both sides."
        ) from None


def _has_partial(connection: Connection, identifier: str) -> bool:
    answers = answer_view(connection.get("requests", identifier, "answers"))["answer"]
    return bool((answers == _PARTIAL).any())


def _is_known(identifier: str, query: Any, request: dict[str, Any], decisions: Decisions) -> bool:
    """Whether it is the one under review, or is approved on the own record, with the same query."""
    if identifier == request["id"] and query == request.get("query"):
        return True
    decision = decisions.decision(identifier)
    return isinstance(decision, Approval) and decision.answered.query == query
