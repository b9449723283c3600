"""Make requirements.lock from pyproject.toml (run as a module by `make lock`).

uv resolves everything at once, so that all sets agree on one version of each package, and then each set again
with that result as its constraints, which tells the entries of the set. Versions that are locked stay as they
are; the option --upgrade takes the newest ones.
"""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

from he_helpers.installation.lockfile import LEARNER, read_entries

_PROJECT = Path(__file__).resolve().parents[2]
_RESOLVER = ["pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--fork-strategy=fewest"]
_HEAD = """\
# Made by `make lock` from pyproject.toml, for Python 3.11 to 3.13. The installer takes the sets that it is
# asked for (`# set:` in each entry). Plain pip installs all of it at once:
#   export CMAKE_TOOLCHAIN_FILE=$PWD/he_helpers/installation/installers/seal_offline.cmake
#   pip install --require-hashes -r requirements.lock
"""


def compile_lock(project: Path, options: list[str]) -> None:
    """Write requirements.lock of `project`, at the very end; `options` go to uv."""
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    sets = {LEARNER: declared["dependencies"], **declared["optional-dependencies"]}
    lock = project / "requirements.lock"
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "requirements.txt")
        if lock.exists():
            whole.write_text(lock.read_text())
        options = [*options, "--generate-hashes", "--all-extras", "--no-header", "--output-file", str(whole)]
        _uv([*options, "pyproject.toml"], project)
        entries = read_entries(whole.read_text())
        members = {
            name: {entry.name for entry in read_entries(_resolve(requirements, whole, project))}
            for name, requirements in sets.items()
        }
    text = _HEAD
    for entry in entries:
        tags = ", ".join(name for name in sets if entry.name in members[name])
        text += re.sub(r" \(pyproject\.toml\)$", "", entry.text, flags=re.MULTILINE) + f"    # set: {tags}\n"
    lock.write_text(text)


def _resolve(requirements: list[str], constraints: Path, project: Path) -> str:
    """The lines `name==version` that `requirements` come to under `constraints`."""
    options = ["--constraints", str(constraints), "--no-header", "--no-annotate", "-"]
    return _uv(options, project, "\n".join(requirements))


def _uv(options: list[str], project: Path, requirements: str | None = None) -> str:
    """Run uv's resolver in `project` and return what it prints; its errors go to the terminal."""
    path = sysconfig.get_path("scripts") + os.pathsep + os.environ.get("PATH", os.defpath)
    run = subprocess.run(
        ["uv", *_RESOLVER, *options],
        cwd=project,
        input=requirements,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": path},
    )
    if run.returncode:
        sys.exit("uv could not resolve pyproject.toml; nothing was written.")
    return run.stdout


if __name__ == "__main__":
    compile_lock(_PROJECT, sys.argv[1:])
