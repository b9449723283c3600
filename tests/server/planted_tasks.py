"""The server's tasks, planted."""

from he_helpers.server.process.tasks import TASKS as REAL_TASKS
from tests.planting import import_module, planted

TASKS = planted(REAL_TASKS) | {"import_module": import_module}
