"""Two accounts of one computer: what one can reach of the work of the other. As root the tests act as both."""

import json
import os
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from he_helpers.lab.stage.role_kernels.kernels import CourseKernel, start_kernel, stop_kernel
from he_helpers.lab.workspace.server_process import start_server, stop_server
from he_helpers.lab.workspace.workspace import ACCOUNTS, ROLE_VARIABLE, Workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc"),
]

ANOTHER = 65534  # nobody, on every Linux
# The other account may not be able to run this interpreter, so the process imports first and changes its account then.
BECOME_ANOTHER = f"""
import encodings.idna, json, os, sys, urllib.error, urllib.request, zmq
context = zmq.Context()
given = json.loads(sys.argv[1])
os.setgroups([])
os.setgid({ANOTHER})
os.setuid({ANOTHER})

def works(action, *arguments):
    try:
        action(*arguments)
    except OSError:
        return False
    return True
"""
REACH_PATHS = """
def read(path):
    os.listdir(path) if os.path.isdir(path) else open(path, "rb").close()

def write(path):
    open(os.path.join(path, "planted") if os.path.isdir(path) else path, "ab").close()

print(json.dumps({path: [works(read, path), works(write, path)] for path in given}))
"""
ASK = """
def status(address, token):
    request = urllib.request.Request(address, headers={"Authorization": "Bearer " + token} if token else {})
    try:
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code

print(json.dumps([status(address, token) for address, token in given]))
"""
LISTEN = """
heard = context.socket(zmq.SUB)
heard.setsockopt(zmq.SUBSCRIBE, b"")
for port in given:
    heard.connect(f"tcp://127.0.0.1:{port}")
print("connected", flush=True)
text = b""
while heard.poll(5000):
    text += b" ".join(heard.recv_multipart())
print(json.dumps(text.decode(errors="replace")))
"""


def another(code, given):
    """What the code prints that runs in the second account, with `given`."""
    command = [sys.executable, "-c", BECOME_ANOTHER + code, json.dumps(given)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd="/")
    return json.loads(run.stdout)


@contextmanager
def folder_of_everybody():
    """A folder that everybody may enter and read: what is closed in it has closed itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(autouse=True, scope="module")
def no_role():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROLE_VARIABLE, "")
        yield


@pytest.fixture
def open_folder():
    with folder_of_everybody() as folder:
        yield folder


@contextmanager
def opened(temporary):
    """A workspace whose server runs, as after notebook 03, and the temporary files that there were in the notebook."""
    assert list(temporary.iterdir()) == [], "what is seen below is of this workspace alone"
    with folder_of_everybody() as folder:
        workspace = Workspace(folder / "workspace")
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tempfile, "tempdir", str(temporary))
                patch.setenv("TMPDIR", str(temporary))
                start_server(workspace)
                manager, client = start_kernel(workspace, None, folder, subprocess.DEVNULL, 60)
            try:
                source = "from he_helpers import lab\nlab.enter('administrator', notebook='03')"
                client.execute_interactive(source, output_hook=lambda message: None, timeout=120)
                made = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in temporary.iterdir()}
            finally:
                stop_kernel(manager, client)
            yield workspace, made
        finally:
            stop_server(workspace)


@pytest.fixture(scope="module")
def temporary():
    with folder_of_everybody() as folder:
        yield folder


@pytest.fixture(scope="module")
def first(temporary, no_role, idle_servers):
    # One for all tests, which only try to reach it.
    with opened(temporary) as first:
        yield first


@pytest.fixture(scope="module")
def second(temporary, first):
    with opened(temporary) as second:
        yield second


@pytest.fixture
def workspace(first):
    return first[0]


def pid_of(workspace):
    return int((workspace.root / "server" / "pid").read_text())


def ports_of(pid):
    """The ports of the network at which the process listens."""
    return [one.laddr.port for one in psutil.Process(pid).net_connections("inet") if one.status == "LISTEN"]


def test_no_file_of_a_workspace_can_be_read_or_written(workspace):
    readable = workspace.root.parent / "of everybody"
    readable.write_text("the control")
    readable.chmod(0o666)
    paths = [str(path) for path in [workspace.root, *workspace.root.rglob("*")]]
    assert len([path for path in paths if path.endswith("/token")]) == len(ACCOUNTS)
    reached = another(REACH_PATHS, [*paths, str(readable)])
    assert {path: how for path, how in reached.items() if any(how)} == {str(readable): [True, True]}


def test_the_server_answers_nobody_without_a_token(workspace):
    address = start_server(workspace)
    asked = [
        ("/v1/health", ""),
        *((path, token) for path in ("/v1/datasets", "/v1/requests") for token in ("", "guess")),
    ]
    statuses = another(ASK, [(address + path, token) for path, token in asked])
    assert statuses == [200, 401, 401, 401, 401]


def test_the_memory_of_the_server_is_closed_although_it_is_inspectable(workspace):
    files = [f"/proc/{pid_of(workspace)}/{name}" for name in ("mem", "environ", "fd")]
    assert another(REACH_PATHS, files) == {file: [False, False] for file in files}
    assert all(os.access(file, os.R_OK) for file in files), "the control: its own account can"


def test_two_workspaces_have_two_servers_at_ports_that_nobody_chose(first, second):
    workspaces = [first[0], second[0]]
    assert len(set(map(start_server, workspaces))) == 2
    for one in workspaces:
        command = psutil.Process(pid_of(one)).cmdline()
        assert command[command.index("--port") + 1] == "0"
        assert len(ports_of(pid_of(one))) == 1


def test_temporary_files_have_names_of_their_own_and_are_closed(first, second):
    for _, made in (first, second):
        assert made and not any(mode & 0o077 for mode in made.values())
    assert not first[1].keys() & second[1].keys()


def heard_of(manager, client):
    """What the second account hears at the ports of a kernel while it prints something."""
    ports = json.dumps(ports_of(manager.provisioner.pid))
    command = [sys.executable, "-c", BECOME_ANOTHER + LISTEN, ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as listening:
        assert listening.stdout.readline() == "connected\n"
        for _ in range(20):
            client.execute_interactive("print('a decrypted', 'amount')", output_hook=lambda message: None)
        return json.loads(listening.communicate(timeout=120)[0])


def test_nothing_of_a_roles_kernel_is_heard(open_folder, monkeypatch):
    manager, client = start_kernel(Workspace(open_folder / "w"), "analyst", open_folder, subprocess.DEVNULL, 60)
    try:
        folder = Path(manager.connection_file).parent
        paths = [str(path) for path in [folder, *folder.iterdir()]]
        assert not any(map(any, another(REACH_PATHS, paths).values()))
        assert heard_of(manager, client) == ""
    finally:
        stop_kernel(manager, client)
    assert not folder.exists()

    # The control: what is heard of a kernel that listens at ports.
    monkeypatch.setattr(CourseKernel, "transport", "tcp")
    manager, client = start_kernel(Workspace(open_folder / "w"), "analyst", open_folder, subprocess.DEVNULL, 60)
    try:
        assert "a decrypted amount" in heard_of(manager, client)
    finally:
        stop_kernel(manager, client)
