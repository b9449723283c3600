"""The server's sockets: order of checks, deadlines, limits, and what a client sees of them."""

import errno
import json
import os
import re
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from flask import request

from he_helpers.server.http.application import ACCOUNT_IN_ENVIRON, read_body, takes_body
from he_helpers.server.http.connection import Limits
from he_helpers.server.http.serving import Server
from he_helpers.server.release.accounts import find_account
from he_helpers.server.release.datasets import incoming
from he_helpers.server.release.routes import create_app
from tests.waiting import wait_until

LIMITS = Limits.of_bodies(1_000_000)
CHUNK = b"186a0\r\n" + b"x" * 100_000 + b"\r\n"


@contextmanager
def serving(app, limits=LIMITS, host="127.0.0.1", folder=None):
    """A server in a thread of this process."""
    server = Server(app, host, 0, limits, folder)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(30)
        server.close()
        assert not thread.is_alive()


@pytest.fixture(params=["sqlite"])
def kind_of_database(request):
    """Sockets, deadlines and limits are the same above either database: one, and both where bodies are stored."""
    return request.param


on_both_databases = pytest.mark.parametrize("kind_of_database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def store(own_store):
    """What a server still does when a test has ended is done to no other test's store."""
    return own_store


@pytest.fixture
def app(store):
    """Of each test its own: tests add addresses."""
    return create_app(store, LIMITS.largest_body)


@pytest.fixture
def server(app):
    with serving(app) as running:
        yield running


@pytest.fixture
def connect(server):
    """Connect to the server; connections are closed at the end."""
    opened = []

    def begin():
        opened.append(connected(server))
        return opened[-1]

    yield begin
    for connection in opened:
        connection.close()


def received(connection) -> bytes:
    """All that comes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(2**20), b""))


def connected(server, source="127.0.0.1"):
    """A new connection to ``server``, from the address ``source``."""
    return socket.create_connection(("127.0.0.1", server.effective_port), timeout=20, source_address=(source, 0))


def head(*headers, method="PUT", path="/v1/datasets/x", person=None, content_type="application/octet-stream"):
    lines = [f"{method} {path} HTTP/1.1", "Host: server", f"Content-Type: {content_type}", *headers]
    if person:
        lines.append(f"Authorization: Bearer {person.token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def problem_in(answer: bytes) -> dict:
    """The problem document of an answer."""
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in headers
    document = json.loads(body)
    assert str(document["status"]).encode() == answer[9:12]
    return document


HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: server\r\n\r\n"


# What the client sees


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("Content-Length: 6000000", b"x" * 6_000_000),
        ("Content-Length: 1000001", b"x" * 1_000_001),
        ("Transfer-Encoding: chunked", CHUNK * 60 + b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked", CHUNK * 10 + b"1\r\nx\r\n0\r\n\r\n"),
    ],
)
def test_a_client_that_sends_too_much_can_finish_and_gets_an_answer(connect, ann, allowed, header, body):
    """A connection closed on a client that is still sending loses the answer."""
    connection = connect()
    connection.sendall(head(header, person=ann if allowed else None) + body)
    problem = problem_in(received(connection))
    assert problem["status"] == (413 if allowed else 401)
    assert ("1,000,000" if allowed else "Authorization") in problem["detail"]


def test_a_body_without_an_end_is_cut_off(connect, ann):
    connection = connect()
    with pytest.raises(OSError):
        connection.sendall(head("Transfer-Encoding: chunked", person=ann))
        for _ in range(10_000):
            connection.sendall(CHUNK)


@pytest.mark.parametrize(
    ("bytes_sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: server\r\nX: ".ljust(2**18, b"x"), 431),
        (b"PUT / HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nHost: server\r\nContent-Length: -1\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: server\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET health HTTP/1.1\r\nHost: server\r\n\r\n", 400),
        (b"GET /v1/nothing HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n", 404),
        (b"PUT /v1/health HTTP/1.1\r\nHost: server\r\nContent-Length: 3\r\n\r\nabc", 405),
    ],
)
def test_errors_below_the_application_are_problem_documents_too(connect, bytes_sent, status):
    connection = connect()
    connection.sendall(bytes_sent)
    assert problem_in(received(connection))["status"] == status


def test_one_connection_takes_many_requests(connect):
    connection = connect()
    last = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    connection.sendall(HEALTH * 3 + b"HEAD" + HEALTH[3:] + last)
    answers = received(connection)
    assert answers.count(b"HTTP/1.1 200") == 5
    assert answers.count(b'"status":"ok"') == 4
    # HTTP knows this form of a date alone.
    assert len(re.findall(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", answers)) == 5


@on_both_databases
def test_an_upload_arrives_as_it_was_sent(connect, ann, table):
    for number, size in enumerate((len(table), 50_000)):
        pieces = [table[start : start + size] for start in range(0, len(table), size)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        for kind, header, body in (
            ("length", f"Content-Length: {len(table)}", table),
            ("chunks", "Transfer-Encoding: chunked", chunks + b"0\r\n\r\n"),
        ):
            connection = connect()
            path = f"/v1/datasets/{kind}{number}"
            connection.sendall(head(header, "Connection: close", path=path, person=ann) + body)
            assert b"HTTP/1.1 201" in received(connection)
            assert ann.get(f"/datasets/{kind}{number}/table").data == table


# The token before the body


@pytest.mark.parametrize("length", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, 401),
        ({"content_type": "text/plain"}, 415),
        ({"path": "/v1/nothing"}, 404),
        ({"method": "POST"}, 405),
    ],
)
def test_what_the_head_decides_is_answered_before_any_body(connect, ann, length, options, status):
    """The client sends no byte of its body, waiting for leave or not, and gets its answer."""
    for expect in ([], ["Expect: 100-continue"]):
        connection = connect()
        connection.sendall(head(length, *expect, person=None if status == 401 else ann, **options))
        assert problem_in(received(connection))["status"] == status


def test_the_role_and_the_size_are_looked_at_before_any_body(connect, ann, eve):
    for person, length, status in ((eve, 1000, 403), (ann, 1_000_001, 413)):
        connection = connect()
        connection.sendall(head(f"Content-Length: {length}", "Expect: 100-continue", person=person))
        assert problem_in(received(connection))["status"] == status


def test_an_account_is_looked_up_once_for_a_request(connect, ann, eve, monkeypatch):
    """Before the body, and not again for the step; for each request of a connection anew."""
    looked_up = []

    def find(store, token):
        looked_up.append(token)
        return find_account(store, token)

    monkeypatch.setattr(incoming, "find_account", find)
    connection = connect()
    connection.sendall(head("Content-Length: 1", person=ann) + b"x")
    connection.sendall(head("Content-Length: 1", "Connection: close", person=eve) + b"x")
    assert re.findall(rb"HTTP/1.1 (\d+)", received(connection)) == [b"422", b"403"]
    assert looked_up == [ann.token, eve.token]


@on_both_databases
def test_leave_to_continue_comes_after_the_token_was_accepted(connect, ann, table):
    connection = connect()
    connection.sendall(head(f"Content-Length: {len(table)}", "Expect: 100-continue", "Connection: close", person=ann))
    assert connection.recv(1000) == b"HTTP/1.1 100 \r\n\r\n"
    connection.sendall(table)
    assert received(connection).startswith(b"HTTP/1.1 201")


# Deadlines


def fast(**changes):
    return replace(LIMITS, head_seconds=0.5, idle_seconds=0.5, grace_seconds=0.5, slowest_rate=10_000, **changes)


def drip(connection, data, pause=0.1):
    """Send a byte at a time until the server has had enough; its answer."""
    connection.settimeout(pause)
    answer = b""
    for position in range(len(data)):
        try:
            connection.sendall(data[position : position + 1])
            if not (more := connection.recv(10_000)):
                break
            answer += more
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        raise AssertionError("the server took all of it")
    return answer


def test_a_head_that_drips_is_given_up(app):
    """Each byte comes long before any pause would be too long."""
    with serving(app, fast()) as server, connected(server) as connection:
        begin = time.monotonic()
        assert problem_in(drip(connection, HEALTH * 10))["status"] == 408
        assert time.monotonic() - begin < 10


def test_a_later_head_has_no_more_time_than_the_first_one(app):
    """A connection may rest for long between two requests, and not within one."""
    with serving(app, replace(fast(), idle_seconds=60)) as server, connected(server) as connection:
        connection.sendall(HEALTH)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        time.sleep(1)
        assert problem_in(drip(connection, HEALTH * 10))["status"] == 408


def test_a_body_that_drips_is_given_up(app, ann):
    for header, body in (
        ("Content-Length: 1000", b"x" * 1000),
        ("Transfer-Encoding: chunked", b"3e8\r\n" + b"x" * 1000),
        ("Transfer-Encoding: chunked", b"0" * 1000),
    ):
        with serving(app, fast()) as server, connected(server) as connection:
            connection.sendall(head(header, person=ann))
            assert problem_in(drip(connection, body))["status"] == 408


def test_a_body_that_comes_fast_enough_may_take_longer_than_its_grace(app, ann, table):
    limits = replace(fast(), slowest_rate=2000)
    with serving(app, limits) as server, connected(server) as connection:
        connection.sendall(head(f"Content-Length: {len(table)}", "Connection: close", person=ann))
        for part in range(5):
            connection.sendall(table[part * len(table) // 5 : (part + 1) * len(table) // 5])
            time.sleep(0.3)
        assert received(connection).startswith(b"HTTP/1.1 201")


def test_a_connection_without_a_request_is_closed(app):
    with serving(app, fast()) as server:
        for sent in (b"", HEALTH):
            with connected(server) as connection:
                connection.sendall(sent)
                assert received(connection).count(b"HTTP/1.1") == bool(sent)


def test_an_answer_that_is_not_fetched_is_given_up(app):
    """The client reads nothing of it, and what was buffered for it is free for others again."""

    @app.get("/large")
    def large():
        return b"x" * 12_000_000

    limits = replace(LIMITS, grace_seconds=2, slowest_rate=10**9, buffered=16_000_000)
    request = b"GET /large HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n"
    with serving(app, limits) as server, connected(server) as slow:
        slow.sendall(request)
        wait_until(lambda: server.budget.taken == 12_000_000)
        with connected(server) as refused:
            refused.sendall(request)
            assert problem_in(received(refused))["status"] == 503
        wait_until(lambda: server.budget.taken == 0)
        with connected(server) as served:
            served.sendall(request)
            assert len(received(served)) > 12_000_000


# Limits


def test_a_chunk_line_without_an_end_is_refused_at_once(connect, ann):
    """Its head is bounded; the extension of a chunk is part of it."""
    connection = connect()
    connection.sendall(head("Transfer-Encoding: chunked", person=ann) + b"5;" + b"x" * 40_000)
    assert problem_in(received(connection))["status"] == 431


def test_a_body_in_tiny_chunks_is_refused(connect, ann):
    connection = connect()
    connection.sendall(head("Transfer-Encoding: chunked", person=ann) + b"1\r\nx\r\n" * 5000)
    problem = problem_in(received(connection))
    assert problem["status"] == 400 and "256" in problem["detail"]


@on_both_databases
def test_all_bodies_together_are_limited(app, ann, bob, table):
    """One account's body waits for its last byte; another's would pass the limit, and fits when the first is there."""
    limits = replace(LIMITS, buffered=len(table) * 3 // 2)
    with serving(app, limits) as server:
        request = head(f"Content-Length: {len(table)}", "Connection: close", person=ann)
        with connected(server) as first:
            first.sendall(request + table[:-1])
            wait_until(lambda: server.budget.taken == len(table) - 1)
            with connected(server) as second:
                second.sendall(head(f"Content-Length: {len(table)}", path="/v1/datasets/y", person=bob) + table)
                problem = problem_in(received(second))
            assert problem["status"] == 503 and f"{limits.buffered:,}" in problem["detail"]
            first.sendall(table[-1:])
            assert received(first).startswith(b"HTTP/1.1 201")
        wait_until(lambda: server.budget.taken == 0)


def test_small_requests_pass_where_large_bodies_take_everything(app, ann, eve, table):
    """What others buffer keeps neither a small answer nor a small body out."""
    with serving(app, replace(LIMITS, buffered=len(table) - 1)) as server, connected(server) as first:
        first.sendall(head(f"Content-Length: {len(table)}", "Connection: close", person=ann) + table[:-1])
        wait_until(lambda: server.budget.taken == server.limits.buffered)
        with connected(server) as asking:
            asking.sendall(HEALTH)
            assert asking.recv(1000).startswith(b"HTTP/1.1 200")
        with connected(server) as small:
            path = "/v1/requests/00000000-0000-4000-8000-000000000000"
            small.sendall(
                head("Content-Length: 2", "Connection: close", path=path, person=eve, content_type="application/json")
                + b"{}"
            )
            assert problem_in(received(small))["status"] == 422


def test_one_account_sends_so_many_bodies_at_a_time(server, connect, ann, bob, table):
    unfinished = [connect() for _ in range(LIMITS.bodies_of_one_account)]
    request = head(f"Content-Length: {len(table)}", "Connection: close", person=ann)
    for connection in unfinished:
        connection.sendall(request + table[:-1])
    wait_until(lambda: server.budget.taken == len(unfinished) * (len(table) - 1))
    one_more, another = connect(), connect()
    one_more.sendall(request)
    assert problem_in(received(one_more))["status"] == 429
    request_of_another = head(f"Content-Length: {len(table)}", "Connection: close", path="/v1/datasets/y", person=bob)
    another.sendall(request_of_another + table)
    assert received(another).startswith(b"HTTP/1.1 201")
    for connection in unfinished:
        connection.sendall(table[-1:])
        assert received(connection).startswith(b"HTTP/1.1 20")
    again = connect()
    again.sendall(request + table)
    assert received(again).startswith(b"HTTP/1.1 200")


def test_one_accounts_large_bodies_leave_threads_for_others(app):
    """One of an account's bodies is worked on at a time, and two in all; the others wait, and small ones do not."""
    at_work, go_on = [], threading.Event()

    @app.put("/work")
    @takes_body("application/octet-stream", admit=lambda: request.headers["X-Account"])
    def work():
        if read_body().size > 100_000:
            at_work.append(request.headers["X-Account"])
            go_on.wait(20)
        return "done"

    def send(account, size):
        connections.append(connected(server))
        lines = (f"X-Account: {account}", f"Content-Length: {size}", "Connection: close")
        connections[-1].sendall(head(*lines, path="/work") + b"x" * size)

    connections = []
    with serving(app) as server:
        for _ in range(4):
            send("mallory", 200_000)
        wait_until(lambda: server._bodies_of["mallory"] == 4)
        send("mallory", 200_000)
        assert problem_in(received(connections.pop()))["status"] == 429
        send("ann", 200_000)
        wait_until(lambda: len(at_work) == 2)
        send("dan", 200_000)
        time.sleep(0.2)
        assert at_work == ["mallory", "ann"]
        send("eve", 50_000)
        assert received(connections.pop()).endswith(b"done")
        go_on.set()
        assert all(received(connection).endswith(b"done") for connection in connections)


def test_so_many_steps_are_worked_on_at_a_time(app):
    """Each may have a copy of a table on the disk."""
    at_work, go_on = [], threading.Event()

    @app.post("/work")
    def work():
        at_work.append(1)
        go_on.wait(60)
        return "done"

    with serving(app) as server, ExitStack() as opened:
        connections = [opened.enter_context(connected(server)) for _ in range(20)]
        for connection in connections:
            connection.sendall(head("Connection: close", method="POST", path="/work"))
        wait_until(lambda: len(at_work) == 16)
        wait_until(lambda: server._rest._requests == 20)
        with connected(server) as reading:
            reading.sendall(HEALTH)
            assert reading.recv(1000).startswith(b"HTTP/1.1 200")
        assert len(at_work) == 16
        go_on.set()
        assert all(received(connection).endswith(b"done") for connection in connections)


OTHER_ADDRESS = "127.0.0.2"
only_with_addresses = pytest.mark.skipif(
    sys.platform != "linux", reason="the other addresses of the loopback need no set-up on Linux"
)


@only_with_addresses
def test_without_accounts_turns_are_taken_by_address(app):
    """One sender's large bodies wait for each other, and nobody else waits for them."""
    at_work, go_on = [], threading.Event()

    @app.put("/work")
    @takes_body("application/octet-stream")
    def work():
        at_work.append(request.remote_addr)
        go_on.wait(60)
        return "done"

    body = head("Content-Length: 200000", "Connection: close", path="/work") + b"x" * 200_000
    with serving(app) as server, ExitStack() as opened:
        connections = []
        for source in ["127.0.0.1"] * 3 + [OTHER_ADDRESS]:
            connections.append(opened.enter_context(connected(server, source)))
            connections[-1].sendall(body)
            wait_until(lambda: sum(server._bodies_of.values()) == len(connections))  # noqa: B023  run at once
        wait_until(lambda: len(at_work) == 2)
        assert at_work == ["127.0.0.1", OTHER_ADDRESS]
        go_on.set()
        assert all(received(connection).endswith(b"done") for connection in connections)
        assert at_work[2:] == ["127.0.0.1"] * 2
        wait_until(lambda: not server._turns_of and not server._bodies_of)


@only_with_addresses
def test_without_accounts_one_address_sends_so_many_bodies_at_a_time(app):
    @app.put("/work")
    @takes_body("application/octet-stream")
    def work():
        return "done"

    request = head("Content-Length: 10", "Connection: close", path="/work")
    with serving(app, replace(LIMITS, bodies_of_one_address=3)) as server, ExitStack() as opened:
        for count in range(1, 4):
            opened.enter_context(connected(server)).sendall(request + b"1")
            wait_until(lambda: server.budget.taken == count)  # noqa: B023  run at once
        one_more, another = (opened.enter_context(connected(server, source)) for source in ("127.0.0.1", OTHER_ADDRESS))
        one_more.sendall(request)
        problem = problem_in(received(one_more))
        assert problem["status"] == 429 and "An address sends at most 3" in problem["detail"]
        another.sendall(request + b"x" * 10)
        assert received(another).endswith(b"done")


def test_one_account_buffers_so_many_bytes_of_bodies_and_answers(app):
    """Its answers, which nobody fetches, count as its bodies do; others have room."""

    @app.get("/large")
    def large():
        request.environ[ACCOUNT_IN_ENVIRON] = request.headers["X-Account"]
        return b"x" * 12_000_000

    @app.put("/work")
    @takes_body("application/octet-stream", admit=lambda: request.headers["X-Account"])
    def work():
        return "done"

    def fetch(connection, account):
        connection.sendall(head("Connection: close", f"X-Account: {account}", method="GET", path="/large"))

    limits = replace(LIMITS, buffered=40_000_000, buffered_of_one=12_500_000)
    with serving(app, limits) as server, ExitStack() as opened:
        first, second, upload, another = (opened.enter_context(connected(server)) for _ in range(4))
        fetch(first, "mallory")
        wait_until(lambda: server.budget.taken == 12_000_000)
        fetch(second, "mallory")
        problem = problem_in(received(second))
        assert problem["status"] == 429 and "12,500,000" in problem["detail"]
        lines = ("Content-Length: 900000", "Connection: close", "X-Account: mallory")
        upload.sendall(head(*lines, path="/work") + b"x" * 900_000)
        assert problem_in(received(upload))["status"] == 429
        fetch(another, "ann")
        assert len(received(another)) > 12_000_000
        assert len(received(first)) > 12_000_000
        wait_until(lambda: server.budget.taken == 0)


def test_what_is_buffered_for_an_answer_counts_for_the_account_that_gets_it(app, ann, monkeypatch):
    with serving(app) as server, connected(server) as connection:
        counted, take = [], server.budget.take
        monkeypatch.setattr(server.budget, "take", lambda *arguments: (counted.append(arguments[2]), take(*arguments)))
        for person in (ann, None):
            connection.sendall(head(method="GET", path="/v1/datasets", person=person))
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200" if person else b"HTTP/1.1 401")
    assert counted == ["ann", "address 127.0.0.1"]


def test_strangers_who_fetch_no_answers_make_room_for_others(app):
    @app.get("/large")
    def large():
        return b"x" * 12_000_000

    limits = replace(LIMITS, connections=5, buffered_of_one=2**30, answers_of_one_account=100)
    with serving(app, limits) as server, ExitStack() as opened:
        for count in range(1, 6):
            opened.enter_context(connected(server)).sendall(head(method="GET", path="/large"))
            wait_until(lambda: server._answers_to["address 127.0.0.1"] == count)  # noqa: B023  run at once
        for _ in range(3):
            with connected(server) as honest:
                honest.sendall(HEALTH)
                assert honest.recv(1000).startswith(b"HTTP/1.1 200")


def test_an_account_that_fetches_no_answers_makes_room_and_one_with_few_does_not(app):
    @app.get("/large")
    def large():
        request.environ[ACCOUNT_IN_ENVIRON] = request.headers["X-Account"]
        return b"x" * 12_000_000

    limits = replace(LIMITS, connections=4, answers_of_one_account=2, buffered_of_one=2**30)
    with serving(app, limits) as server, ExitStack() as opened:
        connections = []
        for account in ("ann", "mallory", "mallory", "mallory"):
            connections.append(opened.enter_context(connected(server)))
            lines = ("Connection: close", f"X-Account: {account}")
            connections[-1].sendall(head(*lines, method="GET", path="/large"))
            wait_until(lambda: server._answers_to.total() == len(connections))  # noqa: B023  run at once
        for status in (b"200", b"503"):
            # The second one finds two of mallory's, as many as an account may have.
            late = opened.enter_context(connected(server))
            late.sendall(head("Connection: close", "X-Account: bob", method="GET", path="/large"))
            wait_until(lambda: server._answers_to["bob"] == 1)
            assert late.recv(12) == b"HTTP/1.1 " + status
        ann, dropped, *others = connections
        with pytest.raises(OSError):
            dropped.settimeout(20)
            assert len(received(dropped)) < 12_000_000
            raise ConnectionResetError  # Where the system tells of the end and not of a reset.
        assert all(len(received(connection)) > 12_000_000 for connection in (ann, *others))


def test_an_honest_client_gets_in_where_silent_ones_took_all_connections(app, ann):
    """Whoever waits longest without an account makes room; a body under an account stays."""
    with serving(app, replace(LIMITS, connections=20, head_seconds=120)) as server:
        upload = connected(server)
        upload.sendall(head("Content-Length: 10", "Connection: close", person=ann) + b"1")
        wait_until(lambda: server.budget.taken == 1)
        silent = [connected(server) for _ in range(60)]
        for _ in range(5):
            with connected(server) as honest:
                honest.sendall(HEALTH)
                assert honest.recv(1000).startswith(b"HTTP/1.1 200")
        # Those that made room are closed, the longest silent first.
        assert [connection.recv(1) for connection in silent[:40]] == [b""] * 40
        upload.sendall(b"x" * 9)
        assert problem_in(received(upload))["status"] == 422
        for connection in (*silent, upload):
            connection.close()


def test_a_client_that_has_gone_before_it_was_accepted_ends_nothing(app, monkeypatch):
    """On macOS no option can be set on its socket any more."""
    set_option, refused = socket.socket.setsockopt, []

    def refuse_once(connection, level, option, value):
        if option == socket.TCP_NODELAY and level == socket.IPPROTO_TCP and not refused:
            refused.append(connection)
            raise OSError(errno.EINVAL, "Invalid argument")
        return set_option(connection, level, option, value)

    with serving(app) as server:
        monkeypatch.setattr(socket.socket, "setsockopt", refuse_once)
        with connected(server) as gone:
            assert gone.recv(1) == b""
        with connected(server) as honest:
            honest.sendall(HEALTH)
            assert honest.recv(1000).startswith(b"HTTP/1.1 200")
    assert refused


def test_where_every_connection_has_an_account_the_next_one_is_told(app, ann, bob):
    with serving(app, replace(LIMITS, connections=2)) as server:
        uploads = [connected(server) for _ in range(2)]
        for upload, person in zip(uploads, (ann, bob), strict=True):
            upload.sendall(head("Content-Length: 10", person=person) + b"1")
        wait_until(lambda: server.budget.taken == 2)
        with connected(server) as late:
            assert problem_in(received(late))["status"] == 503
        for upload in uploads:
            upload.close()


# Where a body lies


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files through /proc")
def test_a_body_under_way_is_a_file_without_a_name_that_only_the_owner_can_open(app, ann, tmp_path):
    def open_files():
        found = {}
        for entry in os.listdir("/proc/self/fd"):
            try:
                found[entry] = os.readlink(f"/proc/self/fd/{entry}"), os.stat(f"/proc/self/fd/{entry}")
            except FileNotFoundError:
                continue
        return [status for target, status in found.values() if target.startswith(str(tmp_path / "bodies"))]

    (tmp_path / "bodies").mkdir()
    with serving(app, folder=tmp_path / "bodies") as server:
        with connected(server) as upload:
            upload.sendall(head("Content-Length: 1000000", person=ann) + b"x" * 500_000)
            wait_until(lambda: server.budget.taken == 500_000)
            (status,) = open_files()
            assert (status.st_size, status.st_nlink, status.st_mode & 0o777) == (500_000, 0, 0o600)
            assert list((tmp_path / "bodies").iterdir()) == []
        wait_until(lambda: not open_files())


# The address


@only_with_addresses
def test_only_the_address_that_is_told_is_listened_to(app):
    """127.0.0.2 is this machine, too: whoever listens everywhere answers there."""
    with serving(app) as server:
        assert server.effective_host == "127.0.0.1"
        connected(server).close()
        for family, other in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as connection, pytest.raises(OSError):
                connection.settimeout(20)
                connection.connect((other, server.effective_port))
    # Positive control: who does listen everywhere is reached there.
    with serving(app, host="0.0.0.0") as server:
        socket.create_connection(("127.0.0.2", server.effective_port), timeout=20).close()
