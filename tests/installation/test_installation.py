"""The lock and pyproject.toml agree; the installer selects and refuses as it says.

Each agreement is checked by a function that returns a list of complaints: empty for the files of the
repository, and not empty for a copy that has been tampered with in a way that the function is there to find.
"""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement

from he_helpers.installation import compile_lock
from he_helpers.installation.errors import InstallationError
from he_helpers.installation.installers import compiler, pip, pyfhel
from he_helpers.installation.installers.compiler import require_compiler
from he_helpers.installation.interpreter import require_supported_python
from he_helpers.installation.lockfile import BUILD, LEARNER, Entry, known_sets, read_entries, select
from he_helpers.lab.libraries.trials import TRIALS, Row, check_libraries

PROJECT = Path(__file__).resolve().parents[2]
SWITCHES = ("SEAL_BUILD_DEPS", "SEAL_USE_MSGSL", "SEAL_USE_ZLIB", "SEAL_USE_ZSTD")


@pytest.fixture(scope="module")
def lock() -> str:
    return (PROJECT / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def pyproject() -> str:
    return (PROJECT / "pyproject.toml").read_text()


@pytest.fixture(scope="module")
def environment() -> str:
    return (PROJECT / "environment.yml").read_text()


def requirement_name(requirement: str) -> str:
    """The normalised name in a requirement: `import_linter>=2` gives `import-linter`."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def complaints_about_pyproject(pyproject: str, lock: str) -> list[str]:
    """Every direct dependency is locked for each Python, at a version that it allows, under its set's tag."""
    declared = tomllib.loads(pyproject)["project"]
    sets = {LEARNER: declared["dependencies"], **declared["optional-dependencies"]}
    entries = read_entries(lock)
    found = []
    for name, requirements in sets.items():
        for requirement in map(Requirement, requirements):
            for python in ("3.11", "3.12", "3.13"):
                here = [
                    entry
                    for entry in entries
                    if entry.name == requirement_name(requirement.name) and holds(entry, python)
                ]
                if len(here) != 1:
                    found.append(f"{requirement} has {len(here)} entries for Python {python}")
                elif here[0].version not in requirement.specifier:
                    found.append(f"{requirement} is locked at {here[0].version}")
                elif name not in here[0].sets:
                    found.append(f"{requirement} is not tagged {name}")
    if unknown := known_sets(entries) - set(sets):
        found.append(f"the lock has sets that pyproject.toml has not: {sorted(unknown)}")
    return found


def holds(entry: Entry, python: str) -> bool:
    """True when the entry is meant for this Python on Linux."""
    platform = {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"}
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    return not entry.marker or Marker(entry.marker).evaluate({**platform, **versions})


def complaints_about_lock(lock: str) -> list[str]:
    """Every entry has hashes and a set; nothing names an index or a place on somebody's machine."""
    found = []
    for entry in read_entries(lock):
        if not entry.hashes:
            found.append(f"{entry.name} has no hash")
        if not entry.sets:
            found.append(f"{entry.name} belongs to no set")
    for line in lock.splitlines():
        if re.search(r"://|--(extra-)?index|--find-links|--trusted-host|(^|\s)/\w", line):
            found.append(f"a place in the lock: {line}")
    return found


def complaints_about_toolchain(text: str) -> list[str]:
    """The four switches are forced off in the cache."""
    if 'OFF CACHE BOOL "" FORCE' not in text:
        return ["the switches are not forced off"]
    named = re.search(r"foreach\(switch ([A-Z_ ]+)\)", text)
    return [f"{switch} is missing" for switch in SWITCHES if named is None or switch not in named[1].split()]


def test_pyproject_and_lock_agree(pyproject, lock):
    assert complaints_about_pyproject(pyproject, lock) == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("pyproject", '"phe",', '"phe>=99",'),
        ("pyproject", '"phe",', '"phe", "another-library",'),
        ("pyproject", '"pytest", ', '"pytest<2", '),
        ("lock", "\nphe==", "\nphony==99.0 \\\n    --hash=sha256:00\n    # set: learner\nphee=="),
        ("lock", "# set: learner\n", "# set: checks\n"),
        ("lock", "# set: learner\n", "# set: learners\n"),
    ],
)
def test_a_disagreement_of_pyproject_and_lock_is_found(pyproject, lock, file, old, new):
    text = {"pyproject": pyproject, "lock": lock}
    assert old in text[file]
    text[file] = text[file].replace(old, new)
    assert complaints_about_pyproject(text["pyproject"], text["lock"])


