"""The server where "localhost" stands for 127.0.0.1 the first time, then for 127.0.0.2:
python -m tests.server.planted_names run ..."""

import socket
import sys

from he_helpers.server import __main__ as command_line

answers = iter(["127.0.0.1"])
resolve = socket.getaddrinfo


def resolve_otherwise(host, *arguments, **keywords):
    return resolve(next(answers, "127.0.0.2") if host == "localhost" else host, *arguments, **keywords)


if __name__ == "__main__":
    socket.getaddrinfo = resolve_otherwise
    sys.exit(command_line.main())
