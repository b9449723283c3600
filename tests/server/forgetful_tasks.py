"""The server's tasks in workers that keep no contexts from one job to the next."""

from he_helpers.schemes.public.kept_contexts import keep_contexts
from he_helpers.server.process.tasks import TASKS

__all__ = ["TASKS"]

keep_contexts(0)
