"""Derive environment.yml, the conda and repo2docker route, from pyproject.toml and the lock."""

import re
import tomllib
from collections.abc import Sequence

from he_helpers.installation.lockfile import Entry

_BUILT_BY_THE_INSTALLER = "pyfhel"
_HEAD = """\
# Made by `make lock` from pyproject.toml and requirements.lock.
# With conda, in this folder:
#   conda env create -f environment.yml && conda activate he-course
#   python -m he_helpers.installation learner && jupyter lab notebooks/00_start_here.ipynb
# repo2docker reads this file and then runs postBuild. In both cases the installer brings everything to the
# lock, hashes checked, and compiles Pyfhel. That is why Pyfhel is missing below: left to pip alone, its build
# would clone three repositories from a git host.
name: he-course
channels:
  - conda-forge
dependencies:
  - python=3.12  # any of 3.11 to 3.13
  - pip  # the installer
  - make  # the build of Pyfhel
  - cxx-compiler  # the build of Pyfhel
  - pip:
"""


def environment_yml(pyproject: str, entries: Sequence[Entry]) -> str:
    """The text of environment.yml: the learner's direct dependencies at their locked versions.

    `pyproject` is the text of pyproject.toml; the comment behind each dependency there is repeated here.
    Raises ValueError for a dependency that has no comment saying who needs it.
    """
    versions = {entry.name: entry.version for entry in entries}
    lines = []
    for requirement in tomllib.loads(pyproject)["project"]["dependencies"]:
        name = requirement_name(requirement)
        comment = re.search(rf'^ +"{re.escape(requirement)}",  # (.+)$', pyproject, re.MULTILINE)
        if comment is None:
            raise ValueError(f"pyproject.toml: {requirement!r} needs a comment that says who needs it")
        if name != _BUILT_BY_THE_INSTALLER:
            lines.append(f"      - {name}=={versions[name]}  # {comment[1]}\n")
    return _HEAD + "".join(lines)


def requirement_name(requirement: str) -> str:
    """The normalised name in a requirement: `import_linter>=2` gives `import-linter`."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()
