"""Install sets of the lock into the interpreter that runs this module.

Every file is checked against the hashes of requirements.lock. Wheels come first; then Pyfhel, which has no
wheel, is built from its source archive with the tools of the `build` set.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from he_helpers.installation import pip
from he_helpers.installation.compiler import require_compiler
from he_helpers.installation.errors import InstallationError
from he_helpers.installation.lockfile import BUILD, LEARNER, Entry, known_sets, read_entries, select

TOOLCHAIN = Path(__file__).with_name("seal_offline.cmake")
_PYFHEL = "pyfhel"


def install(project: Path, sets: Sequence[str]) -> None:
    """Bring this interpreter to the lock of `project` for `sets`; the learner's set always comes with them.

    Returns at once when that has been done before with the same lock. Raises InstallationError when it cannot
    be done. What is finished is recorded last, so the next call repeats a run that failed or was interrupted.
    """
    entries = read_entries((project / "requirements.lock").read_text())
    wanted = dict.fromkeys([LEARNER, *sets])
    chosen = select(entries, [*wanted, BUILD])
    digests = {name: _digest(project, select(entries, [name, BUILD])) for name in known_sets(entries)}
    stamp = Path(sys.prefix, "he-course.installed")
    recorded = json.loads(stamp.read_text()) if stamp.exists() else {}
    done = {name for name, digest in recorded.items() if digests.get(name) == digest}
    if done.issuperset(wanted):
        return

    log = Path(sys.prefix, "installation.log")
    try:
        stamp.unlink(missing_ok=True)
        log.write_text("")
    except PermissionError as error:
        raise InstallationError(
            f"{sys.prefix} cannot be written to. Use an environment of the course's own: make lab"
        ) from error
    began = time.monotonic()
    print(f"Setting up {' and '.join(wanted)} in {sys.prefix} (log: {log.name} there).", flush=True)
    _require_pip(log)
    [pyfhel] = [entry for entry in chosen if entry.name == _PYFHEL]
    must_build = not _pyfhel_works(pyfhel.version)
    if must_build:
        require_compiler()
    _install_wheels([entry for entry in chosen if entry is not pyfhel], log)
    if must_build:
        _build_pyfhel(pyfhel, log)
    _make_importable(project)
    stamp.write_text(json.dumps({name: digests[name] for name in sorted(done.union(wanted))}))
    print(f"Set up in {time.monotonic() - began:.0f} s.", flush=True)


def _digest(project: Path, entries: Sequence[Entry]) -> str:
    """What an installation depends on: the locked entries, how SEAL is built, and where the project lies."""
    parts = [*(entry.text for entry in entries), TOOLCHAIN.read_text(), str(project), sys.version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _require_pip(log: Path) -> None:
    """Make sure of pip: an environment whose creation was interrupted has none yet."""
    if importlib.util.find_spec("pip") is None:
        with log.open("a") as output:
            run = subprocess.run([sys.executable, "-m", "ensurepip"], stdout=output, stderr=subprocess.STDOUT)
        if run.returncode:
            raise InstallationError(f"{sys.executable} has no pip. Start afresh: make clean lab")


def _install_wheels(entries: Sequence[Entry], log: Path) -> None:
    print(f"- {len(entries)} packages (a minute or two) ...", flush=True)
    pip.install("".join(entry.text for entry in entries), ["--only-binary=:all:"], log)


def _build_pyfhel(pyfhel: Entry, log: Path) -> None:
    """Install Pyfhel and see it work; a wheel that pip kept from a build of another kind is built again."""
    print(f"- Pyfhel {pyfhel.version} with SEAL, compiled here (two to four minutes) ...", flush=True)
    # The build finds cmake beside this Python, and must not inherit the options of the make that called us.
    environment = {
        "CMAKE_TOOLCHAIN_FILE": str(TOOLCHAIN),
        "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ.get("PATH", os.defpath),
        "MAKEFLAGS": "",
    }
    options = ["--no-build-isolation", "--no-binary", _PYFHEL]
    pip.install(pyfhel.text, options, log, environment)
    if not _pyfhel_works(pyfhel.version):
        print("- Pyfhel once more: the build that pip had kept does not work here ...", flush=True)
        pip.install(pyfhel.text, [*options, "--no-cache-dir", "--force-reinstall"], log, environment)
    if not _pyfhel_works(pyfhel.version):
        raise InstallationError(
            f"Pyfhel {pyfhel.version} was compiled, but cannot be imported. "
            f"See why: {sys.executable} -c 'import Pyfhel'"
        )


def _pyfhel_works(version: str) -> bool:
    """True when this version of Pyfhel is installed and imports (in a process of its own: it may crash)."""
    importlib.invalidate_caches()
    try:
        if importlib.metadata.version(_PYFHEL) != version:
            return False
    except importlib.metadata.PackageNotFoundError:
        return False
    return subprocess.run([sys.executable, "-I", "-c", "import Pyfhel"], capture_output=True).returncode == 0


def _make_importable(project: Path) -> None:
    """Name the project to this interpreter: `import he_helpers` then works from any folder, notebooks too."""
    Path(sysconfig.get_path("purelib"), "he_course.pth").write_text(f"{project}\n")
