"""Tables, accounts, the application in this process, and real server processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from sqlalchemy import create_engine, make_url

from he_helpers.schemes import secret as keys
from he_helpers.server.http.bodies import Body, BodyWriter
from he_helpers.server.release.accounts import add_account
from he_helpers.server.release.routes import create_app
from he_helpers.server.storage.quotas import Quotas
from he_helpers.server.storage.schema import accounts, audit_events, metadata, store_version
from he_helpers.server.storage.store import Store
from he_helpers.tables import Aligned, EncryptedTable

ROOT = Path(__file__).parents[2]
FINGERPRINT = "ab" * 16
ROLES = {"ann": "administrator", "bob": "administrator", "eve": "analyst", "dan": "analyst"}
POSTGRESQL = os.environ.get("HE_TEST_DATABASE_URL")
# No server and no client in these tests goes through a proxy.
os.environ["NO_PROXY"] = "127.0.0.1"


def accounts_frame(rows: int = 12) -> pd.DataFrame:
    """Branch accounts with three regions; the region "island" has two rows only."""
    regions = ["north", "south"]
    return pd.DataFrame(
        {
            "region": ["island"] * 2 + [regions[row % 2] for row in range(rows - 2)],
            "year": [str(2024 + row % 2) for row in range(rows)],
            "revenue": [1000 + 7 * row for row in range(rows)],
            "loans": [row * row for row in range(rows)],
        }
    )


def encrypted(frame, public, layout=None) -> bytes:
    """A table of branch accounts. By default it has two ciphertexts, more than a body has that stays in memory; with
    Aligned() it has eleven or more."""
    layout = layout or Aligned(partial_sums=len(frame))
    return EncryptedTable.encrypt(frame, ["region", "year"], public, layout=layout).to_bytes()


@pytest.fixture(scope="session")
def pair():
    return keys.tenseal_bfv().generate_keys()


@pytest.fixture(scope="session")
def table(pair) -> bytes:
    return encrypted(accounts_frame(), pair.public)


@pytest.fixture(scope="session")
def other_table(pair) -> bytes:
    return encrypted(accounts_frame(20), pair.public)


def asked(dataset="accounts", statistic="sum", group_by=("region",), columns=("revenue", "loans"), **changes):
    """The JSON of a release request."""
    columns = [] if statistic == "count" else list(columns)
    query = {"statistic": statistic, "group_by": list(group_by), "columns": columns}
    body = {
        "dataset": dataset,
        "query": query,
        "recipient_key_fingerprint": FINGERPRINT,
        "purpose": "yearly report",
    }
    return {**body, **changes}


def received(data: bytes) -> Body:
    """A body as a server takes it in."""
    writer = BodyWriter(len(data))
    writer.write(data)
    return writer.finish()


def new_request() -> str:
    return str(uuid.uuid4())


class Person:
    """Somebody with a token, who speaks to the application in this process."""

    def __init__(self, client, token):
        self.client = client
        self.token = token

    def call(self, method, path, **options):
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.client.open(f"/v1{path}", method=method, headers=headers, **options)

    def get(self, path):
        return self.call("GET", path)

    def put(self, path, data=None, json=None, **options):
        if json is None:
            options = {"data": data, "content_type": "application/octet-stream", **options}
        else:
            options = {"json": json, **options}
        return self.call("PUT", path, **options)

    def post(self, path):
        return self.call("POST", path)

    def delete(self, path):
        return self.call("DELETE", path)

    def upload(self, data, name="accounts", minimum=2):
        return self.put(f"/datasets/{name}?minimum_group_size={minimum}", data)

    def ask(self, identifier=None, **content):
        identifier = identifier or new_request()
        return identifier, self.put(f"/requests/{identifier}", json=asked(**content))


def with_custodians(store, app, *names):
    """Accounts of custodians, by name."""
    return {name: Person(app.test_client(), add_account(store, name, "custodian")) for name in names}


def kind(response):
    """The end of a problem's type, after checking that the answer is a problem document."""
    assert response.content_type == "application/problem+json"
    document = response.json
    assert set(document) >= {"type", "title", "status", "detail"}
    assert document["status"] == response.status_code
    assert document["title"] and document["detail"]
    assert "Traceback" not in response.text
    return document["type"].rpartition(":")[2]


