"""Try the C++ compiler before anything is downloaded: Pyfhel needs C++17, OpenMP and Python's headers."""

import os
import platform
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from he_helpers.installation.errors import InstallationError

_PROGRAM = """\
#include <Python.h>
#include <omp.h>
#include <string_view>
int main() { return std::string_view("x").size() == 1 && omp_get_max_threads() > 0 ? 0 : 1; }
"""

_WHAT_TO_INSTALL = """\
Install one, then run the same command again:
  Debian, Ubuntu:  sudo apt install g++ make python3-dev
  Fedora:          sudo dnf install gcc-c++ make python3-devel
  macOS:           xcode-select --install; brew install llvm libomp
                   and, because Apple's compiler lacks OpenMP, in the same shell:
                   export CC="$(brew --prefix llvm)/bin/clang" CXX="$(brew --prefix llvm)/bin/clang++"
                   export CFLAGS="-I$(brew --prefix libomp)/include" CXXFLAGS="$CFLAGS"
                   export LDFLAGS="-L$(brew --prefix libomp)/lib\""""


def require_compiler() -> None:
    """Compile a few lines the way Pyfhel is compiled.

    Raises InstallationError, saying what to install, when that fails.
    """
    compiler = _compiler()
    if compiler is None:
        raise InstallationError(
            "Pyfhel is compiled from source, and no C++ compiler (c++, g++, clang++) was found.\n" + _WHAT_TO_INSTALL
        )
    openmp = ["-Xpreprocessor", "-fopenmp"] if platform.system() == "Darwin" else ["-fopenmp"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "trial.cpp")
        source.write_text(_PROGRAM)
        command = [
            *compiler,
            "-std=c++17",
            *openmp,
            *shlex.split(os.environ.get("CXXFLAGS", "")),
            f"-I{sysconfig.get_path('include')}",
            str(source),
            "-o",
            str(Path(folder, "trial")),
            *shlex.split(os.environ.get("LDFLAGS", "")),
            "-fopenmp",
        ]
        run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        said = "\n".join("  " + line for line in run.stderr.strip().splitlines()[:6])
        raise InstallationError(
            f"Pyfhel is compiled from source, and {compiler[0]} could not compile a C++17 program with "
            f"OpenMP and Python's headers. It said:\n{said}\n{_WHAT_TO_INSTALL}"
        )


def _compiler() -> list[str] | None:
    """The command that CMake would take: $CXX, else the first of the usual names that exists."""
    named = shlex.split(os.environ.get("CXX", ""))
    if named:
        return named if shutil.which(named[0]) else None
    return next(([name] for name in ("c++", "g++", "clang++") if shutil.which(name)), None)
