"""The server as a process of its own: its files, its limits, its imports, concurrency, and being killed."""

import gc
import hashlib
import logging
import os
import random
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time

import pytest
import requests

from he_helpers.parameters import PaillierParameters
from he_helpers.schemes import secret as keys
from he_helpers.server.process import running as process
from he_helpers.server.process.import_guard import is_forbidden
from he_helpers.server.process.running import run_scoring, run_server
from he_helpers.server.storage.folder import CannotStart
from he_helpers.server.storage.quotas import Quotas
from he_helpers.tables import Aligned, EncryptedTable
from tests.at_once import at_once
from tests.server.conftest import accounts_frame, asked, command, encrypted, environment, failing, new_request
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

FORBIDDEN = (
    "he_helpers.schemes.secret",
    "he_helpers.schemes.secret.key_generation",
    "he_helpers.schemes.secret.interface",
    "he_helpers.schemes.secret.tenseal",
    "he_helpers.schemes.secret.pyfhel",
    "he_helpers.schemes.secret.phe",
    "he_helpers.roles",
    "he_helpers.roles.keys.keyring",
    "he_helpers.lab",
)


def every_byte_on_disk(folder):
    """What the server's folder, its temporary folder and its database hold, the write-ahead log included."""
    return b"".join(path.read_bytes() for path in folder.parent.rglob("*") if path.is_file())


def play_a_release(server, tokens, table) -> str:
    assert server.upload(tokens["ann"], "accounts", table).status_code == 201
    identifier = new_request()
    path = f"/requests/{identifier}"
    assert server.call("PUT", path, tokens["eve"], json=asked()).status_code == 201
    assert server.call("POST", f"{path}/aggregation", tokens["eve"]).json()["status"] == "aggregated"
    decision = {"decision": "approved", "reason": "fine"}
    assert server.call("PUT", f"{path}/decision", tokens["ann"], json=decision).status_code == 200
    headers = {"Content-Type": "application/octet-stream"}
    assert server.call("PUT", f"{path}/result", tokens["ann"], data=b"sealed", headers=headers).status_code == 200
    assert server.call("GET", f"{path}/result", tokens["eve"]).content == b"sealed"
    return identifier


def test_a_server_from_start_to_end(start_server, tokens, table, folder, pair):
    """One process plays a release, refuses what is wrong, and ends; its traces are looked at afterwards."""
    server = start_server("--largest-body", "3000000", "--inspectable", workers=None, lists_imports=True)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("address", "pid", "server.log"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert int((folder / "pid").read_text()) == server.process.pid
    assert server.address.startswith("http://127.0.0.1:")
    assert server.answers_at(socket.AF_INET, "127.0.0.1")
    # 127.0.0.2 is this machine as well, on Linux without any set-up: who listens everywhere answers there.
    assert not server.answers_at(socket.AF_INET, "127.0.0.2")
    assert not server.answers_at(socket.AF_INET6, "::1")
    if sys.platform == "linux":
        with open(f"/proc/{server.process.pid}/maps") as maps:
            assert "python" in maps.read()
        limits = (folder.parent / f"/proc/{server.process.pid}/limits").read_text()
        assert [line for line in limits.splitlines() if line.startswith("Max core file size")][0].split()[4:6] == [
            "0",
            "0",
        ]

    # A second server for the folder, or on the port, is told so.
    other = str(folder.parent / "other")
    for (status, said), words in zip(
        failing(
            folder.parent,
            ["run", "--folder", str(folder)],
            ["run", "--folder", other, "--port", server.address.rpartition(":")[2]],
            ["run", "--folder", other, "--host", "0.0.0.0"],
        ),
        ("already works in", "Cannot listen", "--not-only-this-machine"),
        strict=True,
    ):
        assert status == 1
        assert words in said
        assert "Traceback" not in said

    play_a_release(server, tokens, table)

    # Too large, with its length announced and in chunks: an answer, not a broken connection.
    for data in (b"x" * 3_000_001, (b"x" * 100_000 for _ in range(31)), b"x" * 20_000_000):
        response = server.upload(tokens["ann"], "large", data)
        assert response.status_code == 413
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["type"].endswith("body-too-large")
    assert server.upload(tokens["ann"], "large", b"x" * 3_000_000).status_code == 422
    assert server.upload(tokens["ann"], "chunks", iter([table[:1000], table[1000:]])).status_code == 201

    # What is no HTTP gets a problem document too.
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        assert b"application/problem+json" in connection.recv(10_000)

    # Secret keys, each above the size from which a body is in a file, one that never has a name.
    padding = os.urandom(1_000_000)
    marks = []
    for number, secret in enumerate(
        (
            pair.secret.to_bytes(),
            keys.pyfhel_bfv().generate_keys().secret.to_bytes(),
            keys.paillier(PaillierParameters(2048)).generate_keys().secret.to_bytes(),
        )
    ):
        body = padding + secret + padding
        marks.append(secret[-40:])
        response = server.upload(tokens["ann"], f"secret{number}", body)
        assert response.status_code == 422
        assert response.json()["type"].endswith("secret-key-refused")
    disk = every_byte_on_disk(folder)
    assert not any(mark in disk for mark in [*marks, padding[:40]])
    assert table[2000:2040] in disk, "the search finds what was stored"

    imported = server.imported
    assert not [name for name in imported if is_forbidden(name)]
    real = {"he_helpers.server.release.routes", "he_helpers.workers.pool", "sqlalchemy"}
    assert imported >= real, "the list is the real one"

    assert server.stop() == 0
    assert not (folder / "address").exists()
    assert (folder / "pid").read_text() == ""
    log = (folder / "server.log").read_text()
    assert "PUT /v1/datasets/accounts 201" in log
    assert " 413" in log
    assert not any(token in log for token in tokens.values())
    assert "minimum_group_size" not in log
    assert "yearly report" not in log
    stderr = [line for line in (folder.parent / "stderr").read_text().splitlines() if "import time:" not in line]
    assert not any(token in "\n".join(stderr) for token in tokens.values())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "localhost", "a name"])
