"""Timing functions against each other: warmed up, in one run, taking turns."""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd


def interleaved_medians(
    functions: dict[str, Callable[[], Any]],
    repetitions: int = 20,
    warm_up: int = 2,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> pd.DataFrame:
    """Time functions without arguments, each in turn, so that whatever else the machine does slows all of them alike.

    repetitions: how often each is timed, 1 or more; warm_up: how often each is called before.
    progress: wraps the iteration over the repetitions, for instance tqdm.auto.tqdm.

    Returns a frame with a row for each name and the columns median, minimum, lower_quartile and upper_quartile, in
    seconds. Compare medians on a quiet machine and minima on a busy one. Raises ValueError for less than 1 repetition.
    """
    if repetitions < 1:
        raise ValueError(f"A function is timed once or more often, not {repetitions} times.")
    for _ in range(warm_up):
        for function in functions.values():
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in progress(range(repetitions)):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return pd.DataFrame.from_dict({name: _summary(times) for name, times in seconds.items()}, orient="index")


def paired(
    first: Callable[[], Any],
    second: Callable[[], Any],
    repetitions: int = 20,
    warm_up: int = 2,
    clock: Callable[[], float] = time.thread_time,
) -> np.ndarray:
    """Processor seconds of two functions without arguments, shape (repetitions, 2), each pair in the other order.

    Only what this thread computes counts, not what other processes do meanwhile; with time.process_time as the clock
    also what threads compute that a function starts. Whatever slows the machine for longer
    than a pair slows both of it, so that the ratio within a pair tells more than that of two medians. Look at the
    quartiles of the ratios, too: they are the spread.
    """
    seconds = np.empty((repetitions, 2))
    for _ in range(warm_up):
        first()
        second()
    for repetition, pair in enumerate(seconds):
        for place in (0, 1) if repetition % 2 else (1, 0):
            start = clock()
            (first, second)[place]()
            pair[place] = clock() - start
    return seconds


def _summary(times: list[float]) -> dict[str, float]:
    if len(times) > 1:
        lower, _, upper = statistics.quantiles(times, n=4, method="inclusive")
    else:
        lower = upper = times[0]
    return {
        "median": statistics.median(times),
        "minimum": min(times),
        "lower_quartile": lower,
        "upper_quartile": upper,
    }
