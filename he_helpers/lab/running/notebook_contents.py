"""How JupyterLab reads a notebook of the course: opening it is no change of it.

JupyterLab writes into an open notebook what its kernel says about its language, and marks the notebook as modified
where something else stood there. Stored notebooks name no version of Python (see ``execute``), so each of them would be
marked at once. They are handed to JupyterLab with what the kernel is going to say.
"""

from __future__ import annotations

from typing import Any

from ipykernel.ipkernel import IPythonKernel
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class NotebookContents(AsyncLargeFileManager):
    """Jupyter's own files, but for the language of notebooks whose kernel is this interpreter."""

    async def get(self, path: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        model = await super().get(path, *arguments, **options)
        if model["type"] == "notebook" and model["content"]:
            metadata = model["content"]["metadata"]
            if metadata.get("kernelspec", {}).get("name") == NATIVE_KERNEL_NAME:
                metadata["language_info"] = dict(IPythonKernel.language_info)
        return model
