"""Pyfhel is compiled while the course is under way already: until it is there, all that does not need it works."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# What is about Pyfhel, and about all of the libraries at once.
NEED_PYFHEL = {
    "he_helpers.schemes.public.pyfhel",
    "he_helpers.schemes.secret.pyfhel",
    "he_helpers.lab.running.bench",
    "he_helpers.lab.libraries.library_abilities",
    "he_helpers.lab.libraries.library_contestants",
}
WITHOUT_PYFHEL = "import sys; sys.modules['Pyfhel'] = None\n"
IMPORT_EVERYTHING = """
import importlib, pkgutil, he_helpers
for module in pkgutil.walk_packages(he_helpers.__path__, "he_helpers."):
    # What workers do: the server's installs its import guard, which refuses to stand beside the roles, and all load at
    # once what is installed (below).
    if module.name.endswith(("__main__", ".process.registry", "tasks")):
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name == "Pyfhel":
            print(module.name)
        else:
            # The one library that is no part of the set-up.
            assert error.name == "openfhe", error
"""
USE_THE_OTHERS = """
from he_helpers.schemes.secret import paillier, secret_key_from_bytes, tenseal_bfv
from he_helpers.schemes.public import load_public_key
for scheme in (tenseal_bfv(), paillier()):
    pair = secret_key_from_bytes(scheme.generate_keys().secret.to_bytes())
    key = load_public_key(pair.public.to_bytes())
    print(pair.secret.decrypt(key.load_ciphertext(key.encrypt([1, 2]).to_bytes())).tolist())
"""

# Pyfhel is not there yet, and who asks all finders for it waits until it is compiled.
WHILE_IT_COMPILES = """
import sys
from importlib.machinery import PathFinder
import he_helpers
find = PathFinder.find_spec
PathFinder.find_spec = classmethod(lambda cls, name, *more: None if name == "Pyfhel" else find(name, *more))
class Compiling:
    def find_spec(name, path=None, target=None):
        if name == "Pyfhel":
            print("waited")
sys.meta_path.insert(0, Compiling)
"""

ASK_ALL_FINDERS = """
from importlib.util import find_spec
try:
    find_spec("Pyfhel")
except ImportError as error:
    print(type(error).__name__)
"""


def run(code):
    # What is imported stays: looking for garbage in it meanwhile, and at the end, would take a third of the time.
    code = f"import gc; gc.disable()\n{code}\ngc.freeze()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def without_pyfhel():
    """What a process without Pyfhel prints: first that of the other libraries, then that of all imports."""
    return run(WITHOUT_PYFHEL + USE_THE_OTHERS + IMPORT_EVERYTHING)


def test_the_other_libraries_can_be_used(without_pyfhel):
    assert without_pyfhel[:2] == ["[1, 2]", "[1, 2]"]


def test_every_other_module_can_be_imported(without_pyfhel):
    assert set(without_pyfhel[2:]) == NEED_PYFHEL


@pytest.mark.parametrize(
    ("tasks", "first"),
    [
        ("he_helpers.server.process.tasks", "check_query"),
        ("he_helpers.server.process.scoring_tasks", "compute_score"),
        ("he_helpers.quarantine.tasks", "compute_aggregate"),
    ],
)
def test_workers_start_while_pyfhel_compiles(tasks, first):
    """They load Pyfhel at their start where it is there, and wait for nothing where it is not."""
    ready = f"import {tasks}; print(sorted({tasks}.TASKS)[0])"
    assert run(WHILE_IT_COMPILES + ready) == [first]


def test_who_asks_for_pyfhel_while_it_compiles_waits():
    assert run(WHILE_IT_COMPILES + ASK_ALL_FINDERS) == ["waited", "PyfhelNotThere"]
