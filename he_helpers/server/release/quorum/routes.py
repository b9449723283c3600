"""The addresses of custodians: their letters, and what they answer to a request."""

import re
from uuid import UUID

from flask import Blueprint, Response, jsonify

from he_helpers.server.http.application import read_body, takes_body
from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.datasets import policy
from he_helpers.server.release.datasets.incoming import (
    BYTES,
    JSON,
    Incoming,
    Line,
    arguments,
    authenticated,
    jobs_here,
    json_body,
    refuse_secret,
    store_here,
)
from he_helpers.server.release.quorum import answers, letters
from he_helpers.server.storage.paging import Page

quorum = Blueprint("quorum", __name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RefusalBody(Incoming):
    """A custodian's refusal of a release request."""

    reason: Line


@quorum.put("/requests/<uuid:identifier>/partial")
@takes_body(BYTES, admit=lambda: authenticated("custodian").name)
def _leave_partial(identifier: UUID) -> Response:
    account = authenticated("custodian")
    sealed = _sealed_body(account, "partial decryption")
    return jsonify(answers.leave_partial(store_here(), str(identifier), account, sealed))


@quorum.put("/requests/<uuid:identifier>/refusal")
@takes_body(JSON, largest=policy.LARGEST_JSON_BODY, admit=lambda: authenticated("custodian").name)
def _leave_refusal(identifier: UUID) -> Response:
    account = authenticated("custodian")
    refusal = json_body(RefusalBody, account)
    return jsonify(answers.leave_refusal(store_here(), str(identifier), account, refusal.reason))


@quorum.get("/requests/<uuid:identifier>/answers")
def _list_answers(identifier: UUID) -> Response:
    return jsonify(answers.list_answers(store_here(), str(identifier), authenticated()))


@quorum.get("/requests/<uuid:identifier>/partials/<custodian>")
def _download_partial(identifier: UUID, custodian: str) -> Response:
    account = authenticated("analyst")
    return Response(answers.read_partial(store_here(), str(identifier), custodian, account), content_type=BYTES)


@quorum.get("/letters")
def _list_letters() -> Response:
    account = authenticated(*letters.CORRESPONDENTS)
    given = arguments("after", "limit")
    page = Page.read(given["after"], given["limit"], numbered=True)
    return jsonify(letters.list_letters(store_here(), account, page))


@quorum.put("/letters/<correspondent>/<name>")
@takes_body(BYTES, largest=policy.LARGEST_LETTER, admit=lambda: authenticated(*letters.CORRESPONDENTS).name)
def _send_letter(correspondent: str, name: str) -> tuple[Response, int]:
    account = authenticated(*letters.CORRESPONDENTS)
    if not _NAME.fullmatch(name):
        raise Problem(
            "bad-request",
            "A letter's name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or a "
            "digit.",
        )
    sealed = _sealed_body(account, "letter")
    new = letters.send_letter(store_here(), account, correspondent, name, sealed)
    return jsonify(recipient=correspondent, name=name, bytes=len(sealed)), 201 if new else 200


@quorum.get("/letters/<correspondent>/<name>")
def _read_letter(correspondent: str, name: str) -> Response:
    account = authenticated(*letters.CORRESPONDENTS)
    return Response(letters.read_letter(store_here(), account, correspondent, name), content_type=BYTES)


@quorum.delete("/letters/<correspondent>/<name>")
def _take_letter_away(correspondent: str, name: str) -> tuple[str, int]:
    account = authenticated(*letters.CORRESPONDENTS)
    letters.take_letter_away(store_here(), account, correspondent, name)
    return "", 204


def _sealed_body(account: Account, what: str) -> bytes:
    """The body of this request, in which no secret was found. Raises Problem: invalid-content, secret-key-refused."""
    body = read_body()
    if not body.size:
        raise Problem("invalid-content", f"A sealed {what} is not empty: send the bytes of the sealed box.")
    refuse_secret(jobs_here().find_secret(account.name, body.file), account, dataset=None)
    return body.read()
