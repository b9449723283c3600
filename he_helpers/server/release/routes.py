"""The server's HTTP interface, version 1.

An upload is checked in this order: token and role, size and content type (all before its body is read), secret keys,
and only then is it read as an encrypted table. Neither bodies nor tokens are logged.
"""

from typing import Annotated, Any, BinaryIO, Literal
from uuid import UUID

from flask import Blueprint, Flask, Response, jsonify
from pydantic import Field, StringConstraints

from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.server.http.application import new_application, read_body, takes_body
from he_helpers.server.http.jobs import TASKS, EndedItsWorker, Jobs
from he_helpers.server.http.problems import Problem
from he_helpers.server.release import release_requests
from he_helpers.server.release.audit import keep_head, list_chain, list_events, list_heads
from he_helpers.server.release.datasets import datasets, policy
from he_helpers.server.release.datasets.incoming import (
    BYTES,
    DATASET_NAME,
    JSON,
    Incoming,
    Line,
    Name,
    arguments,
    authenticated,
    check_dataset_name,
    jobs_here,
    json_body,
    record_refusal,
    refuse_secret,
    store_here,
)
from he_helpers.server.release.datasets.moves import move_dataset
from he_helpers.server.release.quorum.routes import quorum
from he_helpers.server.release.request_records import STATUSES
from he_helpers.server.storage.paging import Page
from he_helpers.server.storage.store import Store

INTERFACE_VERSION = "1"


class QueryBody(Incoming):
    """What an analyst asks for."""

    statistic: Literal["sum", "mean", "count"]
    group_by: list[Name]
    columns: list[Name]


class RequestBody(Incoming):
    """A release request."""

    dataset: Annotated[str, StringConstraints(pattern=f"^{DATASET_NAME.pattern}$")]
    query: QueryBody
    recipient_key_fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
    purpose: Line


class HeadBody(Incoming):
    """A head of the audit trail that its witness has signed; see he_helpers.audit.heads."""

    length: Annotated[int, Field(ge=1, lt=2**63)]
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    witness: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class DecisionBody(Incoming):
    """A data administrator's decision on a release request."""

    decision: Literal["approved", "refused"]
    reason: Line = ""


def create_app(store: Store, largest_body: int = policy.DEFAULT_LARGEST_BODY, jobs: Jobs | None = None) -> Flask:
    """The application over ``store``. Bodies above ``largest_body`` bytes are refused.

    jobs: where tables are worked on; None: in the workers of this process.
    """
    return new_application(_v1, STORE=store, LARGEST_BODY=largest_body, JOBS=jobs or Jobs.of_this_process(TASKS))


_v1 = Blueprint("v1", __name__, url_prefix="/v1")
_v1.register_blueprint(quorum)


@_v1.get("/health")
def _health() -> Response:
    return jsonify(status="ok", version=INTERFACE_VERSION)


@_v1.get("/datasets")
def _list_datasets() -> Response:
    account = authenticated()
    given = arguments("after", "limit")
    page = Page.read(given["after"], given["limit"])
    return jsonify(datasets.list_datasets(store_here(), account, page))


@_v1.put("/datasets/<name>")
@takes_body(BYTES, admit=lambda: authenticated("administrator").name)
def _upload_dataset(name: str) -> tuple[Response, int]:
    account = authenticated("administrator")
    check_dataset_name(name)
    given = arguments("minimum_group_size", "contributor_label", "custodians", "threshold", "replaces")
    minimum = policy.read_minimum_group_size(given["minimum_group_size"])
    body = read_body()
    table = jobs_here().read_dataset(account.name, body.file)
    refuse_secret(table.secret, account, name)
    contributor_label = policy.read_contributor_label(given["contributor_label"], list(table.description["labels"]))
    exact = SCHEMES[table.description["scheme"]].exact
    custodians, threshold = policy.read_quorum(given["custodians"], given["threshold"], exact=exact)
    if given["replaces"] is None:
        new = datasets.add_dataset(
            store_here(),
            account,
            name,
            body,
            minimum_group_size=minimum,
            contributor_label=contributor_label,
            description=table.description,
            label_part=table.label_part,
            custodians=custodians,
            threshold=threshold,
        )
    else:
        new = move_dataset(
            store_here(),
            account,
            name,
            body,
            replaces=given["replaces"],
            minimum_group_size=minimum,
            contributor_label=contributor_label,
            description=table.description,
            label_part=table.label_part,
        )
    answer = {
        "name": name,
        "rows_received": table.description["rows"],
        "bytes": body.size,
        "digest": body.sha256,
    }
    return jsonify(answer), 201 if new else 200


@_v1.get("/datasets/<name>")
def _describe_dataset(name: str) -> Response:
    account = authenticated()
    check_dataset_name(name)
    return jsonify(datasets.describe_dataset(store_here(), name, account))


@_v1.get("/datasets/<name>/table")
def _download_dataset(name: str) -> Response:
    account = authenticated("administrator", "custodian")
    check_dataset_name(name)
    with store_here().reading() as connection:
        datasets.find_dataset(connection, name, account)
        content = datasets.read_content(connection, name)
    return Response(content, content_type=BYTES)


