"""What every address of the interface does with a request before its own step: who sends it, and what is in it."""

import re
from typing import Annotated, Any

from flask import current_app, request
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from sqlalchemy import Connection

from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.server.http.application import ACCOUNT_IN_ENVIRON, read_body
from he_helpers.server.http.jobs import Jobs
from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account, find_account
from he_helpers.server.release.audit import record_event
from he_helpers.server.storage.store import Store
from he_helpers.text import is_printable_line

BYTES = "application/octet-stream"
JSON = "application/json"

# Where the account of a request is kept while it is answered.
_ACCOUNT = "he_helpers.release.account"
_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{43})")
DATASET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _one_line(text: str) -> str:
    if not is_printable_line(text):
        raise ValueError("one line without control characters, direction marks and others that nobody sees is expected")
    return text


Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_one_line)]


class Incoming(BaseModel):
    """The JSON of a body: the members that a subclass declares, each of its type, and no other."""

    model_config = ConfigDict(extra="forbid", strict=True)


def store_here() -> Store:
    """The store of this application."""
    return current_app.config["STORE"]


def jobs_here() -> Jobs:
    """Where this application works on tables."""
    return current_app.config["JOBS"]


def authenticated(*roles: str) -> Account:
    """The account of the token that came with this request, which must have one of ``roles`` if any is named.

    Looked up once: before the body of a request is taken in, and not again for its step.
    """
    account: Account | None = request.environ.get(_ACCOUNT)
    if account is None and (header := _BEARER.fullmatch(request.headers.get("Authorization", ""))):
        account = find_account(store_here(), header[1])
    if account is None:
        raise Problem(
            "unauthorised",
            "Send the token of your account in the header 'Authorization: Bearer TOKEN'. "
            "The server's operator hands it out.",
        )
    # What is buffered for the answer is counted for this account.
    request.environ[ACCOUNT_IN_ENVIRON] = account.name
    request.environ[_ACCOUNT] = account
    if roles:
        account.check_role(*roles)
    return account


def arguments(*names: str) -> dict[str, str | None]:
    """The query arguments of this request; each of ``names`` at most once, and no other."""
    unexpected = set(request.args) - set(names)
    if unexpected or any(len(values) > 1 for _, values in request.args.lists()):
        raise Problem("bad-request", f"This address takes these query arguments, each once: {', '.join(names)}.")
    return {name: request.args.get(name) for name in names}


def check_dataset_name(name: str) -> None:
    """Raise Problem (bad-request) for what cannot name a dataset."""
    if not DATASET_NAME.fullmatch(name):
        raise Problem(
            "bad-request",
            "A dataset's name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a "
            "letter or a digit.",
        )


def refuse_secret(secret: str | None, account: Account, dataset: str | None) -> None:
    """Raise Problem (secret-key-refused), and record it within the quota, if a body holds a ``secret`` of that kind."""
    if secret is not None:
        owner = account.name if account.role == "administrator" else None
        try:
            record_refusal(account, "secret refused", dataset, secret, owner=owner)
        except Problem as problem:
            # Whoever has sent a secret must learn it, recorded or not.
            if problem.kind != "quota-exceeded":
                raise
        raise Problem(
            "secret-key-refused",
            f"The body holds {secret}. It was refused, and nothing of it was stored; yet it has "
            "travelled: treat that key as known to the server, and make a new one. Send public keys only.",
        )


def json_body(model: type[Incoming], account: Account) -> Any:
    """The JSON of this request, which is small enough to be searched and read here."""
    content = read_body().read()
    refuse_secret(find_secret_key(content), account, dataset=None)
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise Problem("invalid-content", _explained(error, model)) from None


def _explained(error: ValidationError, model: type[Incoming]) -> str:
    """What does not fit, in words that hold nothing of the body: not even the names of unknown members."""
    explained = []
    for entry in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
        if entry["type"] == "extra_forbidden":
            explained.append("there is a member that is not known")
        else:
            explained.append(f"{'.'.join(map(str, entry['loc'])) or 'the body'}: {entry['msg']}")
    return f"The JSON does not fit: {'; '.join(explained)}. Its members are: {', '.join(model.model_fields)}."


def record_refusal(account: Account, action: str, dataset: str | None, detail: str, owner: str | None) -> None:
    """Record that something was refused. Raises Problem (quota-exceeded)."""
    analyst = account.name if account.role == "analyst" else None
    custodians = (account.name,) if account.role == "custodian" else ()

    def step(connection: Connection) -> None:
        store_here().quotas.check_new_event(connection, account.name)
        record_event(
            connection,
            account=account.name,
            role=account.role,
            action=action,
            dataset=dataset,
            detail=detail,
            owner=owner,
            analyst=analyst,
            custodians=custodians,
        )

    store_here().write(step)
