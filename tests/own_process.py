"""Work whose memory must not stay in the process that runs the tests."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def in_a_process_of_its_own(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of ``function``, which a new process can import.

    SEAL keeps the memory of keys that are gone, hundreds of megabytes where they are large, until its process ends, and
    other modules run in this one.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()
