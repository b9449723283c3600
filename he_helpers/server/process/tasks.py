"""What the workers of a release server do: whatever parses or computes on bytes that others sent."""

from he_helpers.server.process.registry import tasks_of
from he_helpers.server.release import evaluation

TASKS = tasks_of(
    evaluation.read_dataset,
    evaluation.find_secret,
    evaluation.check_query,
    evaluation.compute_aggregate,
)