def test_a_host_that_others_could_reach_is_refused_before_anything_is_made(host, tmp_path, monkeypatch):
    """A name counts as what it stands for: here "localhost" is an address of a network."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda name, *more, **named: resolve("192.0.2.1" if name == "localhost" else name, *more, **named),
    )
    for start_one in (
        lambda: run_server(tmp_path / "server", host, 0, None, 1000, 1, Quotas()),
        lambda: run_scoring(tmp_path / "server", tmp_path, host, 0, 1000, 1),
    ):
        with pytest.raises(CannotStart, match="no address" if host == "a name" else "--not-only-this-machine"):
            start_one()
    assert not (tmp_path / "server").exists()


def test_a_server_that_serves_looks_for_garbage(tmp_path, monkeypatch):
    """While it starts it does not."""
    seen = []

    class Noted:
        effective_host, effective_port = "127.0.0.1", 1

        def __init__(self, *_):
            pass

        def run(self):
            seen.append(gc.isenabled())

        def close(self):
            pass

    monkeypatch.setattr(process, "Server", Noted)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    gc.disable()
    try:
        process._serve(None, tmp_path, "127.0.0.1", 0, 1000)
    finally:
        gc.enable()
        gc.unfreeze()
    assert seen == [True]


def test_the_address_that_was_checked_is_listened_to(start_server):
    """Whoever answers for names may answer otherwise a moment later."""
    server = start_server("--host", "localhost", module="tests.server.planted_names")
    assert server.address.startswith("http://127.0.0.1:")


def test_a_folder_that_cannot_be_looked_at_is_not_taken_for_one_that_is_gone(folder, monkeypatch):
    looks = iter([PermissionError(13, "Permission denied"), OSError(5, "An error"), None, FileNotFoundError()])
    folder.mkdir()
    (folder / "pid").touch()
    own = (folder / "pid").stat()
    ended = []

    class Looked:
        def stat(self):
            assert not ended
            if error := next(looks):
                raise error
            return own

    monkeypatch.setattr(process, "_LOOK_SECONDS", 0)
    monkeypatch.setattr(os, "kill", lambda *arguments: ended.append(arguments))
    process._end_with(Looked(), own)
    assert ended == [(os.getpid(), signal.SIGTERM)]
    assert next(looks, None) is None


def test_an_address_of_the_newer_kind_is_told_as_a_url_has_it(start_server):
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = start_server("--host", "::1")
    assert server.address.startswith("http://[::1]:")
    assert server.call("GET", "/health").status_code == 200
    assert not server.answers_at(socket.AF_INET, "127.0.0.1")


def test_the_list_of_imports_would_show_the_secret_side(tmp_path):
    """Positive control for the list of imports above."""
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import he_helpers.schemes.secret.key_generation"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "he_helpers.schemes.secret.key_generation" in shown.stderr


GUARDED = """
import importlib, sys
from he_helpers.server.process.import_guard import ForbiddenImport, install_import_guard
if sys.argv[1] == "guarded":
    install_import_guard()
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
        print("imported", name)
    except ForbiddenImport:
        print("refused", name)
    except ModuleNotFoundError:
        print("missing", name)
