"""The attack on a server: python -m tests.server.attack HOST PORT "METHOD PATH" TOKEN ...

A process of its own, so that it does not slow down whoever measures; it imports nothing of the course.
"""

import base64
import os
import random
import socket
import sys
import threading
import time

SLOW_SOCKETS, HOSTILE_BODIES = 200, 30
_LONGEST_SECONDS = 120


def open_slowly(address, all_open):
    """Sockets that send a byte of a head each second, and are opened again when the server closes them."""
    head = b"GET /v1/health HTTP/1.1\r\nHost: server\r\nX-Slow: " + b"x" * 1000
    sockets = {}
    while True:
        for number in range(SLOW_SOCKETS):
            try:
                if number not in sockets:
                    sockets[number] = socket.create_connection(address, timeout=1), 0
                opened, sent = sockets[number]
                opened.sendall(head[sent : sent + 1])
                sockets[number] = opened, sent + 1
            except OSError:
                sockets.pop(number, None)
        all_open.set()
        time.sleep(1)


def hostile_bodies(path, tokens):
    """Heads and the pieces of bodies, each made to cost the server something else."""

    def head(token, framing):
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        content_type = "application/json" if path.startswith("POST") else "application/octet-stream"
        lines = [f"{path} HTTP/1.1", "Host: server", f"Content-Type: {content_type}", framing]
        return ("\r\n".join(lines) + f"\r\n{authorization}\r\n").encode()

    size = 4 * 2**20
    texts = base64.b64encode((b"a" * 40 + b",") * (size // 41))
    noise = random.Random(1).randbytes(2**16)
    for token in tokens:
        # Everything that fits, as fast as it goes.
        yield head(token, f"Content-Length: {30 * 2**20}"), [noise] * (30 * 16), 0
        # What is dear to search: text in text, and beginnings of keys.
        yield head(token, f"Content-Length: {len(texts)}"), [texts], 0
        keys_in_der = b"0\x20\x02\x01\x000\x05\x06" * (size // 8)
        yield head(token, f"Content-Length: {len(keys_in_der)}"), [keys_in_der], 0
        # A chunk line without an end, tiny chunks, and a body that never becomes whole.
        yield head(token, "Transfer-Encoding: chunked"), [b"5;"] + [b"x" * 1000] * 1000, 0.001
        yield head(token, "Transfer-Encoding: chunked"), [b"1\r\nx\r\n" * 10_000] * 100, 0
        yield head(token, f"Content-Length: {30 * 2**20}"), [noise] * 400, 0.1


def send_bodies(address, kinds, number):
    """One hostile body after the other."""
    while True:
        head, pieces, pause = kinds[number % len(kinds)]
        number += HOSTILE_BODIES
        try:
            with socket.create_connection(address, timeout=5) as connection:
                connection.sendall(head)
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
                connection.recv(10_000)
        except OSError:
            time.sleep(0.05)


def attack(host, port, path, *tokens):
    """Attack a server on the loopback, say so when it has begun, and end with whoever started this."""
    assert host == "127.0.0.1"
    address, all_open = (host, int(port)), threading.Event()
    kinds = list(hostile_bodies(path, tokens))
    threading.Thread(target=open_slowly, args=(address, all_open), daemon=True).start()
    all_open.wait()
    for number in range(HOSTILE_BODIES):
        threading.Thread(target=send_bodies, args=(address, kinds, number), daemon=True).start()
    time.sleep(1)
    print("begun", flush=True)
    threading.Timer(_LONGEST_SECONDS, os._exit, [1]).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    attack(*sys.argv[1:])
