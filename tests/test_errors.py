"""Every error that the package raises to its callers has one base."""

import importlib
import inspect
import pkgutil

import he_helpers
from he_helpers.errors import HEError

# Answered by the server over HTTP; raised before anything is installed; caught within the advice.
APART = {"Problem", "InstallationError", "DoesNotFit"}


def _error_classes() -> dict[str, type]:
    found = {}
    for module in pkgutil.walk_packages(he_helpers.__path__, "he_helpers."):
        if module.name.endswith((".__main__", ".library_openfhe")):  # a program; needs a library that is optional
            continue
        for name, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(member, BaseException) and member.__module__.startswith("he_helpers."):
                found[name] = member
    return found


def test_every_error_derives_from_the_base():
    classes = _error_classes()
    assert {"TableError", "RoleError", "ImpossibleJob", "WrongRole", "DamagedBytes"} < set(classes)
    strays = {name for name, member in classes.items() if not issubclass(member, HEError)}
    assert strays == APART


def test_errors_that_are_also_of_pythons_own_kind_stay_so():
    classes = _error_classes()
    for kind, names in {
        ValueError: ["InvalidParameters", "InvalidJob", "TableError", "DamagedBytes"],
        RuntimeError: ["CannotStart", "NotebookFailed", "ServerNotStarted"],
        PermissionError: ["WrongRole"],
        ImportError: ["ForbiddenImport"],
    }.items():
        for name in names:
            assert issubclass(classes[name], kind), name
