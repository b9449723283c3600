"""Every error that the package raises to its callers has one base."""

import importlib
import inspect
import pkgutil

import he_helpers
from he_helpers.errors import HEError

# With all that derives from them: answered by the server over HTTP; raised before anything is installed; caught within
# the advice; caught within the pool of workers, on both ends of its socket; caught within the check of a learner's
# function, which must not catch it; caught within the run of a submission.
APART = {
    "Problem",
    "InstallationError",
    "DoesNotFit",
    "Ended",
    "Garbled",
    "TooLarge",
    "Unsendable",
    "TooLong",
    "_Ended",
}
# Programs; what needs a library that is optional; what workers import, which changes their process (the server's import
# guard, contexts that are kept) and defines no error.
NOT_IMPORTED = (
    *(".__main__", ".library_openfhe"),
    *(".process.registry", ".process.tasks", ".process.scoring_tasks", ".quarantine.tasks"),
)


def _error_classes() -> dict[str, type]:
    found = {}
    for module in pkgutil.walk_packages(he_helpers.__path__, "he_helpers."):
        if module.name.endswith(NOT_IMPORTED):
            continue
        for name, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(member, BaseException) and member.__module__.startswith("he_helpers."):
                found[name] = member
    return found


def test_every_error_derives_from_the_base():
    classes = _error_classes()
    assert {"TableError", "RoleError", "ImpossibleJob", "WrongRole", "DamagedBytes"} < set(classes)
    strays = {name: member for name, member in classes.items() if not issubclass(member, HEError)}
    assert APART <= set(strays)
    assert [name for name, member in strays.items() if not APART & {base.__name__ for base in member.__mro__}] == []


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
