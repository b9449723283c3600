"""The set-up in an environment of its own, with a stand-in for pip that compiles nothing: what it does in which order,
what it leaves when it fails or is interrupted, and how an import waits for Pyfhel. Then both installers of wheels on a
package of one line: what they take and what they refuse.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
import time
import venv
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from he_helpers.files import take_lock
from he_helpers.installation.installers.uv import variables_for
from he_helpers.installation.waiting import per_cent_compiled

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 60

# Says what a real build says, waits for the test, and leaves a package that can be imported. It appends a line to the
# file `calls`: the packages it was asked for.
PIP = """
import pathlib, re, sys, sysconfig, time
control = pathlib.Path(sys.prefix)
if "-r" not in sys.argv:
    sys.exit()
names = re.findall(r"(?m)^([a-z0-9-]+)==", pathlib.Path(sys.argv[-1]).read_text())
with open(control / "calls", "a") as calls:
    print(*names, file=calls)
if set(names) & set((control / "refuse").read_text().split()):
    sys.exit("error: No space left on device")
if names == ["pyfhel"]:
    print("  building 'SEAL' cmake-based library\\n  [ 50%] Building CXX object decryptor.cpp.o", flush=True)
    while not (control / "go").exists():
        time.sleep(0.05)
    packages = pathlib.Path(sysconfig.get_path("purelib"))
    for file, text in [
        ("Pyfhel/__init__.py", "compiled = True"),
        ("pyfhel-3.5.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: pyfhel\\nVersion: 3.5.0\\n"),
    ]:
        (packages / file).parent.mkdir(exist_ok=True)
        (packages / file).write_text(text)
"""


class Environment:
    """An environment that nothing was set up in; its files `go` and `refuse` control the stand-in for pip."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.folder = folder
        self.python = folder / "bin" / "python"
        packages = next(folder.glob("lib/python3*/site-packages"))
        (packages / "pip").mkdir()
        (packages / "pip" / "__init__.py").write_text("")
        (packages / "pip" / "__main__.py").write_text(PIP)
        # The set-up registers a filter with git: not with that of this checkout, whose notebooks it would then break.
        subprocess.run(["git", "init", "--quiet", folder / "git"], check=True)
        # Nothing is compiled here, so no compiler is tried; test_installation tries one.
        self.variables = {**os.environ, "GIT_DIR": str(folder / "git" / ".git"), "CXX": "true"}
        self.refuse()

    def refuse(self, *packages: str) -> None:
        (self.folder / "refuse").write_text(" ".join(packages))

    def let_it_compile(self) -> None:
        (self.folder / "go").write_text("")

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, *arguments],
            cwd=PROJECT,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *arguments], cwd=PROJECT, env=self.variables, capture_output=True, text=True, timeout=SECONDS
        )

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "he_helpers.installation", *arguments)

    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def done(self) -> set[str]:
        return {file.stem for file in (self.folder / "he-course").glob("*.done")}

    def builder(self) -> int:
        return int((self.folder / "he-course" / "pyfhel.lock").read_text())

    def builds(self) -> bool:
        """Whether somebody holds the lock of the build."""
        file = self.folder / "he-course" / "pyfhel.lock"
        if not file.exists():
            return False
        with file.open("rb") as lock:
            return not take_lock(lock.fileno())

    def until(self, holds) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def environment(tmp_path):
    environment = Environment(tmp_path / "venv")
    yield environment
    if environment.builds():
        environment.run("-m", "he_helpers.installation.installers.pyfhel", "stop")


IMPORT = ("-c", "import he_helpers, Pyfhel; print(Pyfhel.compiled)")


def test_the_course_can_begin_while_pyfhel_compiles(environment):
    filters = ("git", "config", "filter.he-course-notebook.clean")
    registered_here = subprocess.run(filters, cwd=PROJECT, capture_output=True).stdout
    began = environment.set_up("--beside", "learner")
    assert str(environment.python) in subprocess.check_output(filters, env=environment.variables, text=True)
    assert subprocess.run(filters, cwd=PROJECT, capture_output=True).stdout == registered_here
    assert began.returncode == 0 and "the cells that need it wait" in began.stdout
    assert environment.done() == {"learner"}
    assert environment.run("-c", "import he_helpers").returncode == 0

    waiting = environment.begin(*IMPORT)
    assert "Pyfhel is still being compiled" in waiting.stderr.readline()
    # No second build is started beside the first, and the set that is there is left alone.
    assert environment.set_up("--beside", "learner").returncode == 0
    assert [call for call in environment.calls() if "pyfhel" in call] == ["pyfhel"]
    assert len(environment.calls()) == 3
    assert waiting.poll() is None
    environment.let_it_compile()
    said, waited = waiting.communicate(timeout=SECONDS)
    assert (said, waiting.returncode) == ("True\n", 0) and "Waited" in waited

    assert environment.done() == {"learner", "pyfhel"}
    assert environment.set_up("learner").stdout == ""
    assert len(environment.calls()) == 3
    assert environment.run(*IMPORT).stderr == ""


