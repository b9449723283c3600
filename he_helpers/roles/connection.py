"""A role's connection to the server over HTTP.

The server authenticates the role by its token, and the role does not trust the server: an answer may be a
lie, too long, compressed to be long, slow without end, cut off or no JSON, and none of that may do more than raise one
clear error.
"""

import json
import ssl
import time
import weakref
from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from he_helpers.files import UnreadableFile, read_private
from he_helpers.roles.deadline import Deadline
from he_helpers.roles.errors import InvalidName, NotThere, ServerRefused, ServerUnreachable, UnreadableAnswer
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.web_client import httpx

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 120.0  # for a whole document: the aggregation of a large dataset takes most of it
DOWNLOAD_SECONDS = 900.0  # for a whole table, aggregate or result
SLOWEST_UPLOAD = 100_000  # bytes in a second: an upload has so much more time
ATTEMPTS = 3
_PAUSE_SECONDS = 0.2
_LARGEST_ANSWER = 2**30
# A list that is parsed takes up to twenty times the memory of its text.
_LARGEST_DOCUMENT = 2**24
_LARGEST_LISTING = 2**26
_PAGE = 100  # the largest page of a listing that the server gives
_MOST_ENTRIES = 100_000
_LONGEST_KEY = 64  # of a listing: a dataset's name or a request's id
_LARGEST_TOKEN = 1024
_LONGEST_TEXT = 2000
_PASSING_TROUBLE = {502, 503, 504}
_REPEATABLE = {"GET", "PUT"}
_STANDARD_MEMBERS = ("type", "title", "status", "detail", "instance")
_MOST_EXCHANGES = 10_000


@dataclass(frozen=True)
class Exchange:
    """A request that was answered: ``sent`` and ``received`` are the bytes of the two bodies, without their heads.

    path: the parts below /v1/, such as ("datasets", "accounts"). status: of the answer, such as 200.
    """

    method: str
    path: tuple[str, ...]
    status: int
    sent: int
    received: int


class _Bearer(httpx.Auth):
    """Adds the token at the last moment, so that no object that is ever shown holds it."""

    def __init__(self, token: Hidden[str]):
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


