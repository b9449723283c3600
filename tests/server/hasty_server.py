"""The server that waits a shorter time for a head: python -m tests.server.hasty_server run|score ..."""

import sys
from dataclasses import dataclass

from he_helpers.server import __main__ as command_line
from he_helpers.server.http.connection import Limits
from he_helpers.server.process import running


@dataclass(frozen=True)
class _Limits(Limits):
    head_seconds: float = 3


running.Limits = _Limits

if __name__ == "__main__":
    sys.exit(command_line.main())
