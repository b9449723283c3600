"""The server with frail tasks in its own process, without workers: python -m tests.fuzz.bare_server run ..."""

import contextlib
import sys

from he_helpers.server import __main__ as command_line
from he_helpers.server.http.jobs import Jobs
from he_helpers.server.process import running
from he_helpers.server.process.scoring_tasks import TASKS as SCORING_TASKS
from tests.fuzz.frail_tasks import TASKS


class _NoPool:
    def run(self, task, *, client, limits, **members):
        return (TASKS | SCORING_TASKS)[task](**members)


running._jobs = lambda *_: contextlib.nullcontext(Jobs(_NoPool()))

if __name__ == "__main__":
    sys.exit(command_line.main())
