"""What is stored of a progress bar: how far it came. Its widget lives in the kernel, and its text form is that of the
moment when it was displayed: 0 %."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

from he_helpers.lab.stage.role_kernels.kernels import WIDGET

# As tqdm writes a bar that has just begun. tests/notebooks/sanitise.cfg writes the end in its place, in fresh outputs.
_BEGUN = re.compile(r" *0%\|[^|]*\| 0/\d+ \[[^\]]*\]")


def say_how_far(notebook: NotebookNode, widgets: Mapping[str, Mapping[str, Any]]) -> None:
    """Write into the outputs of `notebook` how far their progress bars came: "62 of 62".

    widgets: the last state of each widget of its kernel, by the identity of its model.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if WIDGET in data and (bar := _bar_in(data[WIDGET]["model_id"], widgets)):
                data["text/plain"] = _BEGUN.sub(bar, data["text/plain"])


def _bar_in(model: str, widgets: Mapping[str, Mapping[str, Any]]) -> str:
    """How far the bar came that is the widget `model` or one of its children; "" without one."""
    state = widgets.get(model, {})
    if state.get("_model_name") == "FloatProgressModel":
        return f"{state['value']:g} of {state['max']:g}"
    found = (_bar_in(child.removeprefix("IPY_MODEL_"), widgets) for child in state.get("children", ()))
    return next(filter(None, found), "")
