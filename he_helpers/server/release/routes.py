"""The server's HTTP interface, version 1.

An upload is checked in this order: token and role, size and content type (all before its body is read), secret keys,
and only then is it read as an encrypted table. Neither bodies nor tokens are logged.
"""

import re
from typing import Annotated, Any, BinaryIO, Literal
from uuid import UUID

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from sqlalchemy import Connection

from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.server.http.application import ACCOUNT_IN_ENVIRON, new_application, read_body, takes_body
from he_helpers.server.http.jobs import EndedItsWorker, Jobs
from he_helpers.server.http.problems import Problem
from he_helpers.server.release import datasets, policy, release_requests
from he_helpers.server.release.accounts import Account, find_account
from he_helpers.server.release.audit import list_events, record_event
from he_helpers.server.storage.paging import Page
from he_helpers.server.storage.store import Store
from he_helpers.text import is_printable_line

INTERFACE_VERSION = "1"
BYTES = "application/octet-stream"
JSON = "application/json"

_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{43})")
_DATASET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _one_line(text: str) -> str:
    if not is_printable_line(text):
        raise ValueError("one line without control characters, direction marks and others that nobody sees is expected")
    return text


_Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_one_line)]


class _Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class QueryBody(_Incoming):
    """What an analyst asks for."""

    statistic: Literal["sum", "mean", "count"]
    group_by: list[_Name]
    columns: list[_Name]


class RequestBody(_Incoming):
    """A release request."""

    dataset: Annotated[str, StringConstraints(pattern=f"^{_DATASET_NAME.pattern}$")]
    query: QueryBody
    recipient_key_fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
    purpose: _Line


class DecisionBody(_Incoming):
    """A data administrator's decision on a release request."""

    decision: Literal["approved", "refused"]
    reason: _Line = ""


def create_app(store: Store, largest_body: int = policy.DEFAULT_LARGEST_BODY, jobs: Jobs | None = None) -> Flask:
    """The application over ``store``. Bodies above ``largest_body`` bytes are refused.

    jobs: where tables are worked on; None: in the workers of this process.
    """
    return new_application(_v1, STORE=store, LARGEST_BODY=largest_body, JOBS=jobs or Jobs.of_this_process())


_v1 = Blueprint("v1", __name__, url_prefix="/v1")


@_v1.get("/health")
def _health() -> Response:
    return jsonify(status="ok", version=INTERFACE_VERSION)


@_v1.get("/datasets")
def _list_datasets() -> Response:
    account = _authenticated()
    arguments = _arguments("after", "limit")
    page = Page.read(arguments["after"], arguments["limit"])
    return jsonify(datasets.list_datasets(_store(), account, page))


