"""What the server's workers do: whatever parses or computes on bytes that others sent. Imported by workers alone."""

from he_helpers.server.process.import_guard import install_import_guard

# Before anything else is imported, so that nothing of the secret side can come in with it.
install_import_guard()

from collections.abc import Callable  # noqa: E402
from functools import wraps  # noqa: E402
from typing import Any  # noqa: E402

from he_helpers.schemes.public.kept_contexts import keep_contexts  # noqa: E402
from he_helpers.schemes.public.loading import load_libraries  # noqa: E402
from he_helpers.server.http.problems import Problem  # noqa: E402
from he_helpers.server.release import evaluation  # noqa: E402
from he_helpers.server.scoring import evaluation as score_evaluation  # noqa: E402
from he_helpers.workers import Refusal  # noqa: E402

# Now, and not within the time of the first job that needs one.
load_libraries()
# Whoever uploads to a server does so mostly under the same few parameters.
keep_contexts(8)


def _task(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @wraps(function)
    def perform(**members: Any) -> dict[str, Any]:
        try:
            return function(**members)
        except Problem as problem:
            raise Refusal(problem.kind, problem.detail, problem.members) from None

    return perform


TASKS = {
    function.__name__: _task(function)
    for function in (
        evaluation.read_dataset,
        evaluation.find_secret,
        evaluation.check_query,
        evaluation.compute_aggregate,
        score_evaluation.compute_score,
    )
}
