"""Tables, accounts, the application in this process, and real server processes."""

import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import requests

from he_helpers.schemes import keys
from he_helpers.server.accounts import add_account
from he_helpers.server.app import create_app
from he_helpers.server.store import Store
from he_helpers.tables import EncryptedTable

ROOT = Path(__file__).parents[2]
FINGERPRINT = "ab" * 16
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


@pytest.fixture(scope="session")
def pair():
    return keys.tenseal_bfv().generate_keys()


@pytest.fixture(scope="session")
def table(pair) -> bytes:
    return EncryptedTable.encrypt(accounts_frame(), ["region", "year"], pair.public).to_bytes()


@pytest.fixture(scope="session")
def other_table(pair) -> bytes:
    return EncryptedTable.encrypt(accounts_frame(20), ["region", "year"], pair.public).to_bytes()


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


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "server"


@pytest.fixture
def store(folder):
    folder.mkdir()
    made = Store.in_folder(folder)
    yield made
    made.close()


@pytest.fixture
def app(store):
    return create_app(store, largest_body=8 * 2**20)


@pytest.fixture
def people(store, app):
    """ann and bob are administrators, eve and dan analysts."""
    return {
        name: Person(app.test_client(), add_account(store, name, role))
        for name, role in (
            ("ann", "administrator"),
            ("bob", "administrator"),
            ("eve", "analyst"),
            ("dan", "analyst"),
        )
    }


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


@dataclass
class Running:
    """A server in a process of its own; its stderr lists what it imported."""

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
        return self.call(
            "PUT", f"/datasets/{name}?minimum_group_size={minimum}", token, data=data, headers=headers
        )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-X", "importtime", "-m", "he_helpers.server", *arguments]


def environment(temporary: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}


def start(folder: Path, *arguments: str) -> Running:
    """Start a server and wait until it answers."""
    temporary = folder.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    (folder / "address").unlink(missing_ok=True)
    with (folder.parent / "stderr").open("ab") as stderr:
        process = subprocess.Popen(
            command("run", "--folder", str(folder), *arguments),
            cwd=folder.parent,
            env=environment(temporary),
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

    def begin(*arguments: str) -> Running:
        running.append(start(folder, *arguments))
        return running[-1]

    yield begin
    for server in running:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def tokens(folder):
    """Tokens of accounts in the database of a server that is started later."""
    folder.mkdir()
    store = Store.in_folder(folder)
    made = {
        "ann": add_account(store, "ann", "administrator"),
        "bob": add_account(store, "bob", "administrator"),
        "eve": add_account(store, "eve", "analyst"),
    }
    store.close()
    return made
