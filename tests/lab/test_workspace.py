"""The workspace's folders, the server's process, and entering a role, with real processes."""

import os
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from he_helpers import lab
from he_helpers.files import ExposedFile, UnreadableFile
from he_helpers.lab.workspace import server_process
from he_helpers.lab.workspace.server_process import (
    ServerNotStarted,
    find_or_start_server,
    start_server,
    status_of,
    stop_server,
)
from he_helpers.lab.workspace.workspace import (
    PROJECT,
    ROLE_VARIABLE,
    WORKSPACE_VARIABLE,
    NoWorkspace,
    UnknownRole,
    Workspace,
    WrongRole,
    enter_role,
    environment_for,
)
from tests.waiting import wait_until

# No server here computes anything.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("idle_servers")]


@pytest.fixture(autouse=True)
def no_role(monkeypatch):
    # Set first, so that the variable is gone again afterwards even when a test enters a role.
    monkeypatch.setenv(ROLE_VARIABLE, "")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace in which nothing has happened."""
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "workspace"))
    workspace = Workspace()
    yield workspace
    os.environ[ROLE_VARIABLE] = ""
    stop_server(workspace)


@pytest.fixture(scope="module")
def entered(tmp_path_factory):
    """A workspace in which two people have worked where files are made for everybody, and the server that each found.

    They entered at the same moment, and nothing had happened before.
    """
    workspace = Workspace(tmp_path_factory.mktemp("course") / "workspace")
    code = "from he_helpers import lab\nprint(lab.enter({!r}, notebook={!r}).server)"
    before = os.umask(0)
    try:
        with ThreadPoolExecutor(2) as pool:
            people = [("administrator", "04"), ("research", "12")]
            entering = [pool.submit(python, workspace, code.format(*person)) for person in people]
            # A server that kept a notebook's pipes open would let these wait for ever.
            servers = [found.result() for found in entering]
    finally:
        os.umask(before)
    yield workspace, servers
    stop_server(workspace)


@pytest.fixture(scope="module")
def course(entered):
    """The same workspace, which the tests of the server share; each finds the server running or starts it."""
    return entered[0]


@pytest.fixture
def served(course, monkeypatch):
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(course.root))
    start_server(course)
    return course


@pytest.fixture
def stopped(course, monkeypatch):
    """The same workspace, in which the server has run once and runs no longer."""
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(course.root))
    stop_server(course)
    return course


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def python(workspace, code, role=None):
    """Runs `code` in a process of its own; returns what it printed. Fails when it wrote on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_for(workspace, role),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_default_is_in_the_project(monkeypatch):
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    assert Workspace().root == PROJECT / "workspace"
    assert (PROJECT / "he_helpers").is_dir()


def test_folders_are_made_for_their_owner_only(workspace):
    assert not workspace.root.exists()
    folders = [workspace.folder(role) for role in ("administrator", "analyst", "server")] + [workspace.handover]
    assert [folder.name for folder in folders] == ["administrator", "analyst", "server", "handover"]
    assert {mode(folder) for folder in [workspace.root, *folders]} == {0o700}
    enter_role("analyst")
    assert workspace.passphrase("analyst")
    assert mode(workspace.root / "in_mind") == 0o700
    assert mode(workspace.root / "in_mind" / "analyst") == 0o600


def test_a_notebook_without_a_role_has_a_folder_which_is_closed_to_every_role(workspace):
    assert workspace.folder(None, make=False) == workspace.root / "nobody"
    assert not workspace.root.exists()
    assert mode(workspace.folder(None)) == 0o700
    enter_role("analyst")
    with pytest.raises(WrongRole, match="of nobody in particular is closed to you.*acts as the analyst.*notebook"):
        workspace.folder(None)
    with pytest.raises(WrongRole):
        workspace.folder("administrator", make=False)


def test_a_workspace_that_another_account_has_made_is_refused(workspace, monkeypatch):
    enter_role("analyst")
    planted = workspace.passphrase("analyst")
    for attempt in (
        lambda: workspace.passphrase("analyst"),
        lambda: workspace.folder("analyst"),
        lambda: workspace.handover,
    ):
        with monkeypatch.context() as another_account, pytest.raises(ExposedFile, match="another account") as caught:
            another_account.setattr(os, "geteuid", lambda: os.getuid() + 1)
            attempt()
        assert planted not in str(caught.value)


