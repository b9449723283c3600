"""A role's connection to the server over HTTP.

The server authenticates the role by its token, and the role does not trust the server: an answer may be a
lie, too long, cut off or no JSON, and none of that may do more than raise one clear error.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from he_helpers.roles.errors import InvalidName, NotThere, ServerRefused, ServerUnreachable, UnreadableAnswer
from he_helpers.roles.hidden import Hidden
from he_helpers.roles.private_files import read_private

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 120.0  # the aggregation of a large dataset
ATTEMPTS = 3
_PAUSE_SECONDS = 0.2
_LARGEST_ANSWER = 2**30
_LARGEST_TOKEN = 1024
_LONGEST_TEXT = 2000
_PASSING_TROUBLE = {502, 503, 504}
_REPEATABLE = {"GET", "PUT"}
_STANDARD_MEMBERS = ("type", "title", "status", "detail", "instance")


class _Bearer(httpx.Auth):
    """Adds the token at the last moment, so that no object that is ever shown holds it."""

    def __init__(self, token: Hidden[str]):
        self._token = token

    def auth_flow(self, request):
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


class Connection:
    """Requests to ``server``, such as "http://127.0.0.1:8000", with the token in ``folder/token``.

    GET and PUT, which may be repeated without harm, are tried up to three times when the network fails;
    DELETE and POST once. Redirections are not followed: they would carry the token to another address.

    Raises ServerUnreachable, UnreadableAnswer, ServerRefused; NotThere or ExposedFile for the token.
    """

    def __init__(self, server: str, folder: Path | str, *, transport: httpx.BaseTransport | None = None):
        address = httpx.URL(server)
        if address.scheme not in {"http", "https"} or not address.host or address.userinfo:
            raise ServerUnreachable(
                "The server's address must look like http://127.0.0.1:8000 or https://host."
            )
        self.server = server.rstrip("/")
        self._token = _read_token(Path(folder) / "token")
        self._client = httpx.Client(
            base_url=self.server + "/v1/",
            auth=_Bearer(self._token),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # A proxy from the environment would see the token, and cannot reach this computer's own address
            # anyway.
            trust_env=address.host not in {"127.0.0.1", "localhost", "::1"},
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"Connection({self.server!r})"

    def get(self, *path: str, **query: str | None) -> Any:
        """GET a JSON document. The parts of ``path`` are quoted: no name leads to another address."""
        return _json(self._send("GET", path, query))

    def get_bytes(self, *path: str) -> bytes:
        return self._send("GET", path, {})

    def put(self, *path: str, document: Mapping[str, Any]) -> Any:
        return _json(self._send("PUT", path, {}, json.dumps(document).encode(), "application/json"))

    def put_bytes(self, *path: str, data: bytes, **query: str | None) -> Any:
        return _json(self._send("PUT", path, query, data, "application/octet-stream"))

    def post(self, *path: str) -> Any:
        return _json(self._send("POST", path, {}))

    def delete(self, *path: str) -> None:
        self._send("DELETE", path, {})

    def close(self) -> None:
        self._client.close()

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str | None],
        body: bytes | None = None,
        kind: str = "",
    ) -> bytes:
        if not all(isinstance(part, str) and part.strip(".") for part in path):
            raise InvalidName(
                f"{path[-1]!r:.80} names nothing on the server. Use the name or the id as it is listed."
            )
        address = "/".join(quote(part, safe="") for part in path)
        request = self._client.build_request(
            method,
            address,
            params={name: value for name, value in query.items() if value is not None},
            content=body,
            headers={"Content-Type": kind} if kind else None,
        )
        attempts = ATTEMPTS if method in _REPEATABLE else 1
        for attempt in range(1, attempts + 1):
            try:
                status, answer = self._exchange(request)
                if status not in _PASSING_TROUBLE or attempt == attempts:
                    break
            except (ServerUnreachable, UnreadableAnswer):
                if attempt == attempts:
                    raise
            time.sleep(_PAUSE_SECONDS * attempt)
        if 200 <= status < 300:
            return answer
        raise self._refusal(status, answer)

    def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        try:
            response = self._client.send(request, stream=True)
            try:
                parts, size = [], 0
                for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > _LARGEST_ANSWER:
                        raise UnreadableAnswer(
                            f"The answer of {self.server} exceeds {_LARGEST_ANSWER:,} bytes; it was cut off."
                        )
                return response.status_code, b"".join(parts)
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerUnreachable(
                f"No server answers at {self.server}. Expected the course's server there. "
                "Start it (in a notebook the first cell does: restart the kernel and run it), "
                "or check the address that you were given."
            ) from None
        except httpx.TimeoutException:
            raise ServerUnreachable(
                f"{self.server} did not answer within {ANSWER_SECONDS:.0f} s. Try again later."
            ) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise UnreadableAnswer(
                f"The answer of {self.server} broke off or is not HTTP ({type(error).__name__}). Repeat the "
                "step; if it "
                "happens again, another program may be listening at this address."
            ) from None

    def _refusal(self, status: int, answer: bytes) -> ServerRefused | UnreadableAnswer:
        try:
            problem = json.loads(answer)
        except (ValueError, RecursionError):
            problem = None
        if not isinstance(problem, dict) or "title" not in problem:
            return UnreadableAnswer(
                f"{self.server} answered status {status} without a problem document. "
                "Check the address: another program may be listening there."
            )
        return ServerRefused(
            status,
            self._readable(problem.get("type", "about:blank")),
            self._readable(problem["title"]),
            self._readable(problem.get("detail", "")),
            {
                self._readable(name): self._readable(value)
                for name, value in problem.items()
                if name not in _STANDARD_MEMBERS
            },
        )

    def _readable(self, value: Any) -> Any:
        """What the server says, fit to be shown: bounded, no control characters, not the token."""
        if isinstance(value, list):
            return [self._readable(member) for member in value[:_LONGEST_TEXT]]
        if not isinstance(value, str):
            return (
                value
                if isinstance(value, (int, float, bool, type(None)))
                else self._readable(json.dumps(value))
            )
        text = value.replace(self._token.reveal(), "[token]")[:_LONGEST_TEXT]
        return "".join(character if character.isprintable() else " " for character in text)


def _read_token(path: Path) -> Hidden[str]:
    try:
        token = Hidden(read_private(path, _LARGEST_TOKEN).decode("ascii", "replace").strip())
    except NotThere:
        raise NotThere(
            f"There is no token at {path}. The server's operator hands it out when your account is made."
        ) from None
    if not token.reveal() or not all(33 <= ord(character) <= 126 for character in token.reveal()):
        raise NotThere(
            f"{path} does not hold a token: expected one line of printable characters. Ask the server's "
            "operator."
        )
    return token


def _json(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        raise UnreadableAnswer(
            f"The server's answer ({len(answer):,} bytes) is not the JSON document that was expected. "
            "Repeat the step; if it happens again, check the address."
        ) from None