@_v1.delete("/datasets/<name>")
def _delete_dataset(name: str) -> tuple[str, int]:
    account = authenticated("administrator")
    check_dataset_name(name)
    datasets.delete_dataset(store_here(), name, account)
    return "", 204


@_v1.put("/requests/<uuid:identifier>")
@takes_body(JSON, largest=policy.LARGEST_JSON_BODY, admit=lambda: authenticated("analyst").name)
def _ask(identifier: UUID) -> tuple[Response, int]:
    account = authenticated("analyst")
    asked = json_body(RequestBody, account).model_dump()
    name = asked.pop("dataset")
    with store_here().reading() as connection:
        dataset = datasets.find_dataset(connection, name, account)
        label_part = datasets.read_label_part(connection, name)
    dataset.check_in_use()
    try:
        jobs_here().check_query(
            account.name, label_part, asked["query"], dataset.minimum_group_size, dataset.contributor_label
        )
    except Problem as problem:
        if problem.kind == "group-too-small":
            record_refusal(account, "refused by policy", name, "a group too small", owner=dataset.owner)
        raise
    shown, new = release_requests.add_request(store_here(), account, str(identifier), dataset, asked)
    return jsonify(shown), 201 if new else 200


@_v1.get("/requests")
def _list_requests() -> Response:
    account = authenticated()
    given = arguments("status", "after", "limit")
    status = given["status"]
    if status is not None and status not in STATUSES:
        raise Problem("bad-request", f"A status is one of: {', '.join(STATUSES)}.")
    page = Page.read(given["after"], given["limit"])
    return jsonify(release_requests.list_requests(store_here(), account, page, status))


@_v1.get("/requests/<uuid:identifier>")
def _show_request(identifier: UUID) -> Response:
    account = authenticated()
    return jsonify(release_requests.find_request(store_here(), str(identifier), account))


@_v1.post("/requests/<uuid:identifier>/aggregation")
def _aggregate(identifier: UUID) -> Response:
    account = authenticated()

    def compute(dataset: datasets.Dataset, content: BinaryIO, query: dict[str, Any]) -> bytes:
        try:
            return jobs_here().compute_aggregate(account.name, content, query)
        except EndedItsWorker as ended:
            if not ended.by_itself:
                raise Problem(
                    "busy",
                    f"Computing on the dataset {dataset.name!r} {ended.what}. The server may have too much to do. "
                    "Nothing was changed: try again later, and if it stays so, tell the server's operator.",
                ) from None
            reason = f"Computing on it {ended.what}. Delete it, and upload a table that was encrypted anew."
            datasets.set_dataset_aside(store_here(), dataset, reason)
            raise dataset.no_longer_in_use(reason) from None

    return jsonify(release_requests.aggregate_request(store_here(), str(identifier), account, compute))


@_v1.get("/requests/<uuid:identifier>/aggregate")
def _download_aggregate(identifier: UUID) -> Response:
    account = authenticated()
    return Response(release_requests.read_aggregate(store_here(), str(identifier), account), content_type=BYTES)


@_v1.put("/requests/<uuid:identifier>/decision")
@takes_body(JSON, largest=policy.LARGEST_JSON_BODY, admit=lambda: authenticated("administrator").name)
def _decide(identifier: UUID) -> Response:
    account = authenticated("administrator")
    decision = json_body(DecisionBody, account)
    return jsonify(
        release_requests.decide_request(store_here(), str(identifier), account, decision.decision, decision.reason)
    )


@_v1.put("/requests/<uuid:identifier>/result")
@takes_body(BYTES, admit=lambda: authenticated("administrator").name)
def _release(identifier: UUID) -> Response:
    account = authenticated("administrator")
    body = read_body()
    if not body.size:
        raise Problem("invalid-content", "A sealed result is not empty: send the bytes of the sealed box.")
    refuse_secret(jobs_here().find_secret(account.name, body.file), account, dataset=None)
    sealed = body.read()
    return jsonify(release_requests.release_result(store_here(), str(identifier), account, sealed))


@_v1.get("/requests/<uuid:identifier>/result")
def _download_result(identifier: UUID) -> Response:
    account = authenticated("analyst")
    return Response(release_requests.read_result(store_here(), str(identifier), account), content_type=BYTES)


@_v1.get("/audit")
def _audit() -> Response:
    account = authenticated()
    given = arguments("dataset", "request", "after", "limit")
    page = Page.read(given.pop("after"), given.pop("limit"), numbered=True)
    return jsonify(list_events(store_here(), account.name, account.role, page, **given))


@_v1.get("/audit/chain")
def _audit_chain() -> Response:
    account = authenticated()
    return jsonify(list_chain(store_here(), account.name, account.role, _numbered_page()))


@_v1.get("/audit/heads")
def _audit_heads() -> Response:
    authenticated()
    return jsonify(list_heads(store_here(), _numbered_page()))


@_v1.put("/audit/heads")
@takes_body(JSON, largest=policy.LARGEST_JSON_BODY, admit=lambda: authenticated().name)
def _keep_head() -> Response:
    account = authenticated()
    head = json_body(HeadBody, account).model_dump()
    keep_head(store_here(), account.name, head)
    return jsonify(head)


def _numbered_page() -> Page:
    given = arguments("after", "limit")
    return Page.read(given["after"], given["limit"], numbered=True)
