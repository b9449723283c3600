"""The process of a kernel that the course starts: that of ipykernel, without the debugger, which nobody reaches there.

python -m he_helpers.lab.stage.kernel_process -f FILE
"""

import gc
import sys
from pathlib import Path

if __name__ == "__main__":
    # As in ipykernel's own launcher: what lies in the working directory is for the notebook to import, not for this.
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():
        del sys.path[0]
    # As where it is not installed. Loading it takes half of the start.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    # What is imported for the kernel stays: garbage is looked for in what the notebook makes.
    gc.disable()

    from ipykernel.kernelapp import IPKernelApp

    kernel = IPKernelApp.instance()
    kernel.initialize()
    gc.freeze()
    gc.enable()
    kernel.start()
