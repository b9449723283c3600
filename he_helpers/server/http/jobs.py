"""The server's work on bytes that others sent, as jobs for workers: what a job does to its worker becomes a problem.

The server's own process hands bytes on and parses none of them.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import IO, Any

from he_helpers.server.http.problems import Problem
from he_helpers.workers.errors import (
    JobTimedOut,
    JobTooLarge,
    Refusal,
    WorkerDied,
    WorkerError,
    WorkersBusy,
    WorkersUnavailable,
)
from he_helpers.workers.limits import Limits
from he_helpers.workers.pool import WorkerPool

# Of the release server and of the scoring service.
TASKS, SCORING_TASKS = "he_helpers.server.process.tasks", "he_helpers.server.process.scoring_tasks"
# Far above what a table of the largest size needs, so that only what goes astray meets them.
LIMITS = Limits(seconds=120, processor_seconds=60, memory=2**30, answer=2**28)


class EndedItsWorker(Problem):
    """A job that ended its worker; ``what`` says in the words of a sentence's end what it did.

    ``by_itself`` tells that what was processed is to blame. A machine with too much else to do also makes a job exceed
    its time on the clock, and ends processes (SIGKILL) when it has no memory left.
    """

    def __init__(self, what: str, reason: str, by_itself: bool) -> None:
        self.what, self.by_itself = what, by_itself
        remedy = "Make it again with this course's helpers, and send what to_bytes() returned."
        if not by_itself:
            remedy = f"The server may have too much to do: send it again later. Where that does not help: {remedy}"
        super().__init__(
            "processing-failed",
            f"Processing the content {what}. Nothing of it was stored. {remedy}",
            reason=reason,
        )


@dataclass(frozen=True)
class ReadDataset:
    """What a worker tells of an uploaded table. With a ``secret`` in it (its kind), the rest is empty."""

    secret: str | None = None
    description: dict[str, Any] = field(default_factory=dict)
    label_part: bytes = b""


class Jobs:
    """The jobs of a server, run by the workers of ``pool``. ``client`` is whose turn a job takes.

    Each method raises Problem: what its task in he_helpers.server.release.evaluation or score_evaluation raises;
    processing-failed (an EndedItsWorker) when the job ended its worker; too-many-requests and busy.
    """

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    @classmethod
    @cache
    def of_this_process(cls, tasks: str) -> "Jobs":
        """With workers that start with the first job and end with this process; the same ones at each call.

        tasks: TASKS or SCORING_TASKS.
        """
        return cls(WorkerPool(tasks))

    def read_dataset(self, client: str, content: bytes | IO[bytes]) -> ReadDataset:
        """Search an uploaded table for secrets, and read it."""
        return ReadDataset(**self._run("read_dataset", client, content=content))

    def find_secret(self, client: str, content: bytes | IO[bytes]) -> str | None:
        """The kind of secret in a body that is not to be read otherwise; None: there is none."""
        return self._run("find_secret", client, content=content)["secret"]

    def check_query(
        self,
        client: str,
        label_part: bytes,
        query: dict[str, Any],
        minimum_group_size: int,
        contributor_label: str | None,
    ) -> None:
        """Raise Problem if the table of this label part cannot or must not answer the query."""
        self._run(
            "check_query",
            client,
            label_part=label_part,
            query=query,
            minimum_group_size=minimum_group_size,
            contributor_label=contributor_label,
        )

    def compute_aggregate(self, client: str, content: bytes | IO[bytes], query: dict[str, Any]) -> bytes:
        """The bytes of the aggregate."""
        return self._run("compute_aggregate", client, content=content, query=query)["aggregate"]

    def compute_score(self, client: str, model: bytes, body: bytes | IO[bytes]) -> bytes:
        """The answer to a scoring message, as JSON. ``model`` is a LinearModel as JSON."""
        return self._run("compute_score", client, model=model, body=body)["answer"]

    def _run(self, task: str, client: str, **members: Any) -> dict[str, Any]:
        try:
            return self._pool.run(task, client=client, limits=LIMITS, **members)
        except Refusal as refusal:
            raise Problem(refusal.kind, refusal.message, **refusal.members) from None
        except (WorkerDied, JobTimedOut, JobTooLarge) as error:
            raise EndedItsWorker(*_what_it_did(error)) from None
        except WorkersBusy as error:
            kind = "too-many-requests" if error.too_many else "busy"
            raise Problem(kind, str(error)) from None
        except WorkersUnavailable:
            raise Problem(
                "busy", "The server cannot process anything at the moment. Try again later, or tell its operator."
            ) from None


def _what_it_did(error: WorkerError) -> tuple[str, str, bool]:
    """In words, as a word for programs, and whether by itself."""
    if isinstance(error, JobTimedOut):
        return "took longer than a job may", "time", not error.on_the_clock
    if isinstance(error, JobTooLarge):
        return "needed more memory than a job may have", "memory", True
    signal_name = error.signal_name if isinstance(error, WorkerDied) else None
    return f"ended the process that did it ({signal_name or 'exit'})", "crash", signal_name != "SIGKILL"
