"""The walls around untrusted code: the command that starts a process which sees little and reaches nothing.

    processes of a submission ──  messages (JSON over sockets in one folder)  ──  the grader

bubblewrap (Linux) gives the process namespaces of its own: it has no network but its own loopback, sees only its own
processes, and of the files only Python, its packages, the course's helpers and data, all read-only, and a home that
vanishes with it. prlimit (util-linux) bounds the address space of each process, the size of a file and the number of
processes. What this does not keep out is said in TEACHING.md.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from he_helpers.errors import HEError
from he_helpers.lab.workspace.workspace import PROJECT, WORKSPACE_VARIABLE

HOME = "/home/student"
_PROGRAMS = ("bwrap", "prlimit")
# What a program of the system needs: libraries, the time zone. Nothing about accounts or this machine's network.
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
_OF_THE_PROJECT = ("he_helpers", "data")


class NoSandbox(HEError, RuntimeError):
    """Untrusted code cannot be shut in on this machine."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use up.

    address_space, file_size, home: bytes of each process, of each file, and of all files of the submission.
    memory: bytes of resident memory of all its processes, shared pages counted for each. processes: how many at once.
    cell_seconds, seconds: the time of one cell and of a whole run. output: bytes that one cell may print.
    """

    address_space: int = 6 * 2**30
    memory: int = 2 * 2**30
    file_size: int = 256 * 2**20
    home: int = 512 * 2**20
    processes: int = 400
    cell_seconds: int = 60
    seconds: int = 600
    output: int = 4 * 2**20


STANDARD = Limits()


def sandboxed(command: list[str], shared: Path, limits: Limits) -> list[str]:
    """The command that runs `command` between the walls; `shared` is the one folder that both sides may write to.

    Raises NoSandbox where this machine cannot do that.
    """
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        raise NoSandbox(
            f"Submissions are untrusted code, and are run in a sandbox of Linux alone. Missing here: "
            f"{', '.join(missing)}. On Debian and Ubuntu: sudo apt install bubblewrap util-linux. On macOS and Windows "
            "grade in the course's container (TEACHING.md)."
        )
    walls = ["--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000"]
    walls += ["--proc", "/proc", "--dev", "/dev", "--size", str(limits.home), "--tmpfs", "/tmp"]
    walls += ["--size", str(limits.home), "--tmpfs", HOME]
    for path in _read_only():
        walls += ["--ro-bind-try", path, path]
    walls += ["--bind", str(shared), str(shared), "--chdir", HOME, "--clearenv"]
    for name, value in _environment().items():
        walls += ["--setenv", name, value]
    bounds = [f"--as={limits.address_space}", f"--fsize={limits.file_size}", f"--nproc={limits.processes}", "--core=0"]
    # Of root's processes the system counts none, so that `watch` counts them as well.
    return ["bwrap", *walls, "--", "prlimit", *bounds, "--", *command]


def check_sandbox(shared: Path) -> None:
    """Raise NoSandbox, with what the system says, where the walls cannot be put up."""
    run = subprocess.run(
        sandboxed([sys.executable, "-c", ""], shared, STANDARD), capture_output=True, text=True, timeout=60
    )
    if run.returncode:
        said = run.stderr.strip() or f"exit code {run.returncode}"
        raise NoSandbox(
            f"The sandbox for submissions does not start: {said}. It needs user namespaces. On Ubuntu 24.04 and later "
            "the system's own bubblewrap package allows them to bwrap; a container has to be started with "
            "the options that the Dockerfile names (TEACHING.md)."
        )


def _read_only() -> list[str]:
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    parts = [str(PROJECT / part) for part in _OF_THE_PROJECT]
    return [*dict.fromkeys([*_SYSTEM, sys.base_prefix, sys.prefix, *packages, *parts])]


def _environment() -> dict[str, str]:
    return {
        "HOME": HOME,
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        WORKSPACE_VARIABLE: f"{HOME}/workspace",
    }