class Connection:
    """Requests to ``server``, such as "http://127.0.0.1:8000", with the token in ``folder/token``.

    GET and PUT, which may be repeated without harm, are tried up to three times when the network fails;
    DELETE and POST once. All attempts together have ANSWER_SECONDS (bytes: DOWNLOAD_SECONDS), and an upload its time.
    Redirections are not followed and proxies of the environment not used: both would get the token. Answers come
    uncompressed: what is small on the wire and large in memory is refused. ``exchanges`` holds what was asked and
    answered, the last ten thousand of them, in order. Usable as a context manager; what is not
    closed by close() is closed when the object goes, at the latest at the end of the process.

    Raises ServerUnreachable, UnreadableAnswer, ServerRefused; NotThere or ExposedFile for the token file.
    """

    def __init__(self, server: str, folder: Path | str, *, transport: httpx.BaseTransport | None = None):
        try:
            address = httpx.URL(server)
        except (TypeError, httpx.InvalidURL):
            address = httpx.URL("")
        if address.scheme not in {"http", "https"} or not address.host or address.userinfo:
            raise ServerUnreachable("The server's address must look like http://127.0.0.1:8000 or https://host.")
        self.server = server.rstrip("/")
        self.exchanges: deque[Exchange] = deque(maxlen=_MOST_EXCHANGES)
        self._token = _read_token(Path(folder) / "token")
        self._client = httpx.Client(
            base_url=self.server + "/v1/",
            auth=_Bearer(self._token),
            headers={"Accept-Encoding": "identity", "Connection": "close"},
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # Plain HTTP has no certificates: a context that trusts nobody spares reading all of the authorities'.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if address.scheme == "http" else True,
            # Each exchange has its own connection, which its deadline can shut down.
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            follow_redirects=False,
            transport=transport,
        )
        self._close = weakref.finalize(self, self._client.close)

    def __repr__(self) -> str:
        return f"Connection({self.server!r})"

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, *path: str, **query: str | None) -> Any:
        """GET a JSON document. The parts of ``path`` are quoted: no name leads to another address."""
        return _json(self._send("GET", path, query))

    def get_all(self, *path: str, key: str, **query: str | None) -> list[dict[str, Any]]:
        """All entries of a listing, fetched page by page; ``key`` is the member that the listing is ordered by.

        Raises UnreadableAnswer, too, for a listing that is longer than a listing can be: in entries, bytes or time.
        """
        entries: list[dict[str, Any]] = []
        last = None
        size, ends = 0, time.monotonic() + DOWNLOAD_SECONDS
        while len(entries) < _MOST_ENTRIES and size <= _LARGEST_LISTING and time.monotonic() < ends:
            answer = self._send("GET", path, {**query, "after": last, "limit": str(_PAGE)})
            size += len(answer)
            page = _json(answer)
            if not isinstance(page, list) or len(page) > _PAGE or not all(_has(key, entry) for entry in page):
                raise UnreadableAnswer(
                    f"The server's list of {path[-1]} is not one: expected are at most {_PAGE} entries, each with the "
                    f"member {key!r}. Use the same version of he_helpers on both sides."
                )
            entries += page
            if len(page) < _PAGE:
                return entries
            last = str(page[-1][key])
        raise UnreadableAnswer(
            f"The server's list of {path[-1]} does not end after {len(entries):,} entries, {size:,} bytes, or "
            f"{DOWNLOAD_SECONDS:.0f} s. Ask the server's operator."
        )

    def get_bytes(self, *path: str) -> bytes:
        """GET bytes, such as a table or a sealed result."""
        return self._send("GET", path, {}, largest=_LARGEST_ANSWER, seconds=DOWNLOAD_SECONDS)

    def put(self, *path: str, document: Mapping[str, Any]) -> Any:
        return _json(self._send("PUT", path, {}, json.dumps(document).encode(), "application/json"))

    def put_bytes(self, *path: str, data: bytes, **query: str | None) -> Any:
        return _json(self._send("PUT", path, query, data, "application/octet-stream"))

    def post(self, *path: str) -> Any:
        return _json(self._send("POST", path, {}))

    def delete(self, *path: str) -> None:
        self._send("DELETE", path, {})

    def close(self) -> None:
        """Close the connection for good."""
        self._close()

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str | None],
        body: bytes | None = None,
        kind: str = "",
        *,
        largest: int | None = None,
        seconds: float | None = None,
    ) -> bytes:
        try:
            if not all(part.strip(".") for part in path):
                raise ValueError
            address = "/".join(quote(part, safe="") for part in path)
        except (AttributeError, TypeError, ValueError):
            raise InvalidName(
                f"{path[-1]!r:.80} names nothing on the server. Use the name or the id as it is listed."
            ) from None
        deadline = Deadline((seconds or ANSWER_SECONDS) + len(body or b"") / SLOWEST_UPLOAD)
        request = self._client.build_request(
            method,
            address,
            params={name: value for name, value in query.items() if value is not None},
            content=body,
            headers={"Content-Type": kind} if kind else None,
            extensions={"trace": deadline.trace},
        )
        attempts = ATTEMPTS if method in _REPEATABLE else 1
        with deadline:
            for attempt in range(1, attempts + 1):
                try:
                    status, answer = self._exchange(request, largest or _LARGEST_DOCUMENT, deadline)
                    self.exchanges.append(Exchange(method, path, status, len(body or b""), len(answer)))
                    if status not in _PASSING_TROUBLE or attempt == attempts:
                        break
                except (ServerUnreachable, UnreadableAnswer):
                    if attempt == attempts or deadline.expired:
                        raise
                time.sleep(_PAUSE_SECONDS * attempt)
        if 200 <= status < 300:
            return answer
        raise self._refusal(status, answer)

    def _exchange(self, request: httpx.Request, largest: int, deadline: Deadline) -> tuple[int, bytes]:
        try:
            response = self._client.send(request, stream=True)
            try:
                if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                    raise UnreadableAnswer(
                        f"The answer of {self.server} is compressed, although that was not asked for. It is not "
                        "unpacked: a few bytes can become as many as fill the memory. Check the address."
                    )
                # In one piece: parts of single bytes would take fifty times their size.
                answer = bytearray()
                for part in response.iter_bytes():
                    answer += part
                    if len(answer) > largest:
                        raise UnreadableAnswer(
                            f"The answer of {self.server} exceeds {largest:,} bytes; it was cut off."
                        )
                return response.status_code, bytes(answer)
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerUnreachable(
                f"No server answers at {self.server}. Expected the course's server there. "
                "Start it (in a notebook the first cell does: restart the kernel and run it), "
                "or check the address that you were given."
            ) from None
        except httpx.TimeoutException:
            raise self._too_slow(deadline) from None
        except httpx.TransportError as error:
            if deadline.expired:
                raise self._too_slow(deadline) from None
            raise UnreadableAnswer(
                f"The answer of {self.server} broke off or is not HTTP ({type(error).__name__}). Repeat the "
                "step; if it "
                "happens again, another program may be listening at this address."
            ) from None

    def _too_slow(self, deadline: Deadline) -> ServerUnreachable:
        return ServerUnreachable(
            f"{self.server} did not answer, or not to the end, within {deadline.seconds:.0f} s. Try again later."
        )

    def _refusal(self, status: int, answer: bytes) -> ServerRefused | UnreadableAnswer:
        try:
            problem = json.loads(answer)
            if isinstance(problem, dict) and "title" in problem:
                return ServerRefused(
                    status,
                    self._line(problem.get("type", "about:blank")),
                    self._line(problem["title"]),
                    self._line(problem.get("detail", "")),
                    {
                        self._line(name): self._readable(value)
                        for name, value in problem.items()
                        if name not in _STANDARD_MEMBERS
                    },
                )
        except (ValueError, RecursionError):
            pass  # no JSON, or lists in lists without an end
        return UnreadableAnswer(
            f"{self.server} answered status {status} without a problem document. "
            "Check the address: another program may be listening there."
        )

    def _readable(self, value: Any) -> Any:
        """What the server says, fit to be shown: a number, or lines, one or a list of them."""
        if isinstance(value, list):
            return [self._line(member) for member in value[:_LONGEST_TEXT]]
        return value if isinstance(value, (int, float, type(None))) else self._line(value)

    def _line(self, value: Any) -> str:
        """One bounded line without control characters and without the token; JSON for what is no text."""
        text = value if isinstance(value, str) else json.dumps(value)
        text = text.replace(self._token.reveal(), "[token]")[:_LONGEST_TEXT]
        return "".join(character if character.isprintable() else " " for character in text)


def _read_token(path: Path) -> Hidden[str]:
    try:
        token = Hidden(read_private(path, _LARGEST_TOKEN).decode("ascii", "replace").strip())
    except UnreadableFile:
        raise NotThere(
            f"There is no token at {path}. The server's operator hands it out when your account is made."
        ) from None
    if not token.reveal() or not all(33 <= ord(character) <= 126 for character in token.reveal()):
        raise NotThere(
            f"{path} does not hold a token: expected one line of printable characters. Ask the server's operator."
        )
    return token


def _has(key: str, entry: Any) -> bool:
    """Whether ``entry`` has a ``key`` that the next page can be asked for by."""
    if not isinstance(entry, dict) or not isinstance(entry.get(key), (str, int)):
        return False
    return len(str(entry[key])) <= _LONGEST_KEY and str(entry[key]).isascii()


def _json(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        raise UnreadableAnswer(
            f"The server's answer ({len(answer):,} bytes) is not the JSON document that was expected. "
            "Repeat the step; if it happens again, check the address."
        ) from None
