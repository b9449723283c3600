"""Call pip quietly: what it says goes to a log, and a failure is explained in a sentence."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from he_helpers.installation.errors import InstallationError

_TAIL = 25
_CAUSES = (
    (
        r"NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|ProxyError|is unreachable",
        "The package index could not be reached. Check the network and, if you need one, the proxy "
        "(HTTPS_PROXY); another index is set with PIP_INDEX_URL.",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "A downloaded file is not the one that requirements.lock names (its SHA-256 differs); it was not "
        "installed. Try again without pip's cache (PIP_NO_CACHE_DIR=1); if that fails, distrust the index.",
    ),
    (
        r"No space left on device",
        "The disk is full: the environment takes about 1 GB, the build of Pyfhel another 0.5 GB for a while.",
    ),
    (
        r"externally-managed-environment|Permission denied",
        "This interpreter does not accept packages. Use an environment of the course's own: make lab",
    ),
    (
        r"No matching distribution found",
        "The package index has no file of a locked version for this Python and platform. The course supports "
        "Linux and macOS on x86-64 and arm64.",
    ),
)


def install(
    requirements: str,
    options: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> None:
    """Install exactly the locked `requirements`, text of a requirements file with hashes, and nothing else.

    What is installed already is installed anew, from a file whose hash is checked: pip would take a package of the
    right version as it finds it, changed or not. `environment` is added to the variables of pip's process, which
    inherits `descriptors`. Raises InstallationError when pip fails.
    """
    # Beside the log, where it is found again by the next call when this one is killed.
    file = log.with_suffix(".txt")
    file.write_text(requirements)
    with log.open("a") as output:
        start = output.tell()
        command = [
            sys.executable,
            "-m",
            "pip",
            "--no-input",
            "--disable-pip-version-check",
            "install",
            "--no-deps",
            "--require-hashes",
            "--force-reinstall",
            *options,
            "-r",
            str(file),
        ]
        run = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})},
            pass_fds=descriptors,
        )  # fmt: skip
    if run.returncode:
        with log.open() as output:
            output.seek(start)
            raise InstallationError(_explain(output.read(), log))


def _explain(said: str, log: Path) -> str:
    """The likely cause of a failure, with the last lines that pip said about it."""
    # pip names every folder of a local index that lacks the package; that says nothing about a failure.
    lines = [line for line in said.splitlines() if line.strip() and "is ignored: it is neither" not in line]
    cause = next((sentence for pattern, sentence in _CAUSES if re.search(pattern, said)), "pip failed.")
    tail = "\n".join("  " + line for line in lines[-_TAIL:])
    return f"{cause}\nThe last lines of {log}:\n{tail}"
