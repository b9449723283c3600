"""For every call of pytest here: what was compiled is kept, also where the environment forbids it; numpy has no
threads; and garbage is looked for in what the tests make, not in what was imported for them.

The tests and the notebooks start hundreds of processes, and each of them would compile anew what it imports, and have
threads that look for work as long as numpy's own import takes. No matrix here is large enough for them.
"""

import gc
import os
import sys

# For this process; for those that it starts, the workers of xdist and kernels too.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What is imported and collected stays until the end: nothing is looked for in it, neither meanwhile nor later.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
