"""What a job does to its worker is told to whoever asked for it, and everybody else goes on."""

import contextlib
import threading
import time

import pytest
import requests

from he_helpers.server.http import jobs as jobs_module
from he_helpers.server.http.jobs import Jobs
from he_helpers.server.process.import_guard import is_forbidden
from he_helpers.server.release.datasets import policy
from he_helpers.server.release.routes import create_app
from he_helpers.workers import Limits, WorkerPool
from tests.sealing import open_fields, seal_fields
from tests.server.conftest import Person, accounts_frame, asked, encrypted, kind, new_request, to_status
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

PLANTED = "tests.server.planted_tasks"


def table_that(pair, what, rows=12):
    """A table in which a label is the word for what a parser does to its process."""
    frame = accounts_frame(rows).replace({"region": {"south": what}})
    return encrypted(frame, pair.public)


@pytest.fixture(scope="module")
def pool():
    """Of all tests that leave it open: a worker that a test has ended is replaced, a start is half a second."""
    made = WorkerPool(PLANTED, most=2)
    yield made
    made.close()


@pytest.fixture
def planted(people, store, pool):
    """The people, in front of an application whose tasks are planted."""
    app = create_app(store, jobs=Jobs(pool))
    return {name: Person(app.test_client(), person.token) for name, person in people.items()}


# Nothing secret can come in


def test_workers_cannot_import_the_secret_side(pool):
    schemes = ("he_helpers.schemes.secret", "he_helpers.schemes.secret.tenseal")
    for name in (*schemes, "he_helpers.roles", "he_helpers.lab"):
        answer = pool.run("import_module", name=name)
        assert answer["error"] == "ForbiddenImport"
    # The control: what is not forbidden can be imported, and is listed.
    answer = pool.run("import_module", name="he_helpers.computing.blinding")
    assert answer["error"] is None
    assert {"he_helpers.computing.blinding", "tenseal"} <= set(answer["modules"])
    assert not any(is_forbidden(name) for name in answer["modules"])


def test_a_worker_waits_for_no_library_that_its_work_does_not_need(planted, table, pool):
    """After all of it. The control is above: what a worker has imported is in the list."""
    assert planted["ann"].upload(table).status_code == 201
    identifier, response = planted["eve"].ask()
    assert response.status_code == 201
    assert planted["eve"].post(f"/requests/{identifier}/aggregation").status_code == 200
    modules = set(pool.run("import_module", name="he_helpers.tables")["modules"])
    assert not modules & {"pandas", "flask", "sqlalchemy", "pydantic"}


def test_without_the_guard_a_worker_would_import_it():
    pool = WorkerPool("tests.workers.tasks")
    try:
        assert "he_helpers.schemes.secret" in pool.run("import_module", name="he_helpers.schemes.secret")["modules"]
    finally:
        pool.close()


def test_the_servers_own_process_loads_no_library_that_could_parse(start_server, tokens, table):
    """After all of its work; the control is that its own modules are in the list. Nor does it wait for pandas."""
    server = start_server(lists_imports=True)
    assert server.upload(tokens["ann"], "accounts", table).status_code == 201
    identifier = new_request()
    server.call("PUT", f"/requests/{identifier}", tokens["eve"], json=asked())
    answer = server.call("POST", f"/requests/{identifier}/aggregation", tokens["eve"])
    assert answer.json()["status"] == "aggregated"
    assert server.stop() == 0
    assert {"he_helpers.server.http.jobs", "he_helpers.server.storage.store"} <= server.imported
    natives = {name for name in server.imported if name.split(".")[0] in ("tenseal", "Pyfhel", "phe", "pandas")}
    assert natives == set()


# A table that ends its worker


# What becomes of a worker does not depend on the database, so that the second kind sees one case of each answer.
@pytest.mark.parametrize(
    "kind_of_database, what, reason, told",
    [
        ("sqlite", "crashes", "crash", "(SIGSEGV)"),
        ("sqlite", "exits", "crash", "(exit)"),
        ("sqlite", "hangs", "time", "send it again later"),
        ("sqlite", "grows", "memory", "more memory"),
        ("postgresql", "crashes", "crash", "(SIGSEGV)"),
    ],
    indirect=["kind_of_database"],
)
def test_an_upload_that_ends_its_worker(planted, pair, table, monkeypatch, what, reason, told):
    monkeypatch.setattr(jobs_module, "LIMITS", Limits(seconds=3))
    response = planted["ann"].upload(table_that(pair, f"read_dataset {what}"))
    assert (response.status_code, kind(response)) == (422, "processing-failed")
    assert response.json["reason"] == reason
    assert told in response.json["detail"]
    assert planted["ann"].get("/datasets").json == []
    assert planted["ann"].upload(table).status_code == 201


