"""The server with planted tasks: python -m tests.server.planted_server run ..."""

import sys

from he_helpers.server import __main__ as command_line
from he_helpers.server.process import running

running.TASKS = "tests.server.planted_tasks"

if __name__ == "__main__":
    sys.exit(command_line.main())