def approve(ann, identifier, decision="approved", reason="fine"):
    return ann.put(f"/requests/{identifier}/decision", json={"decision": decision, "reason": reason})


def to_status(status, ann, eve, identifier):
    """Take a new request to ``status`` in the right order."""
    if status != "requested":
        assert eve.post(f"/requests/{identifier}/aggregation").status_code == 200
    if status in ("approved", "refused", "released"):
        assert approve(ann, identifier, "refused" if status == "refused" else "approved").status_code == 200
    if status == "released":
        assert ann.put(f"/requests/{identifier}/result", b"sealed").status_code == 200
    assert eve.get(f"/requests/{identifier}").json["status"] == status


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "server"


@contextmanager
def new_database(kind, folder):
    """The URL of an empty database: in a file, and in PostgreSQL where HE_TEST_DATABASE_URL names a server.

    The URL is one of a database in which schemas may be created: postgresql+psycopg://USER@HOST/DATABASE. Each database
    here is a schema of its own, so that several tests can run at once.
    """
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'store.sqlite3'}"
        return
    if not POSTGRESQL:
        pytest.skip("HE_TEST_DATABASE_URL names no PostgreSQL server")
    schema = f"test_{uuid.uuid4().hex}"
    engine = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    yield make_url(POSTGRESQL).update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind_of_database(request):
    return request.param


@pytest.fixture
def database(kind_of_database, folder):
    """The URL of an empty database for one test."""
    with new_database(kind_of_database, folder) as url:
        yield url


@pytest.fixture
def own_store(folder, database):
    """A store in the ``database``, for a test that opens it a second time or does not leave it as it was."""
    folder.mkdir(mode=0o700)
    made = Store(database)
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared_stores(tmp_path_factory):
    """By kind of database, the store that tests share and the application over it: making both takes longer than most
    tests. They are made when the first test needs them."""
    with ExitStack() as opened:

        @cache
        def of_kind(kind):
            folder = tmp_path_factory.mktemp(kind)
            folder.chmod(0o700)
            store = Store(opened.enter_context(new_database(kind, folder)))
            opened.callback(store.close)
            return store, create_app(store, largest_body=8 * 2**20)

        yield of_kind


def make_as_new(store):
    """Take all that tests have left out of a store: its tables are empty, and numbers are counted from 1."""
    tables = [table for table in reversed(metadata.sorted_tables) if table is not store_version]

    def step(connection):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"TRUNCATE {', '.join(table.name for table in tables)} RESTART IDENTITY")
            return
        for table in tables:
            connection.execute(table.delete())
        connection.exec_driver_sql("DELETE FROM sqlite_sequence")

    store.write(step)
    store.quotas = Quotas()


@pytest.fixture
def store(kind_of_database, shared_stores):
    """A store that nothing is in. A test leaves its tables there, with what it likes in them."""
    made, _ = shared_stores(kind_of_database)
    make_as_new(made)
    return made


@pytest.fixture
def app(kind_of_database, shared_stores, store):
    """The application over ``store``, to be left as it is."""
    return shared_stores(kind_of_database)[1]


@pytest.fixture(scope="session")
def added_people(shared_stores):
    """By kind of database, the tokens of the people and the rows that adding them has written: added once, since four
    steps of the store take longer than most tests."""

    @cache
    def of_kind(kind):
        store, _ = shared_stores(kind)
        make_as_new(store)
        tokens = {name: add_account(store, name, role) for name, role in ROLES.items()}
        with store.reading() as connection:
            rows = [(table, list(connection.execute(table.select()).mappings())) for table in (accounts, audit_events)]
        make_as_new(store)
        return tokens, rows

    return of_kind


@pytest.fixture
def people(kind_of_database, store, app, added_people):
    """ann and bob are administrators, eve and dan analysts."""
    tokens, rows = added_people(kind_of_database)
    store.write(lambda connection: [connection.execute(table.insert(), of_table) for table, of_table in rows])
    return {name: Person(app.test_client(), token) for name, token in tokens.items()}


