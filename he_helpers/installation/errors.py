"""The error of a set-up that cannot go on."""


class InstallationError(Exception):
    """Says what was wrong, what was expected and what to do; printed without a traceback."""
