"""The server's folder is its own: what somebody else could have prepared or can read is refused, whatever the umask."""

import os
import stat

import pytest

from he_helpers.server.process import running as process
from he_helpers.server.storage.folder import CannotStart, open_own_file, prepare_folder, sole_server_of
from he_helpers.server.storage.store import Store
from tests.server.conftest import failing

OPEN = os.O_RDWR | os.O_CREAT
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user, which needs root")


def mode(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def open_umask():
    """Files are made readable and writable for everybody, unless their maker says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_folder_is_made_private_and_the_umask_is_left_alone(tmp_path, open_umask):
    prepare_folder(tmp_path / "a" / "server")
    assert mode(tmp_path / "a" / "server") == 0o700
    assert os.umask(0) == 0
    prepare_folder(tmp_path / "a" / "server")


@pytest.mark.parametrize("bits", [0o750, 0o705, 0o720, 0o701, 0o755, 0o777])
def test_a_folder_open_to_others_is_refused_and_left_as_it_is(tmp_path, bits):
    folder = tmp_path / "server"
    folder.mkdir()
    folder.chmod(bits)
    with pytest.raises(CannotStart, match=f"mode {bits:04o}.*chmod 700 '{folder}'"):
        prepare_folder(folder)
    assert mode(folder) == bits


@needs_root
def test_a_folder_of_another_user_is_refused(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, -1)
    with pytest.raises(CannotStart, match="belongs to another account.*65534"):
        prepare_folder(folder)


def test_a_link_or_a_file_is_no_folder(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "private")
    (tmp_path / "file").touch(mode=0o600)
    for name in ("link", "file"):
        with pytest.raises(CannotStart, match="where a folder was expected"):
            prepare_folder(tmp_path / name)
    with pytest.raises(CannotStart, match="cannot be made: Not a directory"):
        prepare_folder(tmp_path / "file" / "server")


def test_files_are_made_private(tmp_path, open_umask):
    os.close(open_own_file(tmp_path / "own", OPEN))
    with sole_server_of(tmp_path):
        assert {path.name: mode(path) for path in tmp_path.iterdir()} == {"own": 0o600, "pid": 0o600}


def plant(path, kind):
    path.touch(mode=0o600)
    if kind == "open":
        path.chmod(0o640)
    elif kind == "another's":
        os.chown(path, 65534, -1)
    elif kind == "second name":
        os.link(path, path.with_name("elsewhere"))
    elif kind == "link":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
    elif kind == "pipe":
        path.unlink()
        os.mkfifo(path, 0o600)


PLANTED = {
    "open": "mode 0640",
    "another's": "belongs to another account",
    "second name": "has a second name",
    "link": "cannot be opened",
    "pipe": "ordinary file",
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=needs_root if "'" in kind else ()) for kind in PLANTED])
@pytest.mark.parametrize("name", ["store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm", "pid", "server.log"])
def test_planted_files_are_refused(tmp_path, name, kind):
    plant(tmp_path / name, kind)
    with pytest.raises(CannotStart, match=PLANTED[kind]):
        if name.startswith("store"):
            Store.in_folder(tmp_path)
        elif name == "pid":
            with sole_server_of(tmp_path):
                pass
        else:
            process._log_to(tmp_path / name)


@pytest.mark.slow
def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir(mode=0o755)
    own = ["--folder", str(folder)]
    for status, said in failing(tmp_path, ["run", *own], ["add-account", "--role", "analyst", "--name", "eve", *own]):
        assert status == 1
        assert said.startswith("he_helpers.server: The folder") and said.count("\n") == 1
        assert "has mode 0755" in said
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_every_file_of_a_running_server_is_private(start_server, tokens, table, folder, open_umask):
    server = start_server()
    assert server.upload(tokens["ann"], "accounts", table).status_code == 201
    found = {path.name: mode(path) for path in folder.rglob("*")}
    assert set(found) >= {"address", "pid", "server.log", "store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm"}
    assert set(found.values()) == {0o600}
