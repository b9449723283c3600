"""Calling a WSGI application (PEP 3333) with a request that h11 has read."""

import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import h11

from he_helpers.server.http.problems import Problem


@dataclass(frozen=True)
class Answer:
    """A status, headers, and the parts of a body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    parts: list[bytes]

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return sum(map(len, self.parts))


def environ_of(request: h11.Request, host: str, port: int, client: str) -> dict[str, Any]:
    """The environment for an application; its input is empty. Raises Problem (bad-request)."""
    target = request.target.decode("latin-1")
    try:
        path, _, query = target.partition("?") if target.startswith("/") else _parts_of_address(target)
    except ValueError:
        raise Problem("bad-request", "The target of a request is a path that begins with /.") from None
    environ = {
        "REQUEST_METHOD": request.method.decode("latin-1"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.partition("#")[0]).decode("latin-1"),
        "QUERY_STRING": query.partition("#")[0],
        "REMOTE_ADDR": client,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version.decode('latin-1')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        # A name with an underscore would stand for one with a dash.
        if b"_" in name or name == b"transfer-encoding":
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]}, {text}" if key in environ else text
    return environ


def _parts_of_address(target: str) -> tuple[str, str, str]:
    """Path and query of a target in absolute form, as a proxy gets it. Raises ValueError."""
    address = urlsplit(target)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise ValueError
    return address.path or "/", "?", address.query


def call(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    """The answer of ``app``, whole."""
    head: list[tuple[str, list[tuple[str, str]]]] = []
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exception: Any = None) -> Callable[[bytes], None]:
        head[:] = [(status, headers)]
        return parts.append

    answered = app(environ, start_response)
    try:
        parts.extend(part for part in answered if part)
    finally:
        if hasattr(answered, "close"):
            answered.close()
    status, headers = head[0]
    return Answer(
        int(status.split(" ", 1)[0]),
        [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        parts,
    )