def test_lock_is_hashed_and_names_no_place(lock):
    assert complaints_about_lock(lock) == []


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lock: re.sub(r"(?m)^(phe==\S+) \\\n(    --hash=.*\n)+", r"\1\n", lock),
        lambda lock: lock.replace("    # set: learner\n", "", 1),
        lambda lock: "# --index-url https://index.example/simple\n" + lock,
        lambda lock: "# --index-url=wheels\n" + lock,
        lambda lock: lock.replace("# via", "# from /home/somebody, via", 1),
    ],
)
def test_a_flaw_of_the_lock_is_found(lock, tamper):
    assert tamper(lock) != lock
    assert complaints_about_lock(tamper(lock))


def test_conda_installs_no_python_package_itself(environment):
    dependencies = yaml.safe_load(environment)["dependencies"]
    names = {re.split("[=<>]", dependency)[0] for dependency in dependencies if isinstance(dependency, str)}
    assert (len(dependencies), names) == (4, {"python", "pip", "make", "cxx-compiler"})


def test_every_dependency_has_a_comment(pyproject):
    declared = tomllib.loads(pyproject)["project"]
    for requirement in [*declared["dependencies"], *declared["optional-dependencies"]["checks"]]:
        assert re.search(rf'^    "{re.escape(requirement)}",  # \w', pyproject, re.MULTILINE), requirement


def test_build_tools_are_exact(pyproject):
    tools = tomllib.loads(pyproject)["project"]["optional-dependencies"][BUILD]
    assert tools and all(re.fullmatch(r"[a-z]+==[\d.]+", tool) for tool in tools)


def test_toolchain_forces_the_switches_off():
    text = pyfhel.TOOLCHAIN.read_text()
    assert complaints_about_toolchain(text) == []
    for switch in SWITCHES:
        assert complaints_about_toolchain(text.replace(switch, "")) == [f"{switch} is missing"]
    assert complaints_about_toolchain(text.replace("FORCE", ""))


LOCK = """\
# head
alpha==1.0 \\
    --hash=sha256:{0} \\
    --hash=sha256:{1}
    # via he-course
    # set: learner, checks
beta-2==2.0rc1 ; python_full_version < '3.12' \\
    --hash=sha256:{0}
    # set: build
gamma==3 \\
    --hash=sha256:{1}
    # set: checks
""".format("a" * 64, "b" * 64)


def test_entries_are_read():
    alpha, beta, gamma = read_entries(LOCK)
    assert (alpha.name, alpha.version, alpha.marker) == ("alpha", "1.0", "")
    assert alpha.hashes == ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
    assert alpha.sets == {"learner", "checks"}
    assert (beta.name, beta.version, beta.marker) == ("beta-2", "2.0rc1", "python_full_version < '3.12'")
    assert "# head\n" + alpha.text + beta.text + gamma.text == LOCK


def test_a_set_is_selected():
    entries = read_entries(LOCK)
    assert [entry.name for entry in select(entries, ["learner"])] == ["alpha"]
    assert [entry.name for entry in select(entries, ["checks", "build"])] == ["alpha", "beta-2", "gamma"]
    with pytest.raises(InstallationError, match="no set labs. It has: build, checks, learner."):
        select(entries, ["labs"])


def test_a_line_without_a_version_is_refused():
    with pytest.raises(InstallationError, match="has 'delta>=1' where `name==version`"):
        read_entries(LOCK + "delta>=1\n")


def test_a_learner_gets_no_checks(lock):
    names = {entry.name for entry in select(read_entries(lock), [LEARNER, BUILD])}
    assert {"tenseal", "pyfhel", "phe", "jupyterlab", "cmake"} <= names
    assert not {"pytest", "scipy", "ruff", "nbval", "hypothesis"} & names


def test_no_parser_is_locked_that_every_import_of_nbformat_would_build_for_a_second(lock):
    names = {entry.name for entry in read_entries(lock)}
    assert "jsonschema" in names and "rfc3987-syntax" not in names


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0), (2, 7, 18)])
def test_python_outside_the_range_is_refused(version):
    with pytest.raises(InstallationError, match=r"Python 3.11 to 3.13 is needed[\s\S]+PYTHON=python3.12"):
        require_supported_python(version)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_python_inside_the_range_is_accepted(version):
    require_supported_python(version)


def test_a_missing_compiler_is_refused(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    with pytest.raises(InstallationError, match="no C[+][+] compiler[\\s\\S]+apt install g[+][+]"):
        require_compiler()


@pytest.mark.slow
def test_the_compiler_of_this_machine_is_accepted(tmp_path, monkeypatch):
    require_compiler()
    # The control: it does compile.
    monkeypatch.setenv("CXXFLAGS", f"-include {tmp_path / 'nowhere.h'}")
    with pytest.raises(InstallationError, match="nowhere.h"):
        require_compiler()


def test_a_compiler_that_fails_is_refused(monkeypatch):
    monkeypatch.setenv("CXX", f"{sys.executable} -c 'import sys; sys.exit(\"no omp.h\")'")
    with pytest.raises(InstallationError, match="It said:\n  no omp.h\n[\\s\\S]+dnf install"):
        require_compiler()


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("... NewConnectionError('<...>: Failed to establish a new connection') ...", "could not be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "SHA-256 differs"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for tenseal==0.3.18", "Linux and macOS"),
    ],
)
def test_a_failure_of_pip_is_explained(tmp_path, monkeypatch, said, cause):
    fake_pip = f"import sys; print({said!r}); sys.exit(1)"
    monkeypatch.setattr(pip.subprocess, "run", _as_python(fake_pip))
    log = tmp_path / "installation.log"
    log.write_text("an earlier line\n")
    with pytest.raises(InstallationError) as refusal:
        pip.install("alpha==1.0\n", [], log)
    assert cause in str(refusal.value)
    assert said in str(refusal.value) and "earlier" not in str(refusal.value)


