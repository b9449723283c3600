"""Compile Pyfhel: in a process of its own, beside everything else, one at a time.

The process lives on when the make that started it ends. It holds a lock for as long as it, or the pip that it
called, lives; whoever needs Pyfhel waits for that lock (he_helpers.installation.waiting). A build that was
interrupted leaves no mark, and the next set-up starts it again.

    python -m he_helpers.installation.installers.pyfhel stop      end a build that runs
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from he_helpers.installation import record
from he_helpers.installation.errors import InstallationError
from he_helpers.installation.installers import pip
from he_helpers.installation.lockfile import BUILD, Entry, read_entries, select
from he_helpers.installation.waiting import (
    failure_file,
    is_being_compiled,
    lock_file,
    log_file,
    wait_while_compiling,
    what_to_do,
)

PYFHEL = "pyfhel"
TOOLCHAIN = Path(__file__).with_name("seal_offline.cmake")
PROJECT = Path(__file__).resolve().parents[3]
# The learner works beside it.
_NICENESS = 10
_STOP_SECONDS = 10
_ATTEMPTS_AT_THE_LOCK = 5


def is_compiled(entries: Sequence[Entry]) -> bool:
    """Whether Pyfhel was compiled in this environment from what the lock says now."""
    return record.is_done(PYFHEL, _digest(entries))


def start(entries: Sequence[Entry], project: Path = PROJECT) -> None:
    """Start the process that compiles Pyfhel, unless it is compiled or one runs already. Returns at once."""
    with open(lock_file(), "a") as lock:
        if not _taken(lock.fileno()) or is_compiled(entries):
            return
        failure_file().unlink(missing_ok=True)
        lock.truncate(0)
        log_file().write_bytes(b"")
        with open(log_file(), "ab") as log:
            # The process inherits the lock: there is no moment at which nobody holds it.
            process = subprocess.Popen(
                [sys.executable, "-m", "he_helpers.installation.installers.pyfhel", "build", str(lock.fileno())],
                cwd=project,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        lock.write(f"{process.pid}\n")


def finish(entries: Sequence[Entry], project: Path = PROJECT) -> None:
    """Wait until Pyfhel is compiled, saying how far it is. Raises InstallationError when it cannot be."""
    # The second time, when what ran was a build from an older lock.
    for _ in range(2):
        start(entries, project)
        wait_while_compiling(sys.stdout, lively=sys.stdout.isatty())
        if is_compiled(entries):
            return
        with contextlib.suppress(FileNotFoundError):
            raise InstallationError(failure_file().read_text())
    raise InstallationError(f"The build of Pyfhel was interrupted. {what_to_do()}")


def stop() -> bool:
    """End the build that runs, with all that it started; returns whether one did."""
    try:
        process = int(lock_file().read_text())
    except (FileNotFoundError, ValueError):
        return False
    if not is_being_compiled():
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, number)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            if not is_being_compiled():
                return True
            time.sleep(0.05)
    return True


def build(lock: int) -> None:
    """What the process does. lock: the descriptor of the lock that it has inherited."""
    os.nice(_NICENESS)
    try:
        entries = read_entries((PROJECT / "requirements.lock").read_text())
        [pyfhel] = [entry for entry in entries if entry.name == PYFHEL]
        _install(pyfhel, lock)
        record.mark_as_done(PYFHEL, _digest(entries))
    except (InstallationError, OSError) as error:
        failure_file().write_text(f"Pyfhel could not be compiled. {error}\n{what_to_do()}")
        sys.exit(1)


def _install(pyfhel: Entry, lock: int) -> None:
    """Install Pyfhel and see it work; a wheel that pip kept from a build of another kind is built again."""
    # The build finds cmake beside this Python, and must not inherit the options of the make that called us.
    environment = {
        "CMAKE_TOOLCHAIN_FILE": str(TOOLCHAIN),
        "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ.get("PATH", os.defpath),
        "MAKEFLAGS": "",
        # Python's own flags ask for what a debugger needs, which takes a quarter of the compiler's time. Unlike
        # CXXFLAGS these are added to them, after them.
        "CPPFLAGS": f"{os.environ.get('CPPFLAGS', '')} -g0".strip(),
    }
    # Verbose, because what the compiler says tells how far it is.
    options = ["--verbose", "--no-build-isolation", "--no-binary", PYFHEL]
    pip.install(pyfhel.text, options, log_file(), environment, [lock])
    if not _works(pyfhel.version):
        # The build that pip had kept does not work here.
        pip.install(pyfhel.text, [*options, "--no-cache-dir"], log_file(), environment, [lock])
    if not _works(pyfhel.version):
        raise InstallationError(f"The result cannot be imported. See why: {sys.executable} -c 'import Pyfhel'")


def _works(version: str) -> bool:
    """True when this version of Pyfhel is installed and imports (in a process of its own: it may crash)."""
    # Here, because it loads a third of all that a command begins with which has nothing to build.
    from importlib import metadata

    importlib.invalidate_caches()
    try:
        if metadata.version(PYFHEL) != version:
            return False
    except metadata.PackageNotFoundError:
        return False
    return subprocess.run([sys.executable, "-I", "-c", "import Pyfhel"], capture_output=True).returncode == 0


def _digest(entries: Sequence[Entry]) -> str:
    """What a build depends on: Pyfhel's own entry, the tools, how SEAL is built, and the interpreter."""
    tools = [entry.text for entry in select(entries, [BUILD])]
    [pyfhel] = [entry.text for entry in entries if entry.name == PYFHEL]
    return hashlib.sha256("\0".join([pyfhel, *tools, TOOLCHAIN.read_text(), sys.version]).encode()).hexdigest()


def _taken(lock: int) -> bool:
    """Take the lock; False when a build holds it. Whoever looks whether one runs holds it for a moment, too."""
    for _ in range(_ATTEMPTS_AT_THE_LOCK):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.05)
    return False


if __name__ == "__main__":
    if sys.argv[1:] == ["stop"]:
        print("The build of Pyfhel is stopped." if stop() else "No build of Pyfhel was running.")
    else:
        build(int(sys.argv[2]))
