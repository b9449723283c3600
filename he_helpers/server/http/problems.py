"""The errors of the server as problem documents (RFC 9457): no traceback, nothing of a body, no token.

Loads no Flask: the workers raise them, too, and `application` answers with them.
"""

import json
from typing import Any

CONTENT_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:he-helpers:problem:"

_TITLES = {
    "bad-request": (400, "The request is not well formed"),
    "unauthorised": (401, "A valid token is needed"),
    "wrong-role": (403, "This account may not do that"),
    "group-too-small": (403, "A group is smaller than the dataset allows"),
    "quota-exceeded": (403, "The store keeps no more than that"),
    "not-found": (404, "There is nothing of that name"),
    "method-not-allowed": (405, "This address does not answer to that method"),
    "request-timeout": (408, "The request came too slowly"),
    "name-taken": (409, "The name is taken"),
    "wrong-order": (409, "The step does not fit the status of the request"),
    "set-aside": (409, "The server no longer computes on this dataset"),
    "body-too-large": (413, "The body is too large"),
    "wrong-content-type": (415, "The content type is not the expected one"),
    "invalid-content": (422, "The content is not what was expected"),
    "processing-failed": (422, "Processing the content failed"),
    "secret-key-refused": (422, "The body holds a secret"),
    "unknown-name": (422, "The dataset has no such label or column"),
    "unsupported-query": (422, "The dataset cannot answer this query"),
    "too-many-requests": (429, "This account has too many requests under way"),
    "headers-too-large": (431, "The headers are too large"),
    "internal-error": (500, "The server failed"),
    "not-implemented": (501, "The server does not offer that"),
    "busy": (503, "The server has too much to do"),
}
_KIND_OF_STATUS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "wrong-content-type",
    431: "headers-too-large",
    501: "not-implemented",
}


class Problem(Exception):
    """An error to answer a client with.

    ``kind`` ends the problem's type; ``detail`` says what was wrong, what was expected and what to do, in
    words that hold nothing of a body or a token; further members stand in the document as they are.
    """

    def __init__(self, kind: str, detail: str, **members: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.detail = detail
        self.members = members
        self.status, title = _TITLES[kind]
        self.document = {
            "type": _TYPE_PREFIX + kind,
            "title": title,
            "status": self.status,
            "detail": detail,
            **members,
        }

    def to_bytes(self) -> bytes:
        """The document as UTF-8 JSON."""
        return json.dumps(self.document).encode()


def problem_of_status(status: int, detail: str) -> Problem:
    """The problem for an HTTP status that a library below the application decided on."""
    return Problem(_KIND_OF_STATUS.get(status, "bad-request" if status < 500 else "internal-error"), detail)
