"""A real server in its own process, with accounts for two administrators, two analysts and four custodians."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from he_helpers.quarantine import reading
from he_helpers.roles.administrator import DataAdministrator
from he_helpers.roles.analyst import DataAnalyst
from he_helpers.roles.custodian import Custodian
from he_helpers.roles.keys import keyring
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.server.release.accounts import add_account
from he_helpers.server.storage.store import Store
from he_helpers.tables import EncryptedTable
from he_helpers.workers import WorkerPool

PASSPHRASES = {
    "ada": "what ada knows by heart",
    "alan": "what alan knows by heart",
    "ana": "what ana knows by heart",
    "ben": "what ben knows by heart",
    "cat": "what cat knows by heart",
    "coy": "what coy knows by heart",
    "cid": "what cid knows by heart",
    "cyn": "what cyn knows by heart",
}
# More than the buffers of a connection hold; less than the default, which takes its time to send.
LARGEST_BODY = 2**24
ROLES = {"ada": "administrator", "alan": "administrator", "ana": "analyst", "ben": "analyst"}
ROLES |= dict.fromkeys(("cat", "cid", "cyn", "coy"), "custodian")


@pytest.fixture(scope="package", autouse=True)
def lasting_quarantine():
    """The process for tables of strangers waits for the next test's; in half of the tests it would start anew."""
    pool = WorkerPool(reading.TASKS, least=0, most=1, idle_seconds=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_pool", lambda: pool)
        yield
    pool.close()


@dataclass(frozen=True)
class Server:
    address: str
    folder: Path
    tokens: dict[str, str]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@contextmanager
def running_server(folder):
    """A server in a process of its own, with an empty store in ``folder``."""
    folder.chmod(0o700)
    store = Store.in_folder(folder)
    tokens = {name: add_account(store, name, role) for name, role in ROLES.items()}
    store.close()
    command = [sys.executable, "-m", "he_helpers.server", "run", "--folder", folder]
    command += ["--largest-body", str(LARGEST_BODY)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment)
    address = folder / "address"
    try:
        deadline = time.monotonic() + 60
        while not (address.exists() and address.read_text().strip()):
            assert process.poll() is None, f"the server ended with status {process.returncode}"
            assert time.monotonic() < deadline, "the server did not start within 60 s"
            time.sleep(0.05)
        yield Server(address.read_text().strip(), folder, tokens)
    finally:
        process.terminate()
        process.wait(10)


def make_cheap(monkeypatch):
    monkeypatch.setattr(keyring, "LOG2_N", 4)
    monkeypatch.setattr(keyring, "_LARGEST_WORK", 2**12)


@pytest.fixture
def cheap(monkeypatch):
    """scrypt at a cost of nothing, for tests that open many keyrings."""
    make_cheap(monkeypatch)


def entrance(server, folder):
    """A function that gives the role object of a person by name, in that person's own folder in ``folder``."""

    def enter(name):
        own = folder / name
        if not own.exists():
            own.mkdir(mode=0o700)
            (own / "token").touch(mode=0o600)
            (own / "token").write_text(server.tokens[name])
        if ROLES[name] == "custodian":
            return Custodian(own, server.address, PASSPHRASES[name], name)
        role = DataAdministrator if ROLES[name] == "administrator" else DataAnalyst
        return role(own, server.address, PASSPHRASES[name])

    return enter


@pytest.fixture
def person(server, tmp_path, cheap):
    """The entrance to the folder of this test."""
    return entrance(server, tmp_path)


@pytest.fixture(scope="session")
def main_pair():
    """The key pair that ada's key "main" is in all tests."""
    return tenseal_bfv().generate_keys()


@pytest.fixture(scope="session")
def two_people(server, main_pair, tmp_path_factory):
    """The folders of ada and ana, made once, to copy into those of tests."""
    return make_two_people(server, main_pair, tmp_path_factory.mktemp("people"))


def make_two_people(server, main_pair, folder):
    """``folder`` with those of ada and ana in it: both have keys, and ada trusts ana."""
    enter = entrance(server, folder)
    with pytest.MonkeyPatch.context() as patch:
        make_cheap(patch)
        patch.setattr(type(tenseal_bfv()), "generate_keys", lambda scheme: main_pair)
        ada, ana = enter("ada"), enter("ana")
        ada.create_keys(tenseal_bfv())
        ana.create_keys()
        ada.trust("Ana", ana.hand_over(folder / "handover", "Ana"))
    return folder


@pytest.fixture
def ada(person, two_people, tmp_path):
    """An administrator with keys, who trusts ana."""
    shutil.copytree(two_people, tmp_path, dirs_exist_ok=True)
    return person("ada")


@pytest.fixture
def ana(ada, person, tmp_path):
    """An analyst with keys, who trusts ada."""
    ana = person("ana")
    ana.trust("Ada", ada.hand_over(tmp_path / "handover", "Ada"))
    return ana


@pytest.fixture
def accounts():
    return branch_accounts()


def branch_accounts():
    """Branch accounts: 12 rows, 3 regions of 3, 4 and 5 branches."""
    regions = ["North"] * 3 + ["South"] * 4 + ["West"] * 5
    return pd.DataFrame(
        {
            "region": regions,
            "size": ["small", "large"] * 6,
            "Revenue": [1000.5 + 10.1 * row for row in range(12)],
            "Loans": [100 * row for row in range(12)],
        }
    ).round(1)


@pytest.fixture(scope="session")
def accounts_table(main_pair):
    """The accounts under ada's key, encrypted once."""
    decimals = {"Revenue": 1, "Loans": 0}
    return EncryptedTable.encrypt(branch_accounts(), ["region", "size"], main_pair.secret, decimals=decimals)


@pytest.fixture
def dataset(ada, accounts_table):
    """The name of the uploaded accounts; the dataset is gone after the test."""
    ada.upload("accounts", accounts_table, minimum_group_size=3)
    yield "accounts"
    if "accounts" in ada.datasets().index:
        ada.delete("accounts")
