"""Several steps at the same moment, as several clients would take them."""

import threading
from collections.abc import Callable
from typing import Any


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Run the steps in threads that begin together; their answers, or the errors that they raised, in order.

    None for a step that is not done within two minutes.
    """
    answers: list[Any] = [None] * len(steps)
    barrier = threading.Barrier(len(steps))

    def run(index: int, step: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            answers[index] = step()
        except Exception as error:
            answers[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return answers