"""


def run_guarded(tmp_path, mode):
    names = [*FORBIDDEN, "he_helpers.tables", "he_helpers.schemes.public.loading"]
    result = subprocess.run(
        [sys.executable, "-c", GUARDED, mode, *names],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(reversed(line.split()) for line in result.stdout.splitlines())


def test_the_import_guard_refuses_the_secret_side(tmp_path):
    guarded = run_guarded(tmp_path, "guarded")
    assert all(guarded[name] == "refused" for name in FORBIDDEN)
    assert guarded["he_helpers.tables"] == guarded["he_helpers.schemes.public.loading"] == "imported"
    # Without the guard the same names can be imported: it is the guard that refuses them.
    free = run_guarded(tmp_path, "free")
    assert set(free.values()) == {"imported"}


def test_the_guard_comes_first_or_not_at_all(tmp_path):
    code = (
        "import he_helpers.schemes.secret; from he_helpers.server.process import import_guard; "
        "import_guard.install_import_guard()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert "ForbiddenImport" in result.stderr


def test_add_account_prints_the_token_once(tmp_path):
    def add(name):
        arguments = ["add-account", "--folder", str(tmp_path / "f"), "--role", "analyst", "--name", name]
        return subprocess.run(
            command(*arguments),
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )

    first, again = add("eve"), add("eve")
    token = first.stdout.strip()
    assert (first.returncode, len(token)) == (0, 43)
    assert token.encode() not in every_byte_on_disk(tmp_path / "f")
    assert (again.returncode, again.stdout) == (1, "")
    assert "already an account" in again.stderr


# Concurrency


def test_two_administrators_at_once(start_on_database, table, other_table):
    start, tokens = start_on_database
    server = start(workers=None)
    for number in range(6):
        # The same name: exactly one wins, and its bytes are there.
        same = f"same{number}"
        answers = at_once(
            lambda name=same: server.upload(tokens["ann"], name, table),
            lambda name=same: server.upload(tokens["bob"], name, other_table),
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        winner, content = (("ann", table), ("bob", other_table))[answers[1].status_code == 201]
        assert server.call("GET", f"/datasets/{same}/table", tokens[winner]).content == content
        # Different names: both are there, whole.
        answers = at_once(
            lambda name=f"ann{number}": server.upload(tokens["ann"], name, table),
            lambda name=f"bob{number}": server.upload(tokens["bob"], name, other_table),
        )
        assert [answer.status_code for answer in answers] == [201, 201]
        for name, content in (("ann", table), ("bob", other_table)):
            assert server.call("GET", f"/datasets/{name}{number}/table", tokens[name]).content == content

    # The same step of one request, four times at once: taken once.
    identifier = new_request()
    path = f"/requests/{identifier}"
    asking = [lambda: server.call("PUT", path, tokens["eve"], json=asked("ann0"))] * 4
    assert sorted(answer.status_code for answer in at_once(*asking)) == [200, 200, 200, 201]
    answers = at_once(*[lambda: server.call("POST", f"{path}/aggregation", tokens["eve"])] * 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    contrary = [
        lambda word=word: server.call("PUT", f"{path}/decision", tokens["ann"], json={"decision": word, "reason": word})
        for word in ("approved", "refused")
    ]
    assert sorted(answer.status_code for answer in at_once(*contrary)) == [200, 409]
    actions = [event["action"] for event in server.call("GET", f"/audit?request={identifier}", tokens["ann"]).json()]
    assert actions[:2] == ["requested", "aggregated"]
    assert len(actions) == 3


# Being killed


def whole_listing(server, token, path, key):
    entries = []
    while page := server.call("GET", f"{path}?after={entries[-1][key]}" if entries else path, token).json():
        entries += page
    return entries


def rows_of(*tables):
    """The number of rows of each table, by its bytes."""
    return {table: EncryptedTable.from_bytes(table).rows for table in tables}


def check_whole(server, tokens, acknowledged, contents):
    """Every dataset is there whole or not at all, with exactly one event; what was acknowledged is there.

    contents: what was uploaded, as from rows_of().
    """
    listed = {entry["name"]: entry for entry in whole_listing(server, tokens["ann"], "/datasets", "name")}
    assert acknowledged <= set(listed)
    for name, entry in listed.items():
        content = server.call("GET", f"/datasets/{name}/table", tokens["ann"]).content
        assert content in contents
        assert hashlib.sha256(content).hexdigest() == entry["digest"]
        assert contents[content] == entry["rows"]
    events = [event for event in whole_listing(server, tokens["ann"], "/audit", "sequence") if event["dataset"]]
    assert sorted(event["dataset"] for event in events) == sorted(listed)
    if (server.folder / "store.sqlite3").exists():
        with sqlite3.connect(server.folder / "store.sqlite3") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def half_an_upload(server, token, table):
    """A connection over which half of a table has come, as the dataset "half"."""
    host, port = server.address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    head = (
        f"PUT /v1/datasets/half?minimum_group_size=2 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {len(table)}\r\n\r\n"
    )
    connection.sendall(head.encode() + table[: len(table) // 2])
    return connection


def test_killed_in_the_middle_of_a_write(start_on_database, pair):
    """kill -9 at random moments of a stream of uploads, each of several megabytes in the database's hands, and of which
    one has come by half."""
    generator = random.Random(20)
    tables = [encrypted(accounts_frame(rows), pair.public, Aligned()) for rows in (12, 20)]
    contents = rows_of(*tables)
    acknowledged = set()
    start, tokens = start_on_database
    server = start()
    for round_number in range(4):
        stop, before = threading.Event(), len(acknowledged)

        def keep_uploading(current=server, stop=stop, round_number=round_number):
            for number in range(10_000):
                name = f"set-{round_number}-{number}"
                try:
                    answer = current.upload(tokens["ann"], name, tables[number % 2])
                except requests.RequestException:
                    return
                if answer.status_code == 201:
                    acknowledged.add(name)
                if stop.is_set():
                    return

        uploader = threading.Thread(target=keep_uploading)
        with half_an_upload(server, tokens["bob"], tables[0]):
            uploader.start()
            # From here on both are under way, however slow the machine is.
            wait_until(lambda before=before: len(acknowledged) > before)
            time.sleep(generator.uniform(0, 0.7))
            server.kill()
        stop.set()
        uploader.join(60)
        server = start()
        check_whole(server, tokens, acknowledged, contents)
        assert server.call("GET", "/datasets/half", tokens["bob"]).status_code == 404
    assert server.upload(tokens["bob"], "half", tables[0]).status_code == 201
    assert server.call("GET", "/datasets", tokens["eve"]).status_code == 200


def test_strangers_do_not_fill_the_disk_with_lines_of_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_LARGEST_LOG", 2000)
    loggers = [logging.getLogger(name) for name in ("he_helpers.server", "he_helpers.workers")]
    states = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    process._log_to(tmp_path / "server.log")
    try:
        for number in range(200):
            loggers[0].info("GET /v1/nothing%s 401", number)
    finally:
        loggers[0].handlers[-1].close()
        for logger, handlers, level, propagate in states:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    kept = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert set(kept) == {"server.log", "server.log.1"}
    assert max(map(len, kept.values())) <= 2000
    lines = (kept["server.log.1"] + kept["server.log"]).splitlines()
    assert [line.split()[2] for line in lines] == [f"/v1/nothing{number}" for number in range(200 - len(lines), 200)]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in tmp_path.iterdir())