def test_a_sealed_result_is_searched_by_a_worker(planted, ann, eve, requested):
    """And not by the server's own process, which others wait for; what becomes of the worker is told."""
    to_status("approved", ann, eve, requested)
    response = planted["ann"].put(f"/requests/{requested}/result", b"find_secret crashes".ljust(100_000))
    assert (response.status_code, kind(response)) == (422, "processing-failed")
    assert "SIGSEGV" in response.json["detail"]
    assert planted["ann"].put(f"/requests/{requested}/result", b"sealed".ljust(100_000)).status_code == 200
    assert planted["eve"].get(f"/requests/{requested}/result").data == b"sealed".ljust(100_000)


def test_a_query_that_ends_its_worker(planted, pair, monkeypatch):
    monkeypatch.setattr(jobs_module, "LIMITS", Limits(seconds=3))
    assert planted["ann"].upload(table_that(pair, "check_query hangs")).status_code == 201
    response = planted["eve"].ask()[1]
    assert (response.status_code, kind(response), response.json["reason"]) == (422, "processing-failed", "time")


def test_a_dataset_that_ends_its_worker_is_set_aside(start_server, tokens, pair, table):
    """For good, in a real server: its owner is told, nothing is computed on it, and everybody else goes on."""
    server = start_server(module="tests.server.planted_server")
    deadly = table_that(pair, "compute_aggregate crashes")
    assert server.upload(tokens["ann"], "deadly", deadly).status_code == 201
    assert server.upload(tokens["bob"], "honest", table).status_code == 201
    identifiers = {name: new_request() for name in ("deadly", "honest", "waiting")}

    def call(method, path, **options):
        return server.call(method, path, tokens["eve"], **options)

    for name, identifier in identifiers.items():
        asking = asked("honest" if name == "honest" else "deadly")
        assert call("PUT", f"/requests/{identifier}", json=asking).status_code == 201

    answer = call("POST", f"/requests/{identifiers['deadly']}/aggregation")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:he-helpers:problem:set-aside")
    assert call("POST", f"/requests/{identifiers['honest']}/aggregation").json()["status"] == "aggregated"

    log = (server.folder / "server.log").read_text()
    assert "worker died: task compute_aggregate, signal SIGSEGV" in log
    assert "crashes" not in log and "deadly" not in log.replace("/v1/datasets/deadly", "")

    server.kill()
    server = start_server(module="tests.server.planted_server")
    started = time.monotonic()
    for path in (identifiers["deadly"], identifiers["waiting"]):
        answer = call("POST", f"/requests/{path}/aggregation")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:he-helpers:problem:set-aside")
    answer = call("PUT", f"/requests/{new_request()}", json=asked("deadly"))
    assert answer.json()["type"] == "urn:he-helpers:problem:set-aside"
    assert time.monotonic() - started < 60
    assert "worker died" not in (server.folder / "server.log").read_text().removeprefix(log)

    described = server.call("GET", "/datasets/deadly", tokens["ann"]).json()
    assert "SIGSEGV" in described["set_aside"]
    assert "Delete it, and upload a table that was encrypted anew" in described["set_aside"]
    events = server.call("GET", "/audit?dataset=deadly", tokens["ann"]).json()
    assert [event["account"] for event in events if event["action"] == "dataset set aside"] == ["server"]
    assert server.call("DELETE", "/datasets/deadly", tokens["ann"]).status_code == 204
    assert server.stop() == 0


@pytest.mark.parametrize(
    "kind_of_database, what, limits, is_set_aside",
    [
        ("sqlite", "hangs", Limits(seconds=1), False),
        ("sqlite", "is killed", Limits(), False),
        ("sqlite", "computes", Limits(processor_seconds=0), True),
        ("sqlite", "exits", Limits(), True),
        ("postgresql", "is killed", Limits(), False),
        ("postgresql", "exits", Limits(), True),
    ],
    indirect=["kind_of_database"],
)
def test_load_alone_sets_no_dataset_aside(planted, pair, monkeypatch, what, limits, is_set_aside):
    """It makes an innocent job exceed its time on the clock, and the system end a process, but nothing else."""
    assert planted["ann"].upload(table_that(pair, f"compute_aggregate {what}")).status_code == 201
    identifier, _ = planted["eve"].ask()
    monkeypatch.setattr(jobs_module, "LIMITS", limits)
    response = planted["eve"].post(f"/requests/{identifier}/aggregation")
    assert (response.status_code, kind(response)) == ((409, "set-aside") if is_set_aside else (503, "busy"))
    assert (planted["ann"].get("/datasets/accounts").json["set_aside"] is not None) == is_set_aside
    assert planted["eve"].get(f"/requests/{identifier}").json["status"] == "requested"


def test_a_dataset_that_is_computed_on_when_the_server_ends_stays_in_use(ann, eve, store, pair):
    assert ann.upload(table_that(pair, "compute_aggregate hangs")).status_code == 201
    identifier, _ = eve.ask()
    pool = WorkerPool(PLANTED, most=2)
    waiting = Person(create_app(store, jobs=Jobs(pool)).test_client(), eve.token)
    answers = []
    computing = threading.Thread(target=lambda: answers.append(waiting.post(f"/requests/{identifier}/aggregation")))
    computing.start()
    wait_until(lambda: pool._running)
    pool.close()
    computing.join(60)
    assert [(answer.status_code, kind(answer)) for answer in answers] == [(503, "busy")]
    assert ann.get("/datasets/accounts").json["set_aside"] is None


