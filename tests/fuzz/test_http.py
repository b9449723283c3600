"""Requests that no client would send, against a running server: it goes on, and never says that it failed."""

import json
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.conftest import asked, new_request

pytestmark = pytest.mark.slow

PATHS = (
    "/v1/health",
    "/v1/datasets",
    "/v1/datasets/accounts",
    "/v1/datasets/accounts/table",
    "/v1/requests",
    f"/v1/requests/{new_request()}",
    f"/v1/requests/{new_request()}/aggregation",
    f"/v1/requests/{new_request()}/aggregate",
    f"/v1/requests/{new_request()}/decision",
    f"/v1/requests/{new_request()}/result",
    "/v1/audit",
)
LINE = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=40)
METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"]) | st.text(
    "ABC xyz\x00", max_size=10
)
TARGETS = st.sampled_from(PATHS) | st.builds("{}?{}".format, st.sampled_from(PATHS), LINE) | LINE
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["Content-Length", "Content-Type", "Transfer-Encoding", "Expect", "Connection", "Host", "Authorization"]
        )
        | LINE,
        st.sampled_from(["0", "5", "-1", "9" * 30, "chunked", "100-continue", "application/json", "close", "Bearer x"])
        | LINE,
    ),
    max_size=6,
)
BODIES = st.binary(max_size=200) | st.sampled_from(
    [b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"{}", json.dumps(asked()).encode()]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all of these requests, with the tokens of its two accounts."""
    from he_helpers.server.release.accounts import add_account
    from he_helpers.server.storage.store import Store
    from tests.server.conftest import start

    folder = tmp_path_factory.mktemp("http") / "server"
    folder.mkdir(mode=0o700)
    store = Store.in_folder(folder)
    tokens = [add_account(store, role, role) for role in ("administrator", "analyst")]
    store.close()
    running = start(folder)
    yield running, tokens
    running.kill()


def statuses(server, request):
    """The statuses of whatever is answered to these bytes."""
    host, port = server.address.removeprefix("http://").split(":")
    answered = b""
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(2**16):
            answered += piece
    return [int(line.split()[1]) for line in answered.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(method=METHODS, target=TARGETS, headers=HEADERS, body=BODIES, known=st.booleans(), sized=st.booleans())
def test_no_request_is_a_failure_of_the_server(server, method, target, headers, body, known, sized):
    running, tokens = server
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"Authorization: Bearer {tokens[len(body) % 2]}"] * known
    lines += [f"Content-Length: {len(body)}"] * sized
    lines += [f"{name}: {value}" for name, value in headers]
    found = statuses(running, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    assert not [status for status in found if status >= 500 and status != 501]
    assert running.process.poll() is None


def test_the_server_still_answers(server):
    running, tokens = server
    assert statuses(running, b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == [200]
    assert running.call("GET", "/datasets", tokens[0]).status_code == 200
    assert running.stop() == 0