@pytest.mark.parametrize("name", ["", "in_mind", "in_mind/analyst"])
def test_what_others_can_change_is_refused(workspace, name):
    enter_role("analyst")
    workspace.passphrase("analyst")
    path = workspace.root / name
    path.chmod(mode(path) | 0o002)
    with pytest.raises(ExposedFile, match="chmod"):
        workspace.passphrase("analyst")
    path.chmod(mode(path) & ~0o002)
    assert workspace.passphrase("analyst")


def test_links_in_the_workspace_are_refused(workspace, tmp_path):
    enter_role("analyst")
    workspace.passphrase("analyst")
    (tmp_path / "elsewhere").write_text("a passphrase that somebody else knows")
    (tmp_path / "elsewhere").chmod(0o600)
    known = workspace.root / "in_mind" / "analyst"
    known.unlink()
    known.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnreadableFile):
        workspace.passphrase("analyst")
    (tmp_path / "folder").mkdir(mode=0o700)
    (workspace.root / "analyst").symlink_to(tmp_path / "folder")
    with pytest.raises(UnreadableFile, match="symbolic link"):
        workspace.folder("analyst")


def test_everything_is_for_its_owner_only_whatever_the_umask(course):
    paths = [course.root, *course.root.rglob("*")]
    made = {"server_address", "store.sqlite3", "analyst.encryption_key.json", "diabetes_risk.json"}
    assert {path.name for path in paths} >= made
    assert {path: oct(mode(path)) for path in paths if mode(path) != (0o700 if path.is_dir() else 0o600)} == {}


def test_two_that_enter_at_once_find_one_server(entered):
    workspace, servers = entered
    assert servers == [start_server(workspace)] * 2


def test_a_process_in_a_role_is_refused_the_others_folders(workspace):
    enter_role("administrator")
    assert workspace.folder("administrator").is_dir()
    assert workspace.handover.is_dir()
    with pytest.raises(WrongRole, match="acts as the administrator.*handover/.*HTTP.*%%role analyst"):
        workspace.folder("analyst")
    with pytest.raises(WrongRole):
        workspace.folder("server")
    assert not (workspace.root / "analyst").exists()


def test_only_its_own_role_knows_a_passphrase(workspace):
    with pytest.raises(WrongRole, match="has entered no role"):
        workspace.passphrase("analyst")
    enter_role("analyst")
    known = workspace.passphrase("analyst")
    assert len(known) >= 32
    assert Workspace().passphrase("analyst") == known
    with pytest.raises(WrongRole, match="acts as the analyst"):
        workspace.passphrase("administrator")


def test_two_processes_agree_on_a_new_passphrase(workspace):
    code = "from he_helpers.lab.workspace.workspace import Workspace\nprint(Workspace().passphrase('analyst'))"
    with ThreadPoolExecutor(4) as pool:
        known = set(pool.map(lambda _: python(workspace, code, "analyst"), range(4)))
    assert len(known) == 1
    assert [file.name for file in (workspace.root / "in_mind").iterdir()] == ["analyst"]


