"""waitress as it is set up here."""

import socket
import threading

import pytest
from waitress.adjustments import Adjustments
from waitress.buffers import OverflowableBuffer

from he_helpers.server.policy import DEFAULT_LARGEST_BODY
from he_helpers.server.serving import listen


@pytest.fixture
def address(app):
    server = listen(app, "127.0.0.1", 0, 1_000_000)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            server.asyncore.loop(timeout=0.05, map=server._map, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    yield "127.0.0.1", server.effective_port
    stop.set()
    thread.join(10)
    server.task_dispatcher.shutdown()
    server.close()


def received(connection) -> bytes:
    """All that comes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(10_000), b""))


CHUNK = b"186a0\r\n" + b"x" * 100_000 + b"\r\n"


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("Content-Length: 6000000", b"x" * 6_000_000),
        ("Content-Length: 1000001", b"x" * 1_000_001),
        ("Transfer-Encoding: chunked", CHUNK * 60 + b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked", CHUNK * 10 + b"1\r\nx\r\n0\r\n\r\n"),
    ],
)
def test_a_client_that_sends_too_much_can_finish_and_gets_an_answer(address, header, body):
    """A connection closed on a client that is still sending loses the answer."""
    with socket.create_connection(address, timeout=20) as connection:
        head = f"PUT /v1/datasets/x HTTP/1.1\r\nHost: server\r\n{header}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert b"1,000,000" in answer


def test_a_body_without_an_end_is_cut_off(address):
    with socket.create_connection(address, timeout=20) as connection, pytest.raises(OSError):
        connection.sendall(
            b"PUT /v1/datasets/x HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(10_000):
            connection.sendall(CHUNK)


@pytest.mark.parametrize(
    ("bytes_sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: ".ljust(2**18, b"x"), b"431"),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"PUT / HTTP/1.1\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n", b"413"),
    ],
)
def test_errors_below_the_application_are_problem_documents_too(address, bytes_sent, status):
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(bytes_sent)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.") and answer[9:12] == status
    assert b"application/problem+json" in answer


def test_no_body_and_no_answer_goes_to_a_file(app):
    server = listen(app, "127.0.0.1", 0, DEFAULT_LARGEST_BODY)
    server.close()
    for overflow in (server.adj.inbuf_overflow, server.adj.outbuf_overflow):
        buffer = OverflowableBuffer(overflow)
        for _ in range(DEFAULT_LARGEST_BODY // 2**20):
            buffer.append(bytes(2**20))
        assert not buffer.overflowed
        buffer.close()
    # Positive control: as waitress comes, a megabyte goes to a temporary file.
    buffer = OverflowableBuffer(Adjustments().inbuf_overflow)
    buffer.append(bytes(2**20))
    assert buffer.overflowed
    buffer.close()
