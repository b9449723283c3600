"""Install sets of the lock into the interpreter that runs this module.

Every file is checked against the hashes of requirements.lock, and what no mark vouches for is installed anew, whether
that version is there already or not. Wheels come first; then Pyfhel, which has no wheel, is compiled from its source
archive with the tools of the `build` set, in a process beside this one.
"""

import hashlib
import importlib.util
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from he_helpers.installation import notebook_filter, record
from he_helpers.installation.errors import InstallationError
from he_helpers.installation.installers import pip, pyfhel, uv
from he_helpers.installation.installers.compiler import require_compiler
from he_helpers.installation.lockfile import BUILD, LEARNER, Entry, known_sets, read_entries, select

_UV = "uv"


def install(project: Path, sets: Sequence[str], wait: bool = True) -> None:
    """Bring this interpreter to the lock of `project` for `sets`; the learner's set always comes with them.

    wait: return when Pyfhel is compiled, too. Otherwise it goes on compiling when this returns, and whoever imports
    it waits. Returns at once when all has been done before with the same lock. Raises InstallationError when it cannot
    be done. What is finished is recorded last, so the next call repeats a run that failed or was interrupted.
    """
    entries = read_entries((project / "requirements.lock").read_text())
    wanted = list(dict.fromkeys([LEARNER, *sets]))
    select(entries, wanted)
    record.make_folder()
    if not pyfhel.is_compiled(entries):
        require_compiler()
    with record.alone("packages"):
        _install_packages(project, entries, wanted)
    pyfhel.start(entries, project)
    if wait:
        pyfhel.finish(entries, project)
    elif not pyfhel.is_compiled(entries):
        print("Pyfhel goes on compiling beside (3 to 8 minutes); the cells that need it wait for it.", flush=True)


def _install_packages(project: Path, entries: Sequence[Entry], wanted: Sequence[str]) -> None:
    """Install the wheels of the sets that have no mark, and mark them. Marks of other sets stay."""
    digests = {name: _digest(project, select(entries, [name, BUILD])) for name in known_sets(entries)}
    done = [name for name in digests if record.is_done(name, digests[name])]
    missing = [name for name in wanted if name not in done]
    if not missing:
        return
    # What another lock has installed is about to be mixed with this one.
    record.drop_marks(set(digests) - set(done))
    began = time.monotonic()
    print(f"Setting up {' and '.join(missing)} in {sys.prefix} (log: {record.log_of_packages()}).", flush=True)
    record.log_of_packages().write_text("")
    _require_pip(record.log_of_packages())
    if LEARNER in missing:
        # It would go on with tools that are about to be replaced.
        pyfhel.stop()
    settled = select(entries, [*done, BUILD]) if done else []
    chosen = [entry for entry in select(entries, [*missing, BUILD]) if entry not in settled]
    _install_wheels([entry for entry in chosen if entry.name != pyfhel.PYFHEL], record.log_of_packages())
    _make_importable(project)
    notebook_filter.register(project)
    for name in missing:
        record.mark_as_done(name, digests[name])
    print(f"Set up in {time.monotonic() - began:.0f} s.", flush=True)


def _digest(project: Path, entries: Sequence[Entry]) -> str:
    """What an installation depends on: the locked entries, where the project lies, and the interpreter."""
    parts = [*(entry.text for entry in entries), str(project), sys.version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _require_pip(log: Path) -> None:
    """Make sure of pip: an environment whose creation was interrupted has none yet."""
    if importlib.util.find_spec("pip") is None:
        with log.open("a") as output:
            run = subprocess.run([sys.executable, "-m", "ensurepip"], stdout=output, stderr=subprocess.STDOUT)
        if run.returncode:
            raise InstallationError(f"{sys.executable} has no pip. Start afresh: make clean lab")


def _install_wheels(entries: Sequence[Entry], log: Path) -> None:
    """Install uv, and everything else by it; by pip where uv cannot, whose error is then the one to read."""
    print(f"- {len(entries)} packages (half a minute to two minutes) ...", flush=True)
    if fast := "".join(entry.text for entry in entries if entry.name == _UV):
        pip.install(fast, ["--only-binary=:all:"], log)
    others = "".join(entry.text for entry in entries if entry.name != _UV)
    if not uv.install(others, log):
        pip.install(others, ["--only-binary=:all:"], log)


def _make_importable(project: Path) -> None:
    """Name the project to this interpreter: `import he_helpers` then works from any folder, notebooks too."""
    Path(sysconfig.get_path("purelib"), "he_course.pth").write_text(f"{project}\n")
