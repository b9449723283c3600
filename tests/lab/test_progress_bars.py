"""Progress bars in stored notebooks: how far they came, and the same in the comparison with a fresh run.

One of a notebook that is run is in test_execute.
"""

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from he_helpers.lab.running.progress_bars import say_how_far
from he_helpers.lab.stage.role_kernels.kernels import WIDGET

SANITISE = Path(__file__).parents[1] / "notebooks" / "sanitise.cfg"
BEGUN = "  0%|          | 0/62 [00:00<?, ?it/s]"


def sanitised(text):
    # Here, because loading it takes as long as these tests.
    from nbval.plugin import get_sanitize_patterns

    for regex, replace in get_sanitize_patterns(SANITISE.read_text()):
        text = re.sub(regex, replace, text)
    return text


def stored(text, widgets):
    """What is stored of an output with this text, whose widget has the model "box"."""
    output = new_output("display_data", {"text/plain": text, WIDGET: {"model_id": "box"}})
    notebook = new_notebook(cells=[new_code_cell("", outputs=[output])])
    say_how_far(notebook, widgets)
    return notebook.cells[0].outputs[0]["data"]["text/plain"]


def widgets(value):
    return {
        "box": {"_model_name": "HBoxModel", "children": ["IPY_MODEL_text", "IPY_MODEL_bar"]},
        "text": {"_model_name": "HTMLModel", "value": "100%"},
        "bar": {"_model_name": "FloatProgressModel", "value": value, "max": 62.0},
    }


@pytest.mark.parametrize("title", ["", "libraries:"])
def test_a_bar_that_came_to_its_end_is_stored_so_and_compared_so(title):
    assert stored(title + BEGUN, widgets(62.0)) == sanitised(title + BEGUN) == f"{title}62 of 62"
    assert sanitised(f"{title}62 of 62") == f"{title}62 of 62"


def test_a_bar_that_stopped_before_its_end_differs_from_one_that_did_not():
    assert stored(BEGUN, widgets(17.0)) == "17 of 62" != sanitised(BEGUN)


@pytest.mark.parametrize("text", [BEGUN, "IntSlider(value=3)"])
def test_other_widgets_keep_their_text(text):
    assert stored(text, {}) == text
    assert stored(text, {"box": {"_model_name": "IntSliderModel", "value": 3, "max": 62}}) == text


def test_an_output_without_a_widget_stays():
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("stream", text=BEGUN)])])
    say_how_far(notebook, widgets(62.0))
    assert notebook.cells[0].outputs[0] == NotebookNode(output_type="stream", name="stdout", text=BEGUN)