@pytest.fixture
def ann(people):
    return people["ann"]


@pytest.fixture
def bob(people):
    return people["bob"]


@pytest.fixture
def eve(people):
    return people["eve"]


@pytest.fixture
def dan(people):
    return people["dan"]


@pytest.fixture
def uploaded(ann, table):
    answer = ann.upload(table)
    assert answer.status_code == 201, answer.text


@pytest.fixture
def requested(uploaded, eve):
    identifier, response = eve.ask()
    assert response.status_code == 201
    return identifier


@dataclass
class Running:
    """A server in a process of its own; its stderr lists what it imported, where it was started so."""

    process: subprocess.Popen
    folder: Path
    address: str

    @property
    def imported(self) -> set[str]:
        lines = (self.folder.parent / "stderr").read_text().splitlines()
        return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}

    def call(self, method, path, token=None, **options):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("headers", {})
        return requests.request(method, f"{self.address}/v1{path}", headers=headers, timeout=60, **options)

    def upload(self, token, name, data, minimum=2):
        headers = {"Content-Type": "application/octet-stream"}
        return self.call("PUT", f"/datasets/{name}?minimum_group_size={minimum}", token, data=data, headers=headers)

    def answers_at(self, family, host) -> bool:
        """Whether somebody listens on this server's port at another address of this machine."""
        with socket.socket(family) as connection:
            connection.settimeout(20)
            return connection.connect_ex((host, int(self.address.rpartition(":")[2]))) == 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def command(*arguments: str, module: str = "he_helpers.server") -> list[str]:
    return [sys.executable, "-m", module, *arguments]


_ALL_IN_ONE = """
import contextlib, io, json, sys
from he_helpers.server.__main__ import main
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        status = main(arguments)
    print(json.dumps([status, said.getvalue()]))
"""


def failing(temporary: Path, *commands: list[str]) -> list[tuple[int, str]]:
    """Status and stderr of each of these commands, all in one process: most of a command's time is its start."""
    done = subprocess.run(
        [sys.executable, "-c", _ALL_IN_ONE, json.dumps(commands)],
        env=environment(temporary),
        cwd=temporary,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert not done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def environment(temporary: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}


def start(
    folder: Path,
    *arguments: str,
    service: str = "run",
    module: str = "he_helpers.server",
    workers: int | None = 1,
    lists_imports: bool = False,
) -> Running:
    """Start a server and wait until it answers.

    workers: one starts sooner; None: as many as the server has by default. lists_imports: for Running.imported; the
    list makes a start dearer by a fifth.
    """
    arguments = arguments if workers is None else (*arguments, "--workers", str(workers))
    temporary = folder.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    (folder / "address").unlink(missing_ok=True)
    with (folder.parent / "stderr").open("ab") as stderr:
        process = subprocess.Popen(
            command(service, "--folder", str(folder), *arguments, module=module),
            cwd=folder.parent,
            env=environment(temporary) | ({"PYTHONPROFILEIMPORTTIME": "1"} if lists_imports else {}),
            stderr=stderr,
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "address").exists():
            return Running(process, folder, (folder / "address").read_text().strip())
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError("the server did not start")


@pytest.fixture
def start_server(folder):
    """Start servers in the folder of this test; they end with it."""
    running = []

    def begin(*arguments: str, **options: Any) -> Running:
        running.append(start(folder, *arguments, **options))
        return running[-1]

    yield begin
    for server in running:
        if server.process.poll() is None:
            server.kill()


def add_people(store: Store) -> dict[str, str]:
    """Tokens of two administrators and an analyst."""
    return {name: add_account(store, name, ROLES[name]) for name in ("ann", "bob", "eve")}


@pytest.fixture
def tokens(folder):
    """Tokens of accounts in the database of a server that is started later."""
    folder.mkdir(mode=0o700)
    store = Store.in_folder(folder)
    made = add_people(store)
    store.close()
    return made


@pytest.fixture
def start_on_database(start_server, own_store, database):
    """Start servers on the ``database``, to which the tokens belong that come with it."""

    def begin(**options: Any) -> Running:
        return start_server("--database", database, **options)

    return begin, add_people(own_store)
