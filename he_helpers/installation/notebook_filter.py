"""Tell git of this checkout how to see notebooks that were run (he_helpers.lab.running.clean_notebook)."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

_SECTION = "filter.he-course-notebook"


def register(project: Path) -> None:
    """Register the filter that .gitattributes names, in a checkout that git manages; elsewhere do nothing.

    It uses this interpreter; git runs it in the project's folder.
    """
    if (project / ".git").exists() and shutil.which("git"):
        command = f"{shlex.quote(sys.executable)} -m he_helpers.lab.running.clean_notebook %f"
        subprocess.run(["git", "config", f"{_SECTION}.clean", command], cwd=project, capture_output=True)