def test_whatever_needs_all_waits_and_says_how_far_it_is(environment):
    waiting = environment.begin("-m", "he_helpers.installation", "learner")
    while "Pyfhel is still being compiled" not in (line := waiting.stdout.readline()):
        assert line, "it ended without waiting"
    environment.let_it_compile()
    said, _ = waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == 0 and "Waited" in said
    assert environment.done() == {"learner", "pyfhel"}


def test_a_build_that_fails_is_told_to_everybody_and_tried_again(environment):
    environment.refuse("pyfhel")
    failed = environment.set_up("learner")
    assert failed.returncode == 1
    for said in (failed.stderr, environment.run(*IMPORT).stderr):
        assert "Pyfhel could not be compiled. The disk is full" in said
        assert f"{environment.python} -m he_helpers.installation learner" in said
        assert str(environment.folder / "he-course" / "pyfhel.log") in said
    assert environment.done() == {"learner"}

    environment.refuse()
    environment.let_it_compile()
    assert environment.set_up("learner").returncode == 0
    assert environment.run(*IMPORT).stdout == "True\n"


def test_a_build_that_was_killed_is_no_build_and_is_started_again(environment):
    environment.set_up("--beside", "learner")
    environment.until(lambda: "pyfhel" in environment.calls())
    os.killpg(environment.builder(), signal.SIGKILL)
    said = environment.run(*IMPORT)
    assert said.returncode == 1 and "PyfhelNotThere" in said.stderr and "the set-up was interrupted" in said.stderr

    environment.let_it_compile()
    assert environment.set_up("learner").returncode == 0
    assert environment.calls()[-2:] == ["pyfhel", "pyfhel"]


def test_the_lock_is_held_as_long_as_pip_lives(environment):
    """A builder that was killed alone leaves its pip at work: no second one may begin beside it."""
    environment.set_up("--beside", "learner")
    environment.until(lambda: "pyfhel" in environment.calls())
    os.kill(environment.builder(), signal.SIGKILL)
    assert environment.set_up("--beside", "learner").returncode == 0
    time.sleep(0.5)
    assert environment.calls().count("pyfhel") == 1


def test_a_build_can_be_stopped(environment):
    stop = ("-m", "he_helpers.installation.installers.pyfhel", "stop")
    environment.set_up("--beside", "learner")
    assert environment.run(*stop).stdout == "The build of Pyfhel is stopped.\n"
    assert environment.run(*stop).stdout == "No build of Pyfhel was running.\n"
    assert environment.done() == {"learner"}


def test_a_set_that_fails_leaves_the_marks_of_the_others(environment):
    environment.let_it_compile()
    assert environment.set_up("learner").returncode == 0
    environment.refuse("pytest")
    assert environment.set_up("checks").returncode == 1
    assert environment.done() == {"learner", "pyfhel"}
    environment.refuse()
    assert environment.set_up("checks").returncode == 0
    assert environment.done() == {"checks", "learner", "pyfhel"}
    # Only what the learner's set had not brought.
    assert "pytest" in environment.calls()[-1] and "numpy" not in environment.calls()[-1].split()
    calls = len(environment.calls())
    assert environment.set_up("learner").returncode == environment.set_up("checks").returncode == 0
    assert len(environment.calls()) == calls


