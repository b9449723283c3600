"""What the tasks of every service have in common. Imported by workers alone, before anything else of the server."""

from he_helpers.server.process.import_guard import install_import_guard

# Before anything else is imported, so that nothing of the secret side can come in with it.
install_import_guard()

from collections.abc import Callable  # noqa: E402
from functools import wraps  # noqa: E402
from typing import Any  # noqa: E402

from he_helpers.schemes.public.kept_contexts import keep_contexts  # noqa: E402
from he_helpers.schemes.public.loading import load_libraries  # noqa: E402
from he_helpers.server.http.problems import Problem  # noqa: E402
from he_helpers.workers.errors import Refusal  # noqa: E402

# Now, and not within the time of the first job that needs one.
load_libraries()
# Whoever uploads to a server does so mostly under the same few parameters.
keep_contexts(8)

_Task = Callable[..., dict[str, Any]]


def tasks_of(*functions: _Task) -> dict[str, _Task]:
    """The functions as tasks of a worker, by their names: a Problem that one raises travels as a Refusal."""
    return {function.__name__: _task(function) for function in functions}


def _task(function: _Task) -> _Task:
    @wraps(function)
    def perform(**members: Any) -> dict[str, Any]:
        try:
            return function(**members)
        except Problem as problem:
            raise Refusal(problem.kind, problem.detail, problem.members) from None

    return perform