def test_a_new_process_has_no_threads_for_large_matrices(workspace, monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert environment_for(workspace, None)["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert environment_for(workspace, "analyst")["OPENBLAS_NUM_THREADS"] == "2"


def test_an_unknown_role_lists_the_roles(workspace):
    with pytest.raises(UnknownRole, match="'auditor'.*administrator, analyst, server"):
        workspace.folder("auditor")
    with pytest.raises(UnknownRole):
        enter_role("auditor")
    with pytest.raises(UnknownRole):
        lab.enter("auditor")
    assert not workspace.root.exists()


def test_entering_gives_a_seat_that_shows_no_path_and_no_address(served):
    seat = lab.enter("administrator")
    assert seat.folder == served.root / "administrator"
    assert seat.handover == served.handover
    assert seat.server.startswith("http://127.0.0.1:")
    assert seat.passphrase() == served.passphrase("administrator")
    assert repr(seat) == "<Seat of the administrator>"
    assert (served.handover / "server_address").read_text().strip() == seat.server
    assert lab.enter("administrator") == seat
    with pytest.raises(WrongRole, match="Restart the kernel"):
        lab.enter("analyst")


def test_a_notebook_without_a_role_has_no_folder_and_no_passphrase(served):
    seat = lab.enter(None)
    assert (seat.role, seat.folder) == (None, None)
    assert repr(seat) == "<Seat without a role>"
    with pytest.raises(WrongRole, match="has no role"):
        seat.passphrase()


def test_tokens_are_private_and_work(served):
    address = start_server(served)
    for role in ("administrator", "analyst"):
        file = served.folder(role) / "token"
        assert mode(file) == 0o600
        assert status_of(f"{address}/v1/datasets", file.read_text()) == 200
    assert status_of(f"{address}/v1/datasets", "guessed") == 401


def test_a_role_does_not_start_the_server_in_its_own_process(served):
    enter_role("analyst")
    with pytest.raises(WrongRole):
        start_server(served)
    with pytest.raises(WrongRole):
        stop_server(served)
    assert status_of(f"{find_or_start_server(served)}/v1/health") == 200


def test_a_role_is_told_why_the_server_did_not_start(served):
    token = served.folder("analyst") / "token"
    token.rename(token.with_name("kept"))
    enter_role("analyst")
    try:
        with pytest.raises(ServerNotStarted, match="analyst/token is gone.*Restore the file"):
            find_or_start_server(served)
    finally:
        token.with_name("kept").rename(token)


@pytest.mark.parametrize("after", [False, True], ids=["before it is there", "when it is there"])
def test_an_interruption_while_an_account_is_made_loses_no_token(workspace, monkeypatch, after):
    from he_helpers.server.release import accounts
    from he_helpers.server.storage.store import Store

    # The accounts are the subject: the server itself is not started.
    monkeypatch.setattr(server_process._Server, "launch", lambda self: "http://127.0.0.1:1")
    add = accounts.add_account
    made = []

    def interrupted(store, name, role, token=None):
        if name == "analyst" and not made:
            made.append(name)
            if after:
                add(store, name, role, token)
            raise KeyboardInterrupt
        return add(store, name, role, token)

    monkeypatch.setattr(accounts, "add_account", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start_server(workspace)
    start_server(workspace)
    token = workspace.folder("analyst") / "token"
    store = Store.in_folder(workspace.folder("server"))
    try:
        account = accounts.find_account(store, token.read_text())
    finally:
        store.close()
    assert account is not None and account.name == "analyst"
    assert not token.with_name("token.new").exists()


class _Stranger(BaseHTTPRequestHandler):
    """A server of somebody else at the address where ours was; it writes down the tokens that it is shown."""

    seen: list[str] = []

    def do_GET(self):
        self.seen.append(self.headers.get("Authorization", ""))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_stale_files_as_after_a_restart_of_the_machine(stopped):
    tokens = [(stopped.folder(role) / "token").read_text() for role in ("administrator", "analyst")]
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as stranger,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent,
    ):
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        theirs = f"http://127.0.0.1:{stranger.server_port}"
        (stopped.folder("server") / "address").write_text(theirs)
        (stopped.folder("server") / "pid").write_text(str(innocent.pid))
        assert not stop_server(stopped)
        address = start_server(stopped)
        assert address != theirs
        assert innocent.poll() is None
        stranger.shutdown()
        innocent.stdin.close()
    assert not any(_Stranger.seen)
    assert [status_of(f"{address}/v1/datasets", token) for token in tokens] == [200, 200]


def test_a_killed_server_is_replaced(served):
    process = int((served.folder("server") / "pid").read_text())
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not server_process._Server(served)._lives())
    assert status_of(f"{start_server(served)}/v1/health") == 200
    assert int((served.folder("server") / "pid").read_text()) != process


def test_a_server_that_lives_and_does_not_answer_is_left_alone(served, monkeypatch):
    process = int((served.folder("server") / "pid").read_text())
    monkeypatch.setattr(server_process, "_START_SECONDS", 0.2)
    monkeypatch.setattr(server_process, "_ANSWER_SECONDS", 0.2)
    os.kill(process, signal.SIGSTOP)
    try:
        with pytest.raises(ServerNotStarted, match="has not answered for 0.2 s.*server_process stop"):
            start_server(served)
    finally:
        os.kill(process, signal.SIGCONT)
    assert int((served.folder("server") / "pid").read_text()) == process


def test_a_server_whose_database_was_removed_gets_new_accounts(stopped):
    for file in stopped.folder("server").glob("store.sqlite3*"):
        file.unlink()
    address = start_server(stopped)
    for role in ("administrator", "analyst"):
        token = (stopped.folder(role) / "token").read_text()
        assert status_of(f"{address}/v1/datasets", token) == 200


def test_the_command_line(served, capfd):
    assert server_process.main(["start"]) == 0
    assert capfd.readouterr().out.strip() == start_server(served)
    assert server_process.main(["stop"]) == 0
    assert server_process.main(["stop"]) == 0
    assert capfd.readouterr().out == "The server is stopped.\nThe server was not running.\n"


def test_a_server_that_does_not_start_shows_the_end_of_its_log(workspace, monkeypatch):
    broken = [sys.executable, "-c", "import sys; sys.exit('the disk is full')"]
    monkeypatch.setattr(server_process._Server, "make_accounts", lambda self: None)
    monkeypatch.setattr(server_process._Server, "_command", lambda self: broken)
    with pytest.raises(ServerNotStarted, match="ended with status 1(.|\n)*the disk is full"):
        start_server(workspace)


def test_a_server_of_a_start_that_was_interrupted_is_found_though_it_came_late(stopped, started):
    """Whoever starts it again sees no server yet, and starts another one, which finds the folder taken."""
    server = server_process._Server(stopped)
    with ThreadPoolExecutor(2) as pool:
        first, second = [pool.submit(server.launch) for _ in range(2)]
    assert first.result() == second.result() == server.address()
    # Not before: where the first one was stopped meanwhile, it would take its place.
    wait_until(lambda: any(process.poll() is not None for process in started))
    assert len(started) == 2


def test_a_server_that_does_not_answer_is_ended(workspace, monkeypatch):
    monkeypatch.setattr(server_process, "_START_SECONDS", 0.5)
    monkeypatch.setattr(server_process._Server, "make_accounts", lambda self: None)
    monkeypatch.setattr(server_process._Server, "_command", lambda self: ["sleep", "60"])
    with pytest.raises(ServerNotStarted, match="did not answer within 0.5 s"):
        start_server(workspace)
    assert not stop_server(workspace)


def test_beginning_anew_takes_away_what_the_course_made_and_nothing_else(served, capfd, monkeypatch):
    workspace, address = served, start_server(served)
    workspace.folder(None)
    kept = workspace.root / "my notes.txt"
    kept.write_text("mine")
    assert server_process.main(["fresh"]) == 0
    assert "begins anew" in capfd.readouterr().out
    assert status_of(f"{address}/v1/health") is None
    assert list(workspace.root.iterdir()) == [kept]
    kept.unlink()
    assert server_process.main(["fresh"]) == 0
    assert not workspace.root.exists()
    monkeypatch.setenv(ROLE_VARIABLE, "analyst")
    with pytest.raises(WrongRole, match="acts as the analyst"):
        workspace.clear()


def test_a_workspace_that_cannot_be_made_names_the_variable(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "file" / "workspace"))
    said = f"cannot be made.*export {WORKSPACE_VARIABLE}="
    with pytest.raises(NoWorkspace, match=said):
        Workspace().folder("administrator")
    with pytest.raises(ServerNotStarted, match=said):
        lab.enter(None)
    assert server_process.main(["start"]) == 1
    assert f"export {WORKSPACE_VARIABLE}=" in capfd.readouterr().err


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="no 'entr'. It has: .*enter"):
        lab.entr  # noqa: B018
    assert "load_table" in dir(lab)