def test_a_renewed_lock_is_set_up_again(environment):
    environment.let_it_compile()
    environment.set_up("learner")
    for mark in (environment.folder / "he-course").glob("*.done"):
        mark.write_text("the digest of an older lock")
    environment.refuse("numpy")
    assert environment.set_up("learner").returncode == 1
    # Half of one lock and half of another: no mark may vouch for that.
    assert environment.done() == {"pyfhel"}


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", 0),
        ("  building 'SEAL' cmake-based library\n", 3),
        ("  building 'SEAL' cmake-based library\n  [  2%] Building\n  [ 50%] Building\n", 27),
        ("  building 'SEAL' cmake-based library\n  [100%] Built\n  building 'Afhel' shared library\n", 51),
        ("  building 'Pyfhel.PyPoly' extension\n", 95),
    ],
)
def test_how_far_a_build_is(log, expected):
    assert per_cent_compiled(log) == expected


@pytest.fixture(scope="module")
def real_environment(tmp_path_factory) -> Path:
    """The Python of an environment with pip, with uv where this one has it, and a wheel `alpha` to be found there."""
    folder = tmp_path_factory.mktemp("real")
    venv.create(folder, with_pip=False, symlinks=True)
    # This environment's own pip: unpacking the one that Python brings takes five seconds.
    here, there = Path(sysconfig.get_path("purelib")), next(folder.glob("lib/python3*/site-packages"))
    for part in (here / "pip", *here.glob("pip-*.dist-info")):
        shutil.copytree(part, there / part.name)
    uv = Path(sysconfig.get_path("scripts"), "uv")
    if uv.exists():
        (folder / "bin" / "uv").symlink_to(uv)
    metadata = "alpha-1.0.dist-info"
    with zipfile.ZipFile(folder / "alpha-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("alpha.py", "honest = True\n")
        wheel.writestr(f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\n")
        wheel.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        files = ["alpha.py", *(f"{metadata}/{name}" for name in ("METADATA", "WHEEL", "RECORD"))]
        wheel.writestr(f"{metadata}/RECORD", "".join(f"{name},,\n" for name in files))
    return folder / "bin" / "python"


INSTALL = """
import sys
from pathlib import Path
from he_helpers.installation.installers import pip, uv
requirements, log = f"alpha==1.0 --hash=sha256:{sys.argv[2]}\\n", Path(sys.prefix, "log")
if sys.argv[1] == "uv":
    sys.exit(0 if uv.install(requirements, log) else "uv cannot")
pip.install(requirements, ["--only-binary=:all:"], log)
"""


def install_alpha(python, installer, digest):
    found = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(python.parents[1]), "PIP_CONFIG_FILE": os.devnull}
    # What this machine says about its own index is not asked for.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return subprocess.run(
        [python, "-c", INSTALL, installer, digest],
        cwd=PROJECT, env={**inherited, **found}, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_what_is_there_is_replaced_by_a_file_with_the_locked_hash(real_environment, installer):
    wheel = real_environment.parents[1] / "alpha-1.0-py3-none-any.whl"
    digest = sha256(wheel.read_bytes()).hexdigest()
    assert install_alpha(real_environment, installer, digest).stderr == ""
    [module] = real_environment.parents[1].glob("lib/python3*/site-packages/alpha.py")
    module.write_text("honest = False\n")
    assert install_alpha(real_environment, installer, digest).stderr == ""
    assert module.read_text() == "honest = True\n"


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_file_with_another_hash_is_refused(real_environment, installer):
    refused = install_alpha(real_environment, installer, "0" * 64)
    assert refused.returncode == 1
    assert ("SHA-256 differs" if installer == "pip" else "uv cannot") in refused.stderr
    assert "ash mismatch" in (log := (real_environment.parents[1] / "log").read_text()) or "DO NOT MATCH" in log


def test_pips_settings_are_told_to_uv():
    settings = """:env:.disable-pip-version-check='1'
global.index-url='https://mirror.example/simple'
global.extra-index-url='https://one.example/simple\\nhttps://two.example/simple'
install.find-links='/wheels /more'
"""
    assert variables_for(settings) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_FIND_LINKS": "/wheels,/more",
    }
    assert variables_for(settings + "global.client-cert='/here.pem'\n") is None


def test_uv_follows_the_setting_that_pip_install_would_follow():
    settings = """:env:.index-url='https://variable.example'
download.index-url='https://download.example'
download.client-cert='/here.pem'
global.find-links='/everywhere'
global.index-url='https://file.example'
install.find-links='/install'
"""
    found = variables_for(settings)
    assert (found["UV_DEFAULT_INDEX"], found["UV_FIND_LINKS"]) == ("https://variable.example", "/install")
