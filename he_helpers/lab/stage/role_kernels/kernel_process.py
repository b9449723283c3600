"""The process of a kernel that the course starts: that of ipykernel, without the debugger, which nobody reaches there.

python -m he_helpers.lab.stage.role_kernels.kernel_process -f FILE
"""

import gc
import os
import shutil
import sys
import threading
import time
from pathlib import Path

# Of the name of a folder that holds the connection file of one kernel, and its sockets.
FOLDER_PREFIX = "he-kernel-"
_POLL_SECONDS = 1


def _end_with(starter: int, folder: Path) -> None:
    """End this process, whose `starter` was killed, and take away the folder, which nobody else would."""
    while os.getppid() == starter:
        time.sleep(_POLL_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


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
    folder = Path(kernel.abs_connection_file).parent
    # In a sandbox both are others; there ipykernel's own thread looks whether the starter lives.
    if kernel.parent_handle == os.getppid() and folder.name.startswith(FOLDER_PREFIX):
        kernel.poller = threading.Thread(target=_end_with, args=(kernel.parent_handle, folder), daemon=True)
    gc.freeze()
    gc.enable()
    kernel.start()
