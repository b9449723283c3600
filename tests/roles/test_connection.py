"""The connection: refusals are readable, everything else that a server may answer becomes one clear error."""

import gc
import gzip
import json
import logging
import socket
import ssl
import threading
import time
import traceback
import tracemalloc
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from he_helpers.files import ExposedFile
from he_helpers.roles import connection as connection_module
from he_helpers.roles.connection import Connection
from he_helpers.roles.deadline import Deadline
from he_helpers.roles.errors import (
    InvalidName,
    NotThere,
    ServerRefused,
    ServerUnreachable,
    UnreadableAnswer,
)

TOKEN = "a-token-that-nobody-may-see-0123456789-abcd"
PROBLEM = {
    "type": "urn:he-helpers:problem:unknown-name",
    "title": "The dataset has no such label or column",
    "status": 422,
    "detail": "There is no label 'AERA'.",
    "known": ["AREA", "SEX"],
}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(connection_module, "_PAUSE_SECONDS", 0)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(TOKEN + "\n")
    return tmp_path


@pytest.fixture
def answering(folder):
    """A connection to a server that answers with ``handler``, and the list of requests that it got."""

    def connect(handler):
        requests = []

        def noted(request):
            requests.append(request)
            return handler(request)

        return Connection("http://server:1", folder, transport=httpx.MockTransport(noted)), requests

    return connect


def problem(status=422, **members):
    return httpx.Response(status, json={**PROBLEM, "status": status, **members})


def test_request_and_answer(answering):
    connection, requests = answering(lambda request: httpx.Response(200, json={"read": request.content.decode()}))
    assert connection.put("requests", "a/b ?", document={"x": 1}) == {"read": '{"x": 1}'}
    assert str(requests[0].url) == "http://server:1/v1/requests/a%2Fb%20%3F"
    assert requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert requests[0].headers["Content-Type"] == "application/json"
    connection.get("audit", dataset="d", request=None)
    assert str(requests[1].url) == "http://server:1/v1/audit?dataset=d"
    connection.put_bytes("datasets", "d", data=b"\x00", minimum_group_size="3")
    assert requests[2].headers["Content-Type"] == "application/octet-stream" and requests[2].content == b"\x00"


@pytest.mark.parametrize("name", ["", ".", "..", None, 7, b"x", "\ud800"])
def test_names_that_would_lead_elsewhere(answering, name):
    connection, requests = answering(lambda _: httpx.Response(204))
    with pytest.raises(InvalidName):
        connection.delete("datasets", name)
    assert requests == []


def test_refusal_is_readable(answering):
    connection, _ = answering(lambda _: problem())
    with pytest.raises(ServerRefused) as caught:
        connection.get("datasets", "d")
    refusal = caught.value
    assert (refusal.status, refusal.type, refusal.title) == (422, PROBLEM["type"], PROBLEM["title"])
    assert refusal.detail == PROBLEM["detail"] and refusal.extra == {"known": ["AREA", "SEX"]}
    assert str(refusal) == (
        "The server refused (422, The dataset has no such label or column). There is no label 'AERA'. Known: AREA, SEX."
    )


def test_refusal_repeats_nothing(answering):
    connection, _ = answering(lambda _: problem(detail="Its labels are: AREA, SEX."))
    with pytest.raises(ServerRefused) as caught:
        connection.get("datasets", "d")
    assert str(caught.value).count("AREA") == 1


def test_what_a_server_says_is_bounded_and_printable(answering):
    answer = {"detail": "\x1b[31m" + "x" * 10_000, "nested": {"a": [1]}, "known": [{"b": "\x07"}]}
    connection, _ = answering(lambda _: problem(**answer))
    with pytest.raises(ServerRefused) as caught:
        connection.get("datasets")
    assert len(caught.value.detail) <= 2000 and caught.value.detail.isprintable() and str(caught.value).isprintable()


def test_a_token_that_is_sent_back_is_not_shown(answering):
    connection, _ = answering(lambda request: problem(401, detail=f"Wrong: {request.headers['Authorization']}"))
    with pytest.raises(ServerRefused) as caught:
        connection.get("datasets")
    assert TOKEN not in str(caught.value) and "[token]" in str(caught.value)


