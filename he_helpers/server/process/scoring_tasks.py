"""What the workers of a scoring service do.

Apart from the tasks on tables: models bring a library with them that is a quarter of a worker's start.
"""

from he_helpers.server.process.registry import tasks_of
from he_helpers.server.scoring import evaluation

TASKS = tasks_of(evaluation.compute_score)
