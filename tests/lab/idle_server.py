"""The course's server, whose worker knows no task and so loads no library of encryption, which takes most of its start:
python -m tests.lab.idle_server run ..."""

import gc
import sys

# Of the worker, for which this file is loaded as well.
TASKS = {}

if __name__ == "__main__":
    gc.disable()  # as in the server's own process

    from he_helpers.server import __main__ as command_line
    from he_helpers.server.process import running

    running.TASKS = "tests.lab.idle_server"
    sys.exit(command_line.main())