@pytest.mark.parametrize(
    "members",
    [
        {"detail": 7, "further": "text"},
        {"title": ["a"], "detail": [1], "type": {}},
        {"title": None, "detail": None, "further": None},
        {"known": [["a"], 1, None, {"b": 2}]},
        {"detail": True, "known": 1.5},
    ],
)
def test_a_refusal_of_another_shape_is_readable_too(answering, members):
    connection, _ = answering(lambda _: problem(**members))
    with pytest.raises(ServerRefused) as caught:
        connection.get("datasets")
    refusal = caught.value
    assert str(refusal).isprintable()
    assert all(isinstance(text, str) for text in (refusal.type, refusal.title, refusal.detail))


def test_a_refusal_of_lists_in_lists_is_readable_too(answering):
    """As deep as they can be read, and deeper."""
    for depth in (100, 500, 900, *range(920, 1000, 4), 10_000):
        content = b'{"title": "x", "known": ' + b"[" * depth + b"]" * depth + b"}"
        connection, _ = answering(lambda _, content=content: httpx.Response(422, content=content))
        with pytest.raises((ServerRefused, UnreadableAnswer)) as caught:
            connection.get("datasets")
        assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b'{"cut": '),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(404, content=b"<html>not found</html>"),
        httpx.Response(500, json=["no problem document"]),
        httpx.Response(302, headers={"Location": "http://elsewhere/"}),
    ],
)
def test_unreadable_answers(answering, answer):
    connection, requests = answering(lambda _: answer)
    with pytest.raises(UnreadableAnswer):
        connection.get("datasets")
    assert all(request.url.host == "server" for request in requests)


def test_too_long_an_answer_is_cut_off(answering, monkeypatch):
    monkeypatch.setattr(connection_module, "_LARGEST_ANSWER", 1000)
    monkeypatch.setattr(connection_module, "_LARGEST_DOCUMENT", 100)
    connection, _ = answering(lambda _: httpx.Response(200, content=b"x" * 1001))
    with pytest.raises(UnreadableAnswer, match="exceeds 1,000"):
        connection.get_bytes("datasets", "d", "table")
    connection, _ = answering(lambda _: httpx.Response(200, content=b"1" * 101))
    for call in (
        lambda: connection.get("datasets"),
        lambda: connection.put("requests", "1", document={}),
        lambda: connection.put_bytes("datasets", "d", data=b""),
        lambda: connection.post("requests", "1", "aggregation"),
        lambda: connection.delete("datasets", "d"),
    ):
        with pytest.raises(UnreadableAnswer, match="exceeds 100"):
            call()


def failing(times, answer):
    """A handler whose first ``times`` answers are network errors."""
    left = [times]

    def handler(request):
        left[0] -= 1
        if left[0] >= 0:
            raise httpx.ReadError("connection reset", request=request)
        return answer

    return handler


def test_only_what_may_be_repeated_is_repeated(answering):
    connection, requests = answering(failing(2, httpx.Response(200, json=[])))
    assert connection.get("datasets") == [] and len(requests) == 3
    connection, requests = answering(failing(2, httpx.Response(200, json=[])))
    assert connection.put("requests", "1", document={}) == [] and len(requests) == 3
    for call in (lambda c: c.delete("datasets", "d"), lambda c: c.post("requests", "1", "aggregation")):
        connection, requests = answering(failing(1, httpx.Response(204)))
        with pytest.raises(UnreadableAnswer):
            call(connection)
        assert len(requests) == 1


def test_it_gives_up(answering):
    connection, requests = answering(failing(99, None))
    with pytest.raises(UnreadableAnswer, match="broke off"):
        connection.get("datasets")
    assert len(requests) == 3
    connection, requests = answering(lambda _: problem(503))
    with pytest.raises(ServerRefused):
        connection.get("datasets")
    assert len(requests) == 3


def test_refusals_are_not_repeated(answering):
    connection, requests = answering(lambda _: problem(409))
    with pytest.raises(ServerRefused):
        connection.put("requests", "1", document={})
    assert len(requests) == 1


def test_nobody_there(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServerUnreachable, match="Start it") as caught:
        Connection(f"http://127.0.0.1:{port}", folder).get("datasets")
    assert f"http://127.0.0.1:{port}" in str(caught.value)


