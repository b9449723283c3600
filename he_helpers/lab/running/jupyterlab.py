"""JupyterLab on the first notebook, with nothing in the terminal but where it is: `make lab`.

python -m he_helpers.lab.running.jupyterlab [any option of JupyterLab, such as --no-browser]
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from he_helpers.lab.workspace.workspace import PROJECT

_FIRST = "/lab/tree/notebooks/00_start_here.ipynb"
_SETTINGS = {
    # JupyterLab would ask, in a message over the first notebook, whether to fetch news from its makers' site.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # What is run before the kernel is there would lose its stored outputs and give no others: it is refused, in words.
    "@jupyterlab/notebook-extension:tracker": {"enableKernelInitNotification": True},
}
# The first is for extensions of the classic notebook and warns at each start; the second is for `make app`. The others
# come with nbgrader, and want a folder where students fetch assignments; the course calls nbgrader without them.
_SWITCHED_OFF = (
    "notebook_shim",
    "voila.server_extension",
    "notebook",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
)
_PAGE = {
    "disabledExtensions": {"@jupyter/nbgrader": True, "@jupyter-notebook/lab-extension": True},
    # With each page JupyterLab would start Node.js, to ask whether extensions in source text wait to be built in; the
    # course's are all built.
    "buildCheck": False,
}


def options(project: Path, settings: Path) -> list[str]:
    """The course's own options of JupyterLab; those of the command line come after them and win."""
    extensions = {name: False for name in _SWITCHED_OFF} | {"jupyter_server_terminals": True}
    chosen = [
        f"--ServerApp.root_dir={project}",
        f"--ServerApp.jpserver_extensions={extensions}",
        f"--LabApp.default_url={_FIRST}",
        f"--LabApp.app_settings_dir={settings}",
        "--ServerApp.contents_manager_class=he_helpers.lab.running.notebook_contents.NotebookContents",
        "--FileContentsManager.post_save_hook=he_helpers.lab.running.clean_notebook.tell_git_after_saving",
        # Sockets in a folder of one's own; each kernel warns about those of the network, which others can reach.
        "--KernelManager.transport=ipc",
        # It would start npm, where there is one, to look for programs that the course does not bring.
        "--LanguageServerManager.autodetect=False",
        "--log-level=ERROR",
        "--LabApp.log_level=ERROR",
    ]
    # Jupyter refuses to run as root, in a container for instance, unless it is told that this is meant.
    return [*chosen, "--allow-root"] if os.geteuid() == 0 else chosen


def main(arguments: Sequence[str] | None = None, project: Path = PROJECT) -> None:
    """The command line; serves until it is interrupted."""
    from jupyterlab.labapp import LabApp
    from tornado.websocket import WebSocketClosedError

    # A tab that is closed while something is on its way to it is no error of anybody.
    logging.getLogger("asyncio").addFilter(
        lambda record: not (record.exc_info and isinstance(record.exc_info[1], WebSocketClosedError))
    )
    with tempfile.TemporaryDirectory(prefix="he-course-lab-") as settings:
        Path(settings, "overrides.json").write_text(json.dumps(_SETTINGS))
        Path(settings, "page_config.json").write_text(json.dumps(_PAGE))
        given = list(sys.argv[1:] if arguments is None else arguments)
        LabApp.launch_instance([*options(project, Path(settings)), *given])


if __name__ == "__main__":
    main()
