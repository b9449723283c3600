"""The server with frail tasks: python -m tests.fuzz.frail_server run ..."""

import sys

from he_helpers.server import __main__ as command_line
from he_helpers.server.process import running

running.TASKS = "tests.fuzz.frail_tasks"

if __name__ == "__main__":
    sys.exit(command_line.main())