def answer_once(raw: bytes | None) -> str:
    """A server that answers every request with these raw bytes (None: with silence) and closes; returns
    its address.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            for _ in range(3):
                client = listener.accept()[0]
                with client:
                    client.recv(65536)
                    if raw is None:
                        client.settimeout(2)
                        try:
                            client.recv(1)
                        except TimeoutError:
                            pass
                    else:
                        client.sendall(raw)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1, 2",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1, 2\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
)
def test_truncated_answers(folder, raw):
    with pytest.raises(UnreadableAnswer, match="broke off"):
        Connection(answer_once(raw), folder).get_bytes("datasets", "d", "table")


def test_a_server_that_keeps_silent(folder, monkeypatch):
    monkeypatch.setattr(connection_module, "ANSWER_SECONDS", 0.2)
    with pytest.raises(ServerUnreachable, match="did not answer"):
        Connection(answer_once(None), folder).get("datasets")


class Dripping:
    """A server that sends ``head`` at once, then ``drop`` again and again for ten seconds."""

    def __init__(self, head: bytes, drop: bytes):
        self.clients = 0
        self._head, self._drop = head, drop
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with self._listener:
            while True:
                client = self._listener.accept()[0]
                self.clients += 1
                threading.Thread(target=self._answer, args=[client], daemon=True).start()

    def _answer(self, client):
        with client:
            try:
                client.sendall(self._head)
                for _ in range(500):
                    client.sendall(self._drop)
                    time.sleep(0.02)
            except OSError:
                pass


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "headers", "body", "chunks", "chunk length", "continue"],
)
def test_an_answer_that_drips_ends(folder, monkeypatch, head, drop):
    for name in ("ANSWER_SECONDS", "DOWNLOAD_SECONDS"):
        monkeypatch.setattr(connection_module, name, 0.4)
    dripping = Dripping(head, drop)
    connection = Connection(dripping.address, folder)
    for attempt in (lambda: connection.get("datasets"), lambda: connection.get_bytes("datasets", "d", "table")):
        with pytest.raises(ServerUnreachable, match="not to the end"):
            attempt()
    # What took all of the time is not tried again.
    assert dripping.clients == 2


def test_an_upload_has_time_for_its_size_and_no_more(folder, monkeypatch):
    monkeypatch.setattr(connection_module, "ANSWER_SECONDS", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def read_slowly():
        client = listener.accept()[0]
        with client:
            for _ in range(100):
                client.recv(100_000)
                time.sleep(0.1)

    with listener:
        threading.Thread(target=read_slowly, daemon=True).start()
        connection = Connection(f"http://127.0.0.1:{listener.getsockname()[1]}", folder)
        monkeypatch.setattr(connection_module, "SLOWEST_UPLOAD", 2**27)
        with pytest.raises(ServerUnreachable, match="did not answer"):
            connection.put_bytes("datasets", "d", data=bytes(2**26))

    seconds = []
    monkeypatch.setattr(connection_module, "SLOWEST_UPLOAD", 10)
    monkeypatch.setattr(connection_module, "Deadline", lambda length: seconds.append(length) or Deadline(length))
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    Connection("http://server", folder, transport=transport).put_bytes("datasets", "d", data=bytes(50))
    assert seconds == [0.2 + 5]


@pytest.mark.slow
def test_a_compressed_answer_is_not_unpacked(folder):
    bomb = gzip.compress(gzip.compress(bytes(2**26)))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    connection = Connection(answer_once(head + bomb), folder)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableAnswer, match="compressed"):
            connection.get_bytes("datasets", "d", "table")
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_no_compression_is_asked_for(answering):
    connection, requests = answering(lambda _: httpx.Response(200, json=[], headers={"Content-Encoding": "identity"}))
    assert connection.get("datasets") == []
    assert requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.slow
def test_an_answer_in_small_parts_takes_no_more_than_its_size(answering):
    connection, _ = answering(lambda _: httpx.Response(200, content=(b"x" for _ in range(2**15))))
    tracemalloc.start()
    try:
        assert len(connection.get_bytes("datasets", "d", "table")) == 2**15
        # Eight bytes for each part, as a list of them takes without what is in it.
        assert tracemalloc.get_traced_memory()[1] < 2**18
    finally:
        tracemalloc.stop()


@pytest.fixture
def self_signed(tmp_path):
    """A file with a key and a certificate of 127.0.0.1 that no authority has signed."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime(2020, 1, 1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=40_000))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, None)
    )
    encodings = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "self-signed"
    file.write_bytes(key.private_bytes(*encodings) + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def test_a_server_that_no_authority_vouches_for_gets_no_token(folder, self_signed):
    """The control: whoever does not check is answered."""
    tokens = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            tokens.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"https://127.0.0.1:{server.server_port}"
        with pytest.raises(ServerUnreachable):
            Connection(address, folder).get("datasets")
        assert tokens == []
        assert httpx.get(address, headers={"Authorization": "a token"}, verify=False).json() == []
        assert tokens == ["a token"]
        server.shutdown()


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "server.invalid"])
def test_no_proxy_of_the_environment_gets_the_token(folder, monkeypatch, variable, host):
    for name in ("no_proxy", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # nobody listens there
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setattr(connection_module, "ANSWER_SECONDS", 1.0)
        with pytest.raises(ServerUnreachable):
            Connection(f"http://{host}:{free.getsockname()[1]}", folder).get("datasets")
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_it_is_closed_with_its_block_and_with_its_object(folder):
    with Connection("http://server", folder) as connection:
        client = connection._client
        assert not client.is_closed
    assert client.is_closed
    connection = Connection("http://server", folder)
    client = connection._client
    del connection
    gc.collect()
    assert client.is_closed


@pytest.mark.parametrize(
    "server", ["127.0.0.1:8000", "ftp://server", "http://user:pw@server", "", "http://a:x", None, 8000]
)
def test_addresses_that_cannot_be(folder, server):
    with pytest.raises(ServerUnreachable, match="http://127.0.0.1:8000") as caught:
        Connection(server, folder)
    assert "pw" not in str(caught.value)


def test_the_token_file(folder):
    (folder / "token").chmod(0o644)
    with pytest.raises(ExposedFile, match="chmod 600"):
        Connection("http://server", folder)
    (folder / "token").chmod(0o600)
    for text in ("", "two words", "tökén"):
        (folder / "token").write_text(text)
        with pytest.raises(NotThere, match="does not hold a token"):
            Connection("http://server", folder)
    (folder / "token").unlink()
    with pytest.raises(NotThere, match="operator"):
        Connection("http://server", folder)


def test_the_token_is_never_shown(answering, caplog):
    caplog.set_level(logging.DEBUG)
    connection, requests = answering(lambda _: problem())
    with pytest.raises(ServerRefused) as caught:
        connection.get("datasets")
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    for text in (repr(connection), repr(vars(connection)), shown, caplog.text, repr(requests[0].headers)):
        assert TOKEN not in text
    with pytest.raises(TypeError):
        json.dumps(vars(connection)["_token"])


# Listings


def listing(size):
    """A server that lists ``size`` entries, by number, as many as are asked for."""

    def handler(request):
        after, limit = request.url.params.get("after"), int(request.url.params["limit"])
        first = 0 if after is None else int(after) + 1
        return httpx.Response(200, json=[{"number": number} for number in range(first, min(first + limit, size))])

    return handler


@pytest.mark.parametrize(("size", "pages"), [(0, 1), (3, 1), (99, 1), (100, 2), (250, 3)])
def test_a_listing_is_fetched_whole(answering, size, pages):
    connection, requests = answering(listing(size))
    entries = connection.get_all("audit", key="number", dataset="accounts", request=None)
    assert [entry["number"] for entry in entries] == list(range(size))
    assert len(requests) == pages
    assert all(request.url.params["dataset"] == "accounts" for request in requests)


def test_a_listing_without_an_end_is_given_up(answering, monkeypatch):
    monkeypatch.setattr(connection_module, "_MOST_ENTRIES", 1000)
    connection, requests = answering(lambda request: httpx.Response(200, json=[{"number": 1}] * 100))
    with pytest.raises(UnreadableAnswer, match="does not end after 1,000 entries"):
        connection.get_all("audit", key="number")
    assert len(requests) == 10


def test_a_listing_of_too_many_bytes_or_too_much_time_is_given_up(answering, monkeypatch):
    monkeypatch.setattr(connection_module, "_LARGEST_LISTING", 20_000)
    page = [{"number": 1, "text": "x" * 100}] * 100
    connection, requests = answering(lambda request: httpx.Response(200, json=page))
    with pytest.raises(UnreadableAnswer, match="does not end after 200 entries"):
        connection.get_all("audit", key="number")
    assert len(requests) == 2
    monkeypatch.setattr(connection_module, "DOWNLOAD_SECONDS", 0.0)
    with pytest.raises(UnreadableAnswer, match="does not end after 0 entries"):
        connection.get_all("audit", key="number")


@pytest.mark.parametrize(
    "page",
    [
        {},
        "text",
        [1],
        [{}],
        [{"number": None}],
        [{"number": 1}] * 101,
        # The next page could not be asked for.
        [{"number": "1" * 100_000}] * 100,
        [{"number": "\ud800"}] * 100,
    ],
)
def test_what_is_no_page_of_a_listing(answering, page):
    connection, _ = answering(lambda request: httpx.Response(200, content=json.dumps(page)))
    with pytest.raises(UnreadableAnswer, match="list of audit is not one"):
        connection.get_all("audit", key="number")