def _as_python(program: str):
    """A stand-in for subprocess.run that runs `program` whatever it is asked to run."""
    run = subprocess.run
    return lambda command, **options: run([sys.executable, "-c", program], **options)


@pytest.mark.parametrize(
    ("working", "arguments", "chosen"),
    [
        (["python3", "python3.12"], [], "python3"),
        (["python3.12", "python3.11"], [], "python3.12"),
        (["python3", "python3.12"], ["PYTHON=python3.12"], "python3.12"),
        (["python3"], ["PYTHON=python3.12"], None),
        ([], [], None),
    ],
)
def test_make_takes_the_first_python_that_works(tmp_path, working, arguments, chosen):
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        stand_in = tmp_path / name
        making = f'[ "$1" = -c ] || {{ mkdir -p "$4/bin" && echo {name} > "$4/bin/python"; }}'
        stand_in.write_text(f"#!/bin/sh\n{making if name in working else 'exit 127'}\n")
        stand_in.chmod(0o755)
    made = tmp_path / "venv" / "bin" / "python"
    run = subprocess.run(
        ["make", "-f", str(PROJECT / "Makefile"), f"VENV={tmp_path}/venv", str(made), *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={"PATH": f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"},
    )
    if chosen is None:
        assert run.returncode and "make PYTHON=python3.12 lab" in run.stderr and not made.exists()
    else:
        assert run.returncode == 0 and made.read_text() == f"{chosen}\n"


def test_make_test_runs_each_folder_of_tests_once():
    said = subprocess.run(["make", "--dry-run", "test"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    calls = [line for line in said.splitlines() if "pytest" in line and "--nbval" not in line]
    named = [word for line in calls for word in line.split() if word.startswith("tests/")]
    there = [path for path in PROJECT.glob("tests/*") if path.match("test_*.py") or any(path.rglob("test_*.py"))]
    assert sorted(named) == sorted(str(path.relative_to(PROJECT)) for path in there)
    assert len(calls) == 5


def test_the_head_of_the_lock_is_that_of_make_lock_and_names_a_file_that_is_there():
    lock = (PROJECT / "requirements.lock").read_text()
    assert lock.startswith(compile_lock._HEAD)
    [named] = re.findall(r"CMAKE_TOOLCHAIN_FILE=\$PWD/(\S+)", lock)
    assert PROJECT / named == pyfhel.TOOLCHAIN and pyfhel.TOOLCHAIN.is_file()


@pytest.mark.slow
def test_the_check_tries_every_library(pyproject):
    declared = {requirement_name(line) for line in tomllib.loads(pyproject)["project"]["dependencies"]}
    under_jupyter = {"voila", "ipykernel", "jupyter-client", "ipython", "traitlets", "tqdm", "nbclient", "nbformat"}
    under_jupyter |= {"pygments", "psutil", "jsonschema"}
    assert {name.lower() for name in TRIALS} == declared - under_jupyter
    assert [row for row in check_libraries() if row.works != "yes"] == []


def test_the_check_says_what_does_not_work(monkeypatch):
    monkeypatch.setattr(
        "he_helpers.lab.libraries.trials.TRIALS",
        {
            "phe": "raise RuntimeError('broken')",
            "numpy": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "no-such-library": "",
            "pandas": "import time; time.sleep(600)",
            "flask": "raise SystemExit(3)",
            "h11": "import os; os._exit(4)",
            "httpx": "print('no', flush=True)",
        },
    )
    monkeypatch.setattr("he_helpers.lab.libraries.trials._LIMIT_SECONDS", 3)
    broken, crashed, missing, late, left, ended, works = check_libraries()
    assert isinstance(broken, Row) and broken.works == "no: RuntimeError: broken"
    assert crashed.works == "no: it crashed with signal 11"
    assert missing == Row("no-such-library", "-", "no: it is not installed; run `make lab`")
    assert late.works == "no: it did not answer within 3 s"
    assert left.works == "no: SystemExit: 3"
    assert ended.works == "no: it ended its process with status 4"
    assert works == Row("httpx", version("httpx"), "yes")
