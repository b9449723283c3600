"""The server as a process: its limits, its log, its clean end."""

import ctypes
import gc
import io
import ipaddress
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from flask import Flask

from he_helpers.files import write_private
from he_helpers.server.http.connection import Limits
from he_helpers.server.http.jobs import SCORING_TASKS, TASKS, Jobs
from he_helpers.server.http.serving import Server
from he_helpers.server.release.routes import create_app
from he_helpers.server.storage.folder import CannotStart, open_own_file, prepare_folder, sole_server_of
from he_helpers.server.storage.quotas import Quotas
from he_helpers.server.storage.store import Store
from he_helpers.workers.errors import WorkersUnavailable
from he_helpers.workers.pool import WorkerPool

_LOOK_SECONDS = 1
# Of server.log, and of the one before it, server.log.1: some 300,000 lines each.
_LARGEST_LOG = 32 * 2**20
_PR_SET_PTRACER = 0x59616D61
_PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)


def run_server(
    folder: Path,
    host: str,
    port: int,
    database: str | None,
    largest_body: int,
    workers: int,
    quotas: Quotas,
    inspectable: bool = False,
    not_only_this_machine: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, with at most so many ``workers`` (see he_helpers.server.http.jobs).

    While the server runs, ``folder`` holds ``address`` (its URL) and ``pid``. ``server.log``, when it was full once
    ``server.log.1``, and the database, unless ``database`` names another one, stay there.

    Raises CannotStart.
    """
    address = _checked_address(host, not_only_this_machine)
    with _alone_in(folder, largest_body, inspectable):
        store = Store(database, quotas, folder) if database else Store.in_folder(folder, quotas)
        try:
            with _jobs(TASKS, workers, inspectable) as jobs:
                _serve(create_app(store, largest_body, jobs), folder, address, port, largest_body)
        finally:
            store.close()


def run_scoring(
    folder: Path,
    models: Path,
    host: str,
    port: int,
    largest_body: int,
    workers: int,
    inspectable: bool = False,
    not_only_this_machine: bool = False,
) -> None:
    """Serve the models in the folder ``models`` (see he_helpers.server.scoring.routes) until SIGTERM or SIGINT.

    ``folder`` holds ``address``, ``pid`` and the log as for `run_server`, and nothing else.

    Raises CannotStart.
    """
    # Here, because models bring numpy with them, which the release server does not need.
    from he_helpers.server.scoring.routes import create_scoring_app

    if not models.is_dir():
        raise CannotStart(f"There is no folder of models {models}. Create it, and put a file NAME.json into it.")
    address = _checked_address(host, not_only_this_machine)
    with (
        _alone_in(folder, largest_body, inspectable),
        _jobs(SCORING_TASKS, workers, inspectable) as jobs,
    ):
        _serve(create_scoring_app(models, largest_body, jobs), folder, address, port, largest_body)


@contextmanager
def _alone_in(folder: Path, largest_body: int, inspectable: bool) -> Iterator[None]:
    """The limits that every server of this package sets itself, its folder and its log."""
    if largest_body < 1:
        raise CannotStart("--largest-body is a number of bytes, at least 1.")
    # A core dump would put every token and body that is in memory onto a disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if inspectable:
        _let_others_read_memory()
    prepare_folder(folder)
    signal.signal(signal.SIGTERM, _stop)
    with sole_server_of(folder):
        _log_to(folder / "server.log")
        own = (folder / "pid").stat()
        threading.Thread(target=_end_with, args=(folder / "pid", own), daemon=True).start()
        yield


def _end_with(file: Path, own: os.stat_result) -> None:
    """End this process when ``file``, its ``own``, is gone: nobody finds the server any more, nor what it stores."""
    while True:
        time.sleep(_LOOK_SECONDS)
        try:
            there = os.path.samestat(file.stat(), own)
        except (FileNotFoundError, NotADirectoryError):
            there = False
        except OSError:
            # A file system that does not answer, or a folder that was closed: neither says that the file is gone.
            continue
        if not there:
            os.kill(os.getpid(), signal.SIGTERM)
            return


@contextmanager
def _jobs(tasks: str, workers: int, inspectable: bool) -> Iterator[Jobs]:
    """Jobs with workers for ``tasks`` of which one is ready; they end with this.

    Two are kept, so that nobody waits for a start, seconds long, while one works for somebody else.
    """
    if workers < 1:
        raise CannotStart("--workers is a number of processes, at least 1; 2 or more, so that nobody can hold all.")
    pool = WorkerPool(tasks, least=min(2, workers), most=workers, inspectable=inspectable)
    try:
        pool.start()
        yield Jobs(pool)
    except WorkersUnavailable as error:
        raise CannotStart(str(error)) from None
    finally:
        pool.close()


def _serve(app: Flask, folder: Path, address: str, port: int, largest_body: int) -> None:
    try:
        server = Server(app, address, port, Limits.of_bodies(largest_body), folder)
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {address} port {port}: {error.strerror or error}. "
            "Another program may use the port; choose another one, or --port 0 for any free one."
        ) from None
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: server.stop())
    actual_host = f"[{server.effective_host}]" if ":" in server.effective_host else server.effective_host
    # What was imported stays, and need not be looked through (see he_helpers.server.__main__).
    gc.freeze()
    gc.enable()
    told = folder / "address"
    write_private(told, f"http://{actual_host}:{server.effective_port}\n".encode())
    try:
        server.run()
    finally:
        told.unlink(missing_ok=True)
        server.close()


def _checked_address(host: str, not_only_this_machine: bool) -> str:
    """The address that ``host`` stands for, looked up once: a later answer could be another one. Raises CannotStart."""
    try:
        # What a name stands for is decided by a file or a service of the machine, "localhost" included.
        found = socket.getaddrinfo(host or "0.0.0.0", None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CannotStart(f"The host {host} has no address ({error.strerror or error}). Use 127.0.0.1.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses):
        if not not_only_this_machine:
            raise CannotStart(
                f"The host {host} can be reached from other machines, and this server speaks plain HTTP. "
                "Use 127.0.0.1, or say --not-only-this-machine and put a proxy with TLS in front."
            )
        print(f"Listening on {host}: put a proxy with TLS in front, tokens travel in the clear.", file=sys.stderr)
    return addresses[0]


def _let_others_read_memory() -> None:
    # For the course only: notebook 17 searches this process's memory for secrets, to prove that there are
    # none. Linux with Yama lets only ancestors do that; this call extends it to every process of the same
    # user. Elsewhere the call does not exist, and is not needed.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY, 0, 0, 0)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    # Until the server itself listens to signals.
    raise SystemExit(0)


class _Log(RotatingFileHandler):
    """Lines in a file of the server's own, which makes way for a new one when it is full; the one before is kept.

    Each request gives a line, also those of strangers, who must not fill the disk with them.
    """

    def _open(self) -> io.TextIOWrapper:
        file = open_own_file(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return os.fdopen(file, "a", encoding="utf-8")


def _log_to(path: Path) -> None:
    handler = _Log(path, maxBytes=_LARGEST_LOG, backupCount=1)
    formatter = logging.Formatter("%(asctime)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    handler.setFormatter(formatter)
    for name in ("he_helpers.server", "he_helpers.workers"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