@_v1.put("/datasets/<name>")
@takes_body(BYTES, admit=lambda: _authenticated("administrator").name)
def _upload_dataset(name: str) -> tuple[Response, int]:
    account = _authenticated("administrator")
    _check_dataset_name(name)
    arguments = _arguments("minimum_group_size", "contributor_label")
    minimum = policy.read_minimum_group_size(arguments["minimum_group_size"])
    body = read_body()
    table = _jobs().read_dataset(account.name, body.file)
    _refuse_secret(table.secret, account, name)
    contributor_label = policy.read_contributor_label(arguments["contributor_label"], list(table.description["labels"]))
    new = datasets.add_dataset(
        _store(),
        account,
        name,
        body,
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
    account = _authenticated()
    _check_dataset_name(name)
    return jsonify(datasets.describe_dataset(_store(), name, account))


@_v1.get("/datasets/<name>/table")
def _download_dataset(name: str) -> Response:
    account = _authenticated("administrator")
    _check_dataset_name(name)
    with _store().reading() as connection:
        datasets.find_own_dataset(connection, name, account)
        content = datasets.read_content(connection, name)
    return Response(content, content_type=BYTES)


@_v1.delete("/datasets/<name>")
def _delete_dataset(name: str) -> tuple[str, int]:
    account = _authenticated("administrator")
    _check_dataset_name(name)
    datasets.delete_dataset(_store(), name, account)
    return "", 204


@_v1.put("/requests/<uuid:identifier>")
@takes_body(JSON, largest=policy.LARGEST_JSON_BODY, admit=lambda: _authenticated("analyst").name)
def _ask(identifier: UUID) -> tuple[Response, int]:
    account = _authenticated("analyst")
    asked = _json_body(RequestBody, account).model_dump()
    name = asked.pop("dataset")
    with _store().reading() as connection:
        dataset = datasets.find_dataset(connection, name, account)
        label_part = datasets.read_label_part(connection, name)
    dataset.check_in_use()
    try:
        _jobs().check_query(
            account.name, label_part, asked["query"], dataset.minimum_group_size, dataset.contributor_label
        )
    except Problem as problem:
        if problem.kind == "group-too-small":
            _record_refusal(account, "refused by policy", name, "a group too small", owner=dataset.owner)
        raise
    shown, new = release_requests.add_request(_store(), account, str(identifier), dataset, asked)
    return jsonify(shown), 201 if new else 200


@_v1.get("/requests")
def _list_requests() -> Response:
    account = _authenticated()
    arguments = _arguments("status", "after", "limit")
    status = arguments["status"]
    if status is not None and status not in release_requests.STATUSES:
        raise Problem("bad-request", f"A status is one of: {', '.join(release_requests.STATUSES)}.")
    page = Page.read(arguments["after"], arguments["limit"])
    return jsonify(release_requests.list_requests(_store(), account, page, status))


@_v1.get("/requests/<uuid:identifier>")
def _show_request(identifier: UUID) -> Response:
    account = _authenticated()
    return jsonify(release_requests.find_request(_store(), str(identifier), account))


@_v1.post("/requests/<uuid:identifier>/aggregation")
def _aggregate(identifier: UUID) -> Response:
    account = _authenticated()

    def compute(dataset: datasets.Dataset, content: BinaryIO, query: dict[str, Any]) -> bytes:
        try:
            return _jobs().compute_aggregate(account.name, content, query)
        except EndedItsWorker as ended:
            if not ended.by_itself:
                raise Problem(
                    "busy",
                    f"Computing on the dataset {dataset.name!r} {ended.what}. The server may have too much to do. "
                    "Nothing was changed: try again later, and if it stays so, tell the server's operator.",
                ) from None
            reason = f"Computing on it {ended.what}. Delete it, and upload a table that was encrypted anew."
            datasets.set_dataset_aside(_store(), dataset, reason)
            raise dataset.no_longer_in_use(reason) from None

    return jsonify(release_requests.aggregate_request(_store(), str(identifier), account, compute))


@_v1.get("/requests/<uuid:identifier>/aggregate")
def _download_aggregate(identifier: UUID) -> Response:
    account = _authenticated("administrator")
    return Response(release_requests.read_aggregate(_store(), str(identifier), account), content_type=BYTES)


@_v1.put("/requests/<uuid:identifier>/decision")
@takes_body(JSON, largest=policy.LARGEST_JSON_BODY, admit=lambda: _authenticated("administrator").name)
def _decide(identifier: UUID) -> Response:
    account = _authenticated("administrator")
    decision = _json_body(DecisionBody, account)
    return jsonify(
        release_requests.decide_request(_store(), str(identifier), account, decision.decision, decision.reason)
    )


@_v1.put("/requests/<uuid:identifier>/result")
@takes_body(BYTES, admit=lambda: _authenticated("administrator").name)
def _release(identifier: UUID) -> Response:
    account = _authenticated("administrator")
    body = read_body()
    if not body.size:
        raise Problem("invalid-content", "A sealed result is not empty: send the bytes of the sealed box.")
    _refuse_secret(_jobs().find_secret(account.name, body.file), account, dataset=None)
    sealed = body.read()
    return jsonify(release_requests.release_result(_store(), str(identifier), account, sealed))


@_v1.get("/requests/<uuid:identifier>/result")
def _download_result(identifier: UUID) -> Response:
    account = _authenticated("analyst")
    return Response(release_requests.read_result(_store(), str(identifier), account), content_type=BYTES)


@_v1.get("/audit")
def _audit() -> Response:
    account = _authenticated()
    arguments = _arguments("dataset", "request", "after", "limit")
    page = Page.read(arguments.pop("after"), arguments.pop("limit"), numbered=True)
    return jsonify(list_events(_store(), account.name, account.role, page, **arguments))


def _store() -> Store:
    return current_app.config["STORE"]


def _jobs() -> Jobs:
    return current_app.config["JOBS"]


def _authenticated(role: str | None = None) -> Account:
    """The account of the token that came with this request, which must have ``role`` if one is named."""
    header = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    account = find_account(_store(), header[1]) if header else None
    if account is None:
        raise Problem(
            "unauthorised",
            "Send the token of your account in the header 'Authorization: Bearer TOKEN'. "
            "The server's operator hands it out.",
        )
    # What is buffered for the answer is counted for this account.
    request.environ[ACCOUNT_IN_ENVIRON] = account.name
    if role is not None:
        account.check_role(role)
    return account


def _arguments(*names: str) -> dict[str, str | None]:
    """The query arguments of this request; each of ``names`` at most once, and no other."""
    unexpected = set(request.args) - set(names)
    if unexpected or any(len(values) > 1 for _, values in request.args.lists()):
        raise Problem("bad-request", f"This address takes these query arguments, each once: {', '.join(names)}.")
    return {name: request.args.get(name) for name in names}


def _check_dataset_name(name: str) -> None:
    if not _DATASET_NAME.fullmatch(name):
        raise Problem(
            "bad-request",
            "A dataset's name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a "
            "letter or a digit.",
        )


def _refuse_secret(secret: str | None, account: Account, dataset: str | None) -> None:
    """Raise Problem (secret-key-refused), and record it within the quota, if a body holds a ``secret`` of that kind."""
    if secret is not None:
        owner = account.name if account.role == "administrator" else None
        try:
            _record_refusal(account, "secret refused", dataset, secret, owner=owner)
        except Problem as problem:
            # Whoever has sent a secret must learn it, recorded or not.
            if problem.kind != "quota-exceeded":
                raise
        raise Problem(
            "secret-key-refused",
            f"The body holds {secret}. It was refused, and nothing of it was stored; yet it has "
            "travelled: treat that key as known to the server, and make a new one. Send public keys only.",
        )


def _json_body(model: type[_Incoming], account: Account) -> Any:
    """The JSON of this request, which is small enough to be searched and read here."""
    content = read_body().read()
    _refuse_secret(find_secret_key(content), account, dataset=None)
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise Problem("invalid-content", _explained(error, model)) from None


def _explained(error: ValidationError, model: type[_Incoming]) -> str:
    """What does not fit, in words that hold nothing of the body: not even the names of unknown members."""
    explained = []
    for entry in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
        if entry["type"] == "extra_forbidden":
            explained.append("there is a member that is not known")
        else:
            explained.append(f"{'.'.join(map(str, entry['loc'])) or 'the body'}: {entry['msg']}")
    return f"The JSON does not fit: {'; '.join(explained)}. Its members are: {', '.join(model.model_fields)}."


def _record_refusal(account: Account, action: str, dataset: str | None, detail: str, owner: str | None) -> None:
    """Record that something was refused. Raises Problem (quota-exceeded)."""
    analyst = account.name if account.role == "analyst" else None

    def step(connection: Connection) -> None:
        _store().quotas.check_new_event(connection, account.name)
        record_event(
            connection,
            account=account.name,
            role=account.role,
            action=action,
            dataset=dataset,
            detail=detail,
            owner=owner,
            analyst=analyst,
        )

    _store().write(step)
