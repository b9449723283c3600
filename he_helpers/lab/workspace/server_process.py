"""The course's servers: processes of their own, which outlive the notebook that started them.

There is the server of Part I, and a scoring service for each role that owns a model (notebooks 09 and 12).

Every notebook of a workspace uses the same ones. A server goes on running when the notebooks are closed, so
that a dataset uploaded in one is there in the next; it is idle then and costs some memory. To stop them:

    python -m he_helpers.lab.workspace.server_process stop

The next notebook starts it again, with all of its data. A server whose folder is removed ends by itself.

These functions act as the server's operator, so a process that has entered another role calls
`find_or_start_server`, which leaves the work to a process that has not.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from he_helpers.errors import HEError
from he_helpers.files import alone_with, move_file, private_folder, read_private, take_lock, write_private
from he_helpers.lab.workspace.doing import doing
from he_helpers.lab.workspace.workspace import ACCOUNTS, Workspace, environment_for

SCORING_ROLES = ("company", "research")

_START_SECONDS = 120
_STOP_SECONDS = 10
_ANSWER_SECONDS = 5
_POLL_SECONDS = 0.05
_LARGEST_TOKEN = 1024
# The server is on this computer: a proxy that the environment names must not be asked for it.
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerNotStarted(HEError, RuntimeError):
    """The server could not be started, or could not be stopped."""


def find_or_start_server(workspace: Workspace) -> str:
    """The address of the workspace's server, which is started when it does not run. Any role may call this.

    Raises ServerNotStarted with what the operator's process said.
    """
    return _ask_operator(workspace, "server", "start")


def find_or_start_scoring(workspace: Workspace, role: str) -> str:
    """The address of the scoring service of `role`, which is started when it does not run. Any role may call this.

    role: one of SCORING_ROLES. The service acts in that role; its models are the files NAME.json in the folder
    `models` of the role's folder, read at each request. The address is also laid into handover/ROLE_address.

    Raises ServerNotStarted with what the operator's process said.
    """
    return _ask_operator(workspace, f"scoring service of the {role}", "score", role)


def _ask_operator(workspace: Workspace, sought: str, *arguments: str) -> str:
    """What the command line of this module prints, run by a process in no role."""
    with doing(f"Looking for the {sought}, or starting it: a few seconds."):
        done = subprocess.run(
            [sys.executable, "-m", "he_helpers.lab.workspace.server_process", *arguments],
            env=environment_for(workspace, None),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise ServerNotStarted(done.stderr.strip() or f"Starting the server failed with status {done.returncode}.")
    return done.stdout.strip()


def start_server(workspace: Workspace) -> str:
    """Finds the workspace's server or starts it, and returns its address, such as "http://127.0.0.1:8000".

    The first time, it makes the accounts of ACCOUNTS and lays each token into the
    folder of its owner. Raises WrongRole in a process that has entered a role, and ServerNotStarted.
    """
    server = _Server(workspace)
    with server.alone():
        address = server.address()
        if address is None:
            server.stop()
            server.make_accounts()
            address = server.launch()
        write_private(workspace.handover / "server_address", f"{address}\n".encode())
        return address


def start_scoring(workspace: Workspace, role: str) -> str:
    """Finds the scoring service of `role` or starts it, and returns its address.

    Raises WrongRole in a process that has entered a role, ServerNotStarted, and ValueError for a role that has no
    service.
    """
    if role not in SCORING_ROLES:
        raise ValueError(f"The {role} has no scoring service; these have: {', '.join(SCORING_ROLES)}.")
    service = _ScoringService(workspace, role)
    with service.alone():
        address = service.address() or service.launch()
        write_private(workspace.handover / f"{role}_address", f"{address}\n".encode())
        return address


def stop_server(workspace: Workspace) -> bool:
    """Stops the workspace's server and its scoring services; returns whether any of them ran.

    Raises WrongRole in a process that has entered a role, and ServerNotStarted when one does not end.
    """
    servers: list[ServerProcess] = [_Server(workspace)]
    scoring = [role for role in SCORING_ROLES if (workspace.root / role / "service").exists()]
    servers += [_ScoringService(workspace, role) for role in scoring]
    ran = []
    for server in servers:
        with server.alone():
            ran.append(server.stop())
    return any(ran)


def begin_anew(workspace: Workspace) -> None:
    """Stops the workspace's servers and takes away all that the course has made in it, keys included.

    Raises WrongRole in a process that has entered a role, and ServerNotStarted when a server does not end.
    """
    if workspace.root.exists():
        stop_server(workspace)
        workspace.clear()


class ServerProcess:
    """The operator's view of the folder of one server.

    The server's process keeps a lock on its file `pid` for as long as it lives. So a stale file, as after a
    restart of the machine, is never taken for a server, and no other process that happens to have that
    identifier is stopped.
    """

    def __init__(self, workspace: Workspace, role: str, folder: Path) -> None:
        self._workspace = workspace
        self._role = role
        self._folder = folder
        self._errors = self._folder / "stderr.log"

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Keeps other notebooks from starting or stopping the server in the meantime."""
        return alone_with(self._folder)

    def address(self) -> str | None:
        """The address of this workspace's server; None when it does not live, or is not usable.

        Waits for a server that is busy or about to start. Raises ServerNotStarted when it lives and does
        not answer.
        """
        deadline = time.monotonic() + _START_SECONDS
        while self._lives():
            address = self._written_address()
            if address is not None and _healthy(address):
                return address if self._is_usable(address) else None
            if time.monotonic() > deadline:
                raise ServerNotStarted(
                    f"The server's process lives but has not answered for {_START_SECONDS} s. Wait for "
                    "what it does, or stop it: python -m he_helpers.lab.workspace.server_process stop"
                )
            time.sleep(_POLL_SECONDS)
        return None

    def launch(self) -> str:
        """Starts the process, and returns its address when it answers."""
        (self._folder / "address").unlink(missing_ok=True)
        write_private(self._errors, b"")
        with open(self._errors, "ab") as errors:
            process = subprocess.Popen(
                self._command(),
                cwd=self._folder,
                env=environment_for(self._workspace, self._role),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            address = self._written_address()
            if address is not None and _healthy(address):
                return address
            time.sleep(_POLL_SECONDS)
        ended = process.poll()
        if ended is None:
            process.kill()
        # One of a start that was interrupted may have taken the folder meanwhile.
        elif (address := self.address()) is not None:
            return address
        how = f"did not answer within {_START_SECONDS} s" if ended is None else f"ended with status {ended}"
        raise ServerNotStarted(f"The server {how}. What it said at last:\n{_tail(self._errors)}")

    def stop(self) -> bool:
        """Ends the process if it lives; returns whether it did."""
        if not self._lives():
            return False
        written = (self._folder / "pid").read_text(encoding="ascii").strip()
        if not written.isdigit():
            raise ServerNotStarted("The server is only just starting or ending. Try again in a moment.")
        process = int(written)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
            deadline = time.monotonic() + _STOP_SECONDS
            while time.monotonic() < deadline:
                if not self._lives():
                    return True
                time.sleep(_POLL_SECONDS)
        raise ServerNotStarted(f"The server's process {process} does not end. End it by hand and try again.")

    def _lives(self) -> bool:
        try:
            with open(self._folder / "pid", "rb") as file:
                return not take_lock(file.fileno())
        except FileNotFoundError:
            return False

    def _written_address(self) -> str | None:
        try:
            return (self._folder / "address").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def _is_usable(self, address: str) -> bool:
        """Whether a server that answers is the one that is wanted."""
        return True

    def _command(self) -> list[str]:
        raise NotImplementedError


class _Server(ServerProcess):
    """The server of Part I, in the folder of the role `server`."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace, "server", workspace.folder("server"))

    def make_accounts(self) -> None:
        """Makes the accounts that do not exist and lays their tokens down."""
        known = (self._folder / "store.sqlite3").exists()
        missing = [role for role in ACCOUNTS if not (known and self._token_file(role).exists())]
        if not missing:
            return
        # SQLAlchemy takes its time to load, and is needed here the first time only.
        from he_helpers.server.release.accounts import add_account, find_account, new_token
        from he_helpers.server.storage.store import Store

        store = Store.in_folder(self._folder)
        try:
            for role in missing:
                # The token is kept before the account is there: an interruption in between must not lose it.
                kept = self._token_file(role).with_name("token.new")
                if not kept.exists():
                    write_private(kept, new_token().encode("ascii"))
                token = read_private(kept, _LARGEST_TOKEN).decode("ascii")
                if find_account(store, token) is None:
                    add_account(store, role, ACCOUNTS[role], token)
                move_file(kept, self._token_file(role))
        except ValueError as error:
            kept.unlink()
            raise ServerNotStarted(
                f"The file {self._token_file(role)} is gone, and the server knows no more than a hash of the "
                f"token ({error}) Restore the file, or begin anew by stopping the server and removing the "
                f"folder {self._workspace.root}."
            ) from None
        finally:
            store.close()

    def _is_usable(self, address: str) -> bool:
        files = [self._token_file(role) for role in ACCOUNTS]
        return all(
            file.exists() and status_of(f"{address}/v1/datasets", file.read_text(encoding="ascii").strip()) != 401
            for file in files
        )

    def _token_file(self, role: str) -> Path:
        return self._workspace.folder(role) / "token"

    def _command(self) -> list[str]:
        run = [sys.executable, "-m", "he_helpers.server", "run"]
        return [*run, "--folder", str(self._folder), "--port", "0", "--inspectable"]


class _ScoringService(ServerProcess):
    """The scoring service of a role, in the folder `service` beside the role's `models`."""

    def __init__(self, workspace: Workspace, role: str) -> None:
        super().__init__(workspace, role, workspace.folder(role) / "service")
        self._models = workspace.folder(role) / "models"
        for folder in (self._folder, self._models):
            private_folder(folder)

    def _command(self) -> list[str]:
        run = [sys.executable, "-m", "he_helpers.server", "score"]
        return [*run, "--folder", str(self._folder), "--models", str(self._models), "--port", "0"]


def _healthy(address: str) -> bool:
    return status_of(f"{address}/v1/health") == 200


def status_of(url: str, token: str | None = None) -> int | None:
    """The HTTP status of GET `url`; None when nobody answers there."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with _HTTP.open(request, timeout=_ANSWER_SECONDS) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _tail(file: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def main(arguments: list[str] | None = None) -> int:
    """The command line; prints the address after a start."""
    parser = argparse.ArgumentParser(
        prog="python -m he_helpers.lab.workspace.server_process", description="The course's servers."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("start", help="find or start the server")
    verbs.add_parser("score", help="find or start a scoring service").add_argument("role", choices=SCORING_ROLES)
    verbs.add_parser("stop", help="stop the server and the scoring services")
    verbs.add_parser("fresh", help="stop them, and take away the workspace with all keys and datasets")
    options = parser.parse_args(arguments)
    try:
        if options.verb == "start":
            print(start_server(Workspace()))
        elif options.verb == "score":
            print(start_scoring(Workspace(), options.role))
        elif options.verb == "fresh":
            begin_anew(Workspace())
            print("The workspace is empty: the next notebook begins anew, with new keys.")
        else:
            print("The server is stopped." if stop_server(Workspace()) else "The server was not running.")
    except HEError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    # All that there is ends now; Python would look through it first.
    gc.freeze()
    sys.exit(status)
