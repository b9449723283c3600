"""The store itself: what is deleted leaves the disk, tables are not held in memory, writers come one after another."""

import contextlib
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading

import pytest
from sqlalchemy import func, insert, select

from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account, add_account
from he_helpers.server.release.audit import record_event
from he_helpers.server.release.datasets import datasets
from he_helpers.server.storage import store as store_module
from he_helpers.server.storage.folder import CannotStart
from he_helpers.server.storage.schema import accounts, audit_events, dataset_parts, release_requests
from he_helpers.server.storage.store import Store
from tests.at_once import at_once
from tests.server.conftest import environment, failing, received

ANN = Account("ann", "administrator")
MARK = b"a mark that nothing else on this disk has: "


def marked(size: int) -> bytes:
    """Bytes that do not repeat, with the mark once in each kilobyte, so that each page of the database has it."""
    generator = random.Random(size)
    pieces = (MARK + generator.randbytes(1024 - len(MARK)) for _ in range(size // 1024))
    return b"".join(pieces)


def add(store, data, name="accounts", owner=ANN, label_part=b""):
    return datasets.add_dataset(
        store,
        owner,
        name,
        received(data),
        minimum_group_size=2,
        contributor_label=None,
        description={"labels": {}},
        label_part=label_part,
    )


def read(store, name="accounts"):
    with store.reading() as connection:
        return datasets.read_content(connection, name)


def marks_on_disk(folder) -> dict[str, int]:
    return {path.name: path.read_bytes().count(MARK) for path in folder.iterdir()}


@pytest.fixture
def store(own_store):
    """Nothing else has been in it: some of these tests open it again, or break it."""
    return own_store


@pytest.fixture
def file_store(folder):
    folder.mkdir(mode=0o700)
    store = Store.in_folder(folder)
    add_account(store, "ann", "administrator")
    yield store
    store.close()


# What is deleted


def test_a_deleted_dataset_does_not_stay_on_the_disk(file_store, folder):
    add_account(file_store, "eve", "analyst")
    add(file_store, marked(5_000_000), label_part=MARK)
    add(file_store, b"another one", name="other")

    def ask(connection):
        connection.execute(
            insert(release_requests).values(
                id="1",
                dataset="accounts",
                analyst="eve",
                query={},
                purpose=MARK.decode(),
                recipient_key_fingerprint="",
                status="requested",
            )
        )

    file_store.write(ask)
    assert sum(marks_on_disk(folder).values()) > 4000, "the search finds what is stored"
    datasets.delete_dataset(file_store, "accounts", ANN)
    assert marks_on_disk(folder) == {"store.sqlite3": 0, "store.sqlite3-wal": 0, "store.sqlite3-shm": 0}
    assert read(file_store, "other") == b"another one"


def test_the_store_shrinks(file_store, folder):
    add(file_store, b"what stays", name="other")
    file_store.reclaim()
    before = sum(path.stat().st_size for path in folder.iterdir())
    for _ in range(3):
        add(file_store, marked(5_000_000))
        assert sum(path.stat().st_size for path in folder.iterdir()) > before + 5_000_000
        datasets.delete_dataset(file_store, "accounts", ANN)
        assert sum(path.stat().st_size for path in folder.iterdir()) < before + 100_000


def test_a_reader_delays_it_no_further_than_the_next_step(file_store, folder, monkeypatch):
    monkeypatch.setattr("he_helpers.server.storage.store._RECLAIM_TIMEOUT", 0.05)
    add(file_store, marked(1_000_000))
    with file_store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(dataset_parts)) == 1
        datasets.delete_dataset(file_store, "accounts", ANN)
        # The reader still sees the dataset, so its bytes are still there.
        assert connection.scalar(select(func.count()).select_from(dataset_parts)) == 1
        assert sum(marks_on_disk(folder).values()) > 0
    add(file_store, b"the next step", name="other")
    assert sum(marks_on_disk(folder).values()) == 0


@pytest.fixture
def writer(file_store):
    """Holds the writers' lock from begin() to end(), which a test may leave to the fixture."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(connection):
        inside.set()
        assert go_on.wait(30)

    thread = threading.Thread(target=file_store.write, args=[hold])

    class Writer:
        @staticmethod
        def begin():
            thread.start()
            assert inside.wait(10)

        @staticmethod
        def end():
            go_on.set()
            thread.join(30)

    yield Writer
    Writer.end()


def test_a_writer_delays_it_no_further_than_the_next_step(file_store, folder, writer, monkeypatch):
    """The deletion before it is done and stays done: it is not answered as a failure."""
    monkeypatch.setattr("he_helpers.server.storage.store._RECLAIM_TIMEOUT", 0.05)
    add(file_store, marked(1_000_000))
    reclaim = Store.reclaim

    def reclaim_beside_a_writer(store):
        monkeypatch.setattr(Store, "reclaim", reclaim)
        writer.begin()
        store.reclaim()

    monkeypatch.setattr(Store, "reclaim", reclaim_beside_a_writer)
    datasets.delete_dataset(file_store, "accounts", ANN)
    assert sum(marks_on_disk(folder).values()) > 0
    writer.end()
    add(file_store, b"the next step", name="other")
    assert sum(marks_on_disk(folder).values()) == 0
    # Nor does it take the patience of later writers away.
    with contextlib.closing(file_store._engine.raw_connection()) as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (30_000,)


def test_what_is_deleted_while_another_deletion_is_reclaimed_is_not_forgotten(file_store, folder, monkeypatch):
    add(file_store, marked(1_000_000))
    add(file_store, marked(2_000_000), name="other")
    inner = store_module._reclaim

    def reclaim_and_delete(connection):
        monkeypatch.setattr(store_module, "_reclaim", inner)
        done = inner(connection)
        datasets.delete_dataset(file_store, "other", ANN)
        return done

    monkeypatch.setattr(store_module, "_reclaim", reclaim_and_delete)
    datasets.delete_dataset(file_store, "accounts", ANN)
    add(file_store, b"the next step", name="third")
    assert sum(marks_on_disk(folder).values()) == 0


def test_a_deletion_that_is_undone_keeps_everything(file_store):
    data = marked(3_000_000)
    add(file_store, data)
    with pytest.raises(Problem, match="not-found"):
        datasets.delete_dataset(file_store, "accounts", Account("bob", "administrator"))
    assert read(file_store) == data


# Parts


@pytest.mark.parametrize("size", [0, 1, datasets.PART_BYTES - 1, datasets.PART_BYTES, 2 * datasets.PART_BYTES + 1])
def test_what_goes_in_comes_out(store, size, tmp_path):
    add_account(store, "ann", "administrator")
    data = random.Random(1).randbytes(size)
    add(store, data)
    assert read(store) == data
    with (tmp_path / "copy").open("w+b") as file, store.reading() as connection:
        datasets.copy_content(connection, "accounts", file)
        file.seek(0)
        assert file.read() == data
        assert datasets.find_dataset(connection, "accounts", ANN).size == size


MEASURED = """
import hashlib, resource, sys
from he_helpers.server.release.datasets import datasets
from he_helpers.server.release.accounts import Account, add_account
from he_helpers.server.http.bodies import Body
from he_helpers.server.storage.store import Store

store, size, ann = Store(sys.argv[1]), int(sys.argv[2]), Account("ann", "administrator")
add_account(store, "ann", "administrator")

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def store_and_copy(name, path):
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        datasets.add_dataset(store, ann, name, Body(file, size, digest), minimum_group_size=1, contributor_label=None,
                             description={"labels": {}}, label_part=b"")
    with open(path + ".copy", "w+b") as copy, store.reading() as connection:
        datasets.copy_content(connection, name, copy)
        copy.seek(0)
        assert hashlib.file_digest(copy, "sha256").hexdigest() == digest

store_and_copy("small", sys.argv[3])
before = most()
size = int(sys.argv[4])
store_and_copy("large", sys.argv[5])
print((most() - before) / size)
"""


@pytest.mark.slow
def test_a_large_table_is_never_in_memory_as_a_whole(folder, database, tmp_path):
    """Storing and copying 96 MB takes less than a fifth of that more memory than doing it with 4 MB."""
    folder.mkdir(mode=0o700)
    paths = {"small": 4 * 2**20, "large": 96 * 2**20}
    megabyte = os.urandom(2**20)
    for name, size in paths.items():
        # Nor in the memory of these tests.
        with (tmp_path / name).open("wb") as file:
            for _ in range(0, size, len(megabyte)):
                file.write(megabyte)
    arguments = [database, str(paths["small"]), str(tmp_path / "small"), str(paths["large"]), str(tmp_path / "large")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.2


# Which stores are taken


def test_a_store_is_taken_up_again(store, database):
    add_account(store, "ann", "administrator")
    add(store, b"the table")
    again = Store(database)
    assert read(again) == b"the table"
    again.close()


@pytest.mark.parametrize(
    "change", ["UPDATE store_version SET version = 1", "DELETE FROM store_version", "DROP TABLE store_version"]
)
def test_a_store_of_another_version_is_refused(store, database, change):
    store.write(lambda connection: connection.exec_driver_sql(change))
    with pytest.raises(CannotStart, match="made by another version"):
        Store(database)


OTHER_DATABASES = {
    "nothing": "cannot be read",
    "mysql://localhost/x": "SQLite or PostgreSQL, and not in mysql",
    "postgresql+nothing://localhost/x": "driver for PostgreSQL is missing",
    "postgresql+psycopg://me:hunter2@127.0.0.1:1/x": "cannot be used.*127.0.0.1",
    "sqlite:////nowhere/at/all": "cannot be opened as an ordinary file: No such file",
}


@pytest.mark.slow
@pytest.mark.parametrize("url", OTHER_DATABASES)
def test_other_databases_are_refused(url):
    with pytest.raises(CannotStart, match=OTHER_DATABASES[url]):
        Store(url)


@pytest.mark.slow
def test_the_command_refuses_other_databases_in_a_line(tmp_path):
    folder = str(tmp_path / "server")
    done = failing(tmp_path, *(["run", "--folder", folder, "--database", url] for url in OTHER_DATABASES))
    for (status, said), words in zip(done, OTHER_DATABASES.values(), strict=True):
        assert (status, said.count("\n")) == (1, 1)
        assert re.search(words, said) and "hunter2" not in said


# Writers and readers at once


def test_a_writer_waits_for_the_one_before(store, database):
    """Also one of another process, which has a store of its own: what a step has read is still so when it writes."""
    add_account(store, "ann", "administrator")
    other = Store(database)
    inside, go_on = threading.Event(), threading.Event()

    def slow(connection):
        count = connection.scalar(select(func.count()).select_from(audit_events))
        inside.set()
        assert go_on.wait(10)
        record_event(connection, account="ann", role="administrator", action=f"saw {count}")

    def quick(connection):
        count = connection.scalar(select(func.count()).select_from(audit_events))
        record_event(connection, account="ann", role="administrator", action=f"saw {count}")

    first = threading.Thread(target=store.write, args=[slow])
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=other.write, args=[quick])
    second.start()
    second.join(0.3)
    assert second.is_alive(), "the second writer does not begin before the first has ended"
    # Readers are not held up.
    with other.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(audit_events)) == 1
    go_on.set()
    first.join(10)
    second.join(10)
    with store.reading() as connection:
        actions = list(connection.scalars(select(audit_events.c.action).order_by(audit_events.c.sequence)))
    assert actions == ["account added", "saw 1", "saw 2"]
    other.close()


def test_of_many_writers_of_one_name_one_wins(store, database):
    stores = [store, *(Store(database) for _ in range(3))]
    names = [f"account{number}" for number in range(4)]
    for name in names:
        add_account(store, name, "administrator")
    steps = [
        lambda number=number, own=own: add(own, b"%d" % number, owner=Account(names[number], "administrator"))
        for number, own in enumerate(stores)
    ]
    answers = at_once(*steps)
    assert [answer for answer in answers if answer is True] == [True]
    assert [getattr(answer, "kind", None) for answer in answers if answer is not True] == ["name-taken"] * 3
    assert read(store) == b"%d" % answers.index(True)
    for own in stores[1:]:
        own.close()


def test_accounts_added_at_once(store):
    answers = at_once(*[lambda: add_account(store, "zoe", "analyst")] * 4)
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, ValueError) for answer in answers) == 3
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(accounts)) == 1


def test_stores_opened_at_once_make_their_tables_once(folder, database):
    folder.mkdir(mode=0o700)
    answers = at_once(*[lambda: Store(database)] * 4)
    assert all(isinstance(answer, Store) for answer in answers), answers
    for answer in answers:
        answer.close()


class Busy:
    """A connection to a file that SQLite refuses at once so many times, as when several change its journal."""

    def __init__(self, times, code=sqlite3.SQLITE_BUSY):
        self.times, self.code, self.done = times, code, []

    def execute(self, statement):
        self.times -= 1
        if self.times >= 0:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error
        self.done.append(statement)


def test_what_is_refused_at_once_while_the_file_is_locked_is_tried_again(monkeypatch):
    connection = Busy(3)
    store_module._patiently(connection, "PRAGMA journal_mode=WAL")
    assert connection.done == ["PRAGMA journal_mode=WAL"]
    broken = Busy(1, sqlite3.SQLITE_IOERR)
    with pytest.raises(sqlite3.OperationalError):
        store_module._patiently(broken, "PRAGMA journal_mode=WAL")
    monkeypatch.setattr(store_module, "_BUSY_TIMEOUT", 0.05)
    with pytest.raises(sqlite3.OperationalError):
        store_module._patiently(Busy(10**6), "PRAGMA journal_mode=WAL")


def test_a_reader_sees_one_state(store):
    add_account(store, "ann", "administrator")
    add(store, b"old")
    with store.reading() as connection:
        assert datasets.read_content(connection, "accounts") == b"old"
        datasets.delete_dataset(store, "accounts", ANN)
        add(store, b"new")
        assert datasets.read_content(connection, "accounts") == b"old"
    assert read(store) == b"new"


def test_no_account_is_called_what_the_audit_trail_calls_the_server(store):
    with pytest.raises(ValueError, match="'server'; choose another name"):
        add_account(store, "server", "administrator")
    add_account(store, "server-2", "administrator")
