"""Private files: whole or not at all, closed to others, and nothing that somebody else has laid there before."""

import os
import re
import stat
import threading
import time
from pathlib import Path

import pytest

import he_helpers
from he_helpers.errors import HEError
from he_helpers.files import (
    ExposedFile,
    FolderNotMade,
    UnreadableFile,
    alone_with,
    move_file,
    private_folder,
    read_private,
    release_lock,
    take_lock,
    write_private,
    write_whole,
)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path):
    return private_folder(tmp_path / "role")


@pytest.fixture
def as_another_account(monkeypatch):
    """From now on all files look as if somebody else had made them."""
    other = os.geteuid() + 1
    return lambda: monkeypatch.setattr(os, "geteuid", lambda: other)


def test_folders_and_files_are_closed_whatever_the_umask(umask, tmp_path):
    folder = private_folder(tmp_path / "a" / "b" / "role")
    write_private(folder / "secret", b"x")
    for path in (tmp_path / "a", tmp_path / "a" / "b", folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    assert private_folder(folder) == folder and read_private(folder / "secret", 1) == b"x"


@pytest.mark.parametrize("above", ["file", "dangling link", "link to a file", "closed folder"])
def test_a_folder_below_what_is_none_is_refused(tmp_path, above):
    there = tmp_path / "above"
    if above == "file":
        there.write_bytes(b"")
    elif above == "dangling link":
        there.symlink_to(tmp_path / "nothing")
    elif above == "link to a file":
        (tmp_path / "file").write_bytes(b"")
        there.symlink_to(tmp_path / "file")
    elif os.geteuid() == 0:
        pytest.skip("root enters every folder")
    else:
        there.mkdir(mode=0o500)
    for path in (there / "role", there / "more" / "role"):
        with pytest.raises(FolderNotMade, match="above.* cannot be made: .*one of them may be a file"):
            private_folder(path)
    assert not (tmp_path / "nothing").exists()


def test_a_folder_of_another_account_is_refused(folder, as_another_account):
    as_another_account()
    with pytest.raises(ExposedFile, match="belongs to another account"):
        private_folder(folder)


def test_a_file_of_another_account_is_refused(folder, as_another_account):
    write_private(folder / "passphrase", b"planted")
    as_another_account()
    with pytest.raises(ExposedFile, match="belongs to another account"):
        read_private(folder / "passphrase", 100)


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o707, 0o770, 0o755])
def test_a_folder_open_to_others_is_refused(folder, mode):
    folder.chmod(mode)
    with pytest.raises(ExposedFile, match=f"mode {mode:04o}.*chmod 700"):
        private_folder(folder)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_file_open_to_others_is_refused(folder, mode):
    write_private(folder / "secret", b"x")
    (folder / "secret").chmod(mode)
    with pytest.raises(ExposedFile, match=f"mode {mode:04o}.*chmod 600"):
        read_private(folder / "secret", 1)


def test_links_and_other_kinds_are_refused(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling"):
        with pytest.raises(UnreadableFile, match="symbolic link"):
            private_folder(tmp_path / name)
    assert not (tmp_path / "nowhere").exists()
    write_private(folder / "secret", b"x")
    with pytest.raises(UnreadableFile, match="is a file"):
        private_folder(folder / "secret")
    (folder / "to secret").symlink_to(folder / "secret")
    os.mkfifo(folder / "pipe", 0o600)
    for name in ("to secret", "pipe", "missing"):
        with pytest.raises(UnreadableFile):
            read_private(folder / name, 1)
    with pytest.raises(UnreadableFile):
        read_private(folder, 1)
    assert issubclass(UnreadableFile, HEError) and issubclass(ExposedFile, HEError)


def test_a_link_is_replaced_and_not_written_through(folder, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"kept")
    (folder / "secret").symlink_to(tmp_path / "elsewhere")
    write_private(folder / "secret", b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"kept" and read_private(folder / "secret", 3) == b"new"


def test_a_file_above_the_limit_is_not_read(folder):
    write_private(folder / "secret", b"1234")
    assert read_private(folder / "secret", 4) == b"1234"
    with pytest.raises(UnreadableFile, match="at most 3"):
        read_private(folder / "secret", 3)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(folder, monkeypatch):
    write_private(folder / "secret", b"old")

    def fail(*_):
        raise OSError("on purpose")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="on purpose"):
        write_private(folder / "secret", b"new")
    assert [path.name for path in folder.iterdir()] == ["secret"] and read_private(folder / "secret", 3) == b"old"


def test_only_one_is_alone_with_a_folder(folder):
    inside, most = [], []

    def enter():
        with alone_with(folder):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


def test_a_file_of_another_mode_is_written_whole_whatever_the_umask(folder):
    for mode in (0o644, 0o600):
        write_whole(folder / "public", b"text", mode)
        assert stat.S_IMODE((folder / "public").stat().st_mode) == mode
    assert (folder / "public").read_bytes() == b"text"


def test_a_file_that_is_moved_takes_the_place_of_another(folder):
    (folder / "inner").mkdir()
    write_private(folder / "inner" / "new", b"new")
    write_private(folder / "old", b"old")
    move_file(folder / "inner" / "new", folder / "old")
    assert (folder / "old").read_bytes() == b"new"
    assert list((folder / "inner").iterdir()) == []


def test_a_lock_is_taken_at_once_or_not_at_all_and_can_be_shared(folder):
    first, second, third = (os.open(folder, os.O_RDONLY) for _ in range(3))
    try:
        assert take_lock(first, shared=True) and take_lock(second, shared=True)
        assert not take_lock(third)
        release_lock(first)
        assert not take_lock(third)
        os.close(second)
        assert take_lock(third) and not take_lock(first, shared=True)
    finally:
        os.close(first)
        os.close(third)


def test_nothing_else_locks_or_exchanges_files():
    """But for the set-up, which runs before anything is installed."""
    package = Path(he_helpers.__file__).parent
    own_ways = re.compile(r"\bfcntl\b|\bos\.(?:replace|rename|link)\b|\bmkstemp\b")
    found = [path.relative_to(package) for path in package.rglob("*.py") if own_ways.search(path.read_text())]
    assert {path.parts[0] for path in found} == {"files.py", "installation"}
