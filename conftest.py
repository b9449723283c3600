"""For every call of pytest here: what was compiled is kept, also where the environment forbids it.

The tests and the notebooks start hundreds of processes, and each of them would compile anew what it imports.
"""

import os
import sys

# For this process; for those that it starts, the workers of xdist and kernels too.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