def test_a_client_with_too_many_jobs_is_told_so(people, store, pair, table):
    pool = WorkerPool(PLANTED, most=2, most_of_a_client=1)
    app = create_app(store, jobs=Jobs(pool))
    ann, bob = (Person(app.test_client(), people[name].token) for name in ("ann", "bob"))
    try:
        pool.start()
        slow = threading.Thread(target=ann.upload, args=[table_that(pair, "read_dataset hangs")])
        slow.start()
        wait_until(lambda: pool._running)
        response = Person(app.test_client(), ann.token).upload(table)
        assert (response.status_code, kind(response)) == (429, "too-many-requests")
        assert bob.upload(table).status_code == 201
    finally:
        pool.close()
    slow.join(60)
    assert not slow.is_alive()


def test_workers_that_cannot_be_started(people, store, table):
    pool = WorkerPool("tests.server.no_such_module")
    ann = Person(create_app(store, jobs=Jobs(pool)).test_client(), people["ann"].token)
    try:
        response = ann.upload(table)
        assert (response.status_code, kind(response)) == (503, "busy")
    finally:
        pool.close()


# Work that is no crash


def test_a_job_that_takes_its_time_holds_nobody_up(start_server, tokens, pair, table):
    server = start_server(module="tests.server.planted_server", workers=None)
    hanging = table_that(pair, "read_dataset hangs")

    def upload_slowly():
        # The server's end, below, is the end of this.
        with contextlib.suppress(requests.ConnectionError):
            server.upload(tokens["ann"], "slow", hanging)

    slow = [threading.Thread(target=upload_slowly) for _ in range(3)]
    for thread in slow:
        thread.start()
    assert server.upload(tokens["bob"], "honest", table).status_code == 201
    identifier = new_request()
    assert server.call("PUT", f"/requests/{identifier}", tokens["eve"], json=asked("honest")).status_code == 201
    answer = server.call("POST", f"/requests/{identifier}/aggregation", tokens["eve"])
    assert answer.json()["status"] == "aggregated"
    assert all(thread.is_alive() for thread in slow)
    server.kill()
    for thread in slow:
        thread.join(60)


def test_jobs_without_end_of_one_account_leave_threads_for_others(start_server, tokens, pair, table):
    """More of them than an account may have: who reads is answered, and who uploads and computes, too."""
    server = start_server(module="tests.server.planted_server", workers=None)
    assert server.upload(tokens["ann"], "slow", table_that(pair, "compute_aggregate hangs")).status_code == 201
    identifiers = [new_request() for _ in range(12)]
    answers = []

    def call(method, path, **options):
        return server.call(method, path, tokens["eve"], **options)

    def compute(identifier):
        # The server's end, below, is the end of this.
        with contextlib.suppress(requests.ConnectionError):
            answers.append(call("POST", f"/requests/{identifier}/aggregation").status_code)

    for identifier in identifiers:
        assert call("PUT", f"/requests/{identifier}", json=asked("slow")).status_code == 201
    slow = [threading.Thread(target=compute, args=[identifier]) for identifier in identifiers]
    for thread in slow:
        thread.start()
    # Those above the number of jobs that a client may have.
    wait_until(lambda: len(answers) == 4)
    assert answers == [429] * 4

    begin = time.monotonic()
    assert server.call("GET", "/health").status_code == 200
    assert call("GET", "/requests").status_code == 200
    assert server.upload(tokens["bob"], "honest", table).status_code == 201
    # Far below the minute for which the others wait for a worker.
    assert time.monotonic() - begin < 30
    assert answers == [429] * 4
    server.kill()
    for thread in slow:
        thread.join(60)


@pytest.mark.parametrize("groupings, taken", [(2, True), (3, False)])
def test_rows_times_groupings_are_limited(people, store, table, groupings, taken):
    """Five million rows of two labels, in 10 MB."""
    rows = policy.LARGEST_WORK // 2
    header, key, ciphertexts = open_fields(table, "table")
    name, kind_of_label, categories, width, _ = header[3][0]
    assert width == 1
    codes = bytes(rows - 1) + b"\1"
    header[3] = [[f"{name}{number}", kind_of_label, categories[:2], 1, codes] for number in range(2)]
    header[5]["groupings"] = [[f"{name}0"], [f"{name}1"], [f"{name}0", f"{name}1"]][:groupings]
    ann = Person(create_app(store).test_client(), people["ann"].token)
    response = ann.upload(seal_fields("table", [header, key, ciphertexts]))
    assert (response.status_code, kind(response)) == (422, "invalid-content")
    # Either way the ciphertexts do not suffice; beyond the limit nobody looked.
    assert ("at most 10,000,000 are taken" in response.json["detail"]) == (not taken)
    assert ("ciphertexts for its layout" in response.json["detail"]) == taken
