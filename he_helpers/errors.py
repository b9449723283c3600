"""The base of every error that this package raises to its callers."""


class HEError(Exception):
    """Base of the package's errors. Each message says what was wrong, what was expected and what to do.

    An error that is also a kind of Python's own (ValueError, RuntimeError, PermissionError) derives from that as well.
    Two families stay apart: the server's Problem, which becomes an HTTP answer and reaches no caller, and the set-up's
    InstallationError, because the set-up runs before anything is installed, under Python versions that the rest of the
    package does not read.
    """
