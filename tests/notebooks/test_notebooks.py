"""The notebooks obey the rules, the rules notice what they should, and nbval runs as the course needs it."""

import os
import subprocess
import sys
import time
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from he_helpers.lab.exercises.catalogue import exercises_of, notebooks_with_exercises
from he_helpers.lab.exercises.cells import cells_of
from tests.notebooks.notebook import Notebook
from tests.notebooks.rules import PROJECT, RULES, holds_its_exercises_as_declared, misplaced_exercises

NOTEBOOKS = sorted(path for path in (PROJECT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
IMAGE = '<img src="data:image/png;base64,iVBORw0KGgo=" alt="{}" width="672">'
TABLE = "<table><tr><th>Region</th><td>12.5</td></tr></table>"


def test_there_are_notebooks():
    assert NOTEBOOKS, "notebooks/ holds no notebook; the other checks would pass without checking anything."


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_obeys_the_rules(path):
    notebook = Notebook.read(path)
    findings = [str(finding) for rule in RULES for finding in rule(notebook)]
    assert not findings, "\n".join([f"{path.name}:", *findings])


@pytest.mark.parametrize("number", notebooks_with_exercises())
def test_each_exercise_stands_in_one_notebook_of_its_number_in_order(number):
    sharing = [Notebook.read(path) for path in NOTEBOOKS if path.name.startswith(f"{number}_")]
    assert misplaced_exercises(sharing) == []


def displayed(**data):
    return new_output("display_data", {kind.replace("_", "/"): content for kind, content in data.items()})


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def good():
    """A notebook that obeys every rule: ten cells that print, then a figure and a table, then versions."""
    cells = [new_markdown_cell("# Encrypt a table\n\nThe data administrator.")]
    code = [new_code_cell("seat = lab.enter('administrator', notebook='04')")]
    code += [
        new_code_cell(f"total({number})", outputs=[printed(f"{number} rows, 8213 bytes\n")]) for number in range(9)
    ]
    code += [new_code_cell("(seat.folder / 'keys').exists()\n(seat.handover / 'address').exists()")]
    code += [new_code_cell("%%role analyst\nask()", outputs=[printed("min 5 | max 3.5\n")])]
    code += [new_code_cell("bars(sizes)", outputs=[displayed(text_html=IMAGE.format("Sizes"), text_plain="Sizes")])]
    code += [new_code_cell("sizes", outputs=[displayed(text_html=TABLE, text_plain="Region 12.5")])]
    code += [new_code_cell("lab.versions()", outputs=[printed("tenseal 0.3.18\nnumpy 2.4.6\n")])]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
    return new_notebook(cells=[*cells, *code])


def changed(change):
    notebook = good()
    change(notebook.cells)
    return Notebook(notebook, "99")


def renumbered(cells):
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count


def tagged(tag, *numbers):
    def change(cells):
        for number in numbers:
            cells[number].metadata["tags"] = [tag]

    return change


def prints(text, name="stdout", tag=None):
    def change(cells):
        cells[3].outputs = [printed(text, name)]
        if tag:
            cells[3].metadata["tags"] = [tag]

    return change


def reads(source):
    return lambda cells: cells[3].update(source=source)


def raises(cells, traceback="ValueError: too large"):
    cells[3].outputs = [new_output("error", ename="ValueError", evalue="too large", traceback=[traceback])]


TOKEN = "q7Xk2PZ-tJ0aVd8_RmWc4LhYs1EgB9uNfTi3oKx6ArM"
FAULTS = {
    "is_executed_in_order": [
        lambda cells: cells[3].update(execution_count=None),
        lambda cells: cells[3].update(execution_count=17),
        lambda cells: cells.insert(4, cells.pop(3)),
    ],
    "stores_errors_only_where_asked": [raises, tagged("raises-exception", 3)],
    "stores_no_local_path": [
        prints("saved to /home/someone/course/keys\n"),
        prints("saved to /tmp/tmpq1x/keys\n", tag="nbval-ignore-output"),
        prints(f"in {PROJECT}/he_helpers\n"),
        prints("C:\\Users\\someone\n"),
        prints("lib/python3.11/site-packages/tenseal\n"),
        lambda cells: raises(cells, "File /private/var/folders/x1/T/ipykernel_1/2.py, line 1"),
        lambda cells: cells[3].update(outputs=[displayed(text_html="<td>/Users/someone/a.csv</td>", text_plain="")]),
    ],
    "stores_no_timing_where_compared": [
        prints("encrypted in 1.23 s\n"),
        prints("encrypted in 12 ms\n"),
        prints("0.4 µs a value\n"),
        prints("encryption took 3\n"),
        prints("Encryption: 3 seconds\n"),
        prints("seconds: 0.31\n"),
        prints("at 2026-01-02T10:11:12\n"),
        prints("encrypted in 12 ms, the mean of ≈ 3\n"),
        lambda cells: cells[3].update(
            outputs=[displayed(text_html="<th>encrypt [ms]</th><td>3.1</td>", text_plain="")]
        ),
    ],
    "compares_nine_cells_in_ten": [
        tagged("nbval-ignore-output", 3, 4),
        tagged("nbval-skip", 3, 4),
        lambda cells: [cell.update(source=f"# NBVAL_IGNORE_OUTPUT\n{cell.source}") for cell in cells[3:5]],
    ],
    "stores_no_stderr_where_compared": [prints("a warning\n", name="stderr")],
    "has_cells_of_readable_length": [reads("a = 1\n" * 19)],
    "begins_with_a_title": [
        lambda cells: cells[0].update(source="Encrypt a table"),
        lambda cells: cells[0].update(source="## Encrypt a table"),
        lambda cells: (cells.pop(0), renumbered(cells)),
    ],
    "ends_with_versions": [
        lambda cells: cells[-1].update(source="done()"),
        lambda cells: cells[-1].update(outputs=[]),
        lambda cells: cells.pop(),
    ],
    "describes_every_figure": [
        lambda cells: cells[-3].update(outputs=[displayed(text_html=IMAGE.format(""), text_plain="Sizes")]),
        lambda cells: cells[-3].update(outputs=[displayed(text_html='<img src="a.png">', text_plain="Sizes")]),
        lambda cells: cells[-3].update(outputs=[displayed(image_png="iVBORw0KGgo=", text_plain="<Figure>")]),
    ],
    "gives_a_table_after_every_figure": [
        lambda cells: cells[-2].update(outputs=[printed("12.5\n")]),
        lambda cells: cells[-3].outputs.insert(0, cells[-2].outputs.pop()),
        lambda cells: (
            cells[-2].update(outputs=[printed("12.5\n")]),
            cells[-3].update(outputs=[displayed(text_html=TABLE + IMAGE.format("Sizes"), text_plain="Sizes")]),
        ),
    ],
    "opens_only_its_own_roles_folder": [
        reads("(workspace / 'analyst' / 'token').read_text()"),
        reads('Workspace().folder("server")'),
        reads("open('../workspace/analyst/token')"),
        reads("Path(f'{root}/server/store.sqlite3')"),
        reads("workspace.joinpath('in_mind')"),
        reads("%%role analyst\nseat.folder.parent / 'administrator'"),
    ],
    "imports_from_front_doors": [
        reads("from he_helpers.schemes.errors import KeyMismatch"),
        reads("from he_helpers import workers"),
        reads("import he_helpers.lab.figures"),
        reads("if late:\n    from he_helpers.lab.figures import show"),
    ],
    "holds_no_secret": [
        prints(f"{TOKEN}\n"),
        prints(f"{TOKEN[:32]}\n", tag="nbval-ignore-output"),
        reads(f"client = Client('{TOKEN}')"),
        reads("keyring.open(passphrase='correct horse battery')"),
        prints("Authorization: Bearer abcdefghijklmnopq\n"),
        prints("-----BEGIN PRIVATE KEY-----\n"),
    ],
    "holds_its_exercises_as_declared": [
        reads('answer = lab.your_turn("00-1")'),
        lambda cells: cells[0].update(id="exercise-00-1-task"),
    ],
}


def test_every_rule_has_a_notebook_that_breaks_it():
    assert set(FAULTS) == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_passes(rule):
    assert rule(Notebook(good(), "99")) == []


@pytest.mark.parametrize(
    ("rule", "fault"),
    [pytest.param(rule, fault, id=rule.__name__) for rule in RULES for fault in FAULTS[rule.__name__]],
)
def test_a_rule_finds_its_fault(rule, fault):
    findings = rule(changed(fault))
    assert len(findings) >= 1
    assert all(finding.message.endswith(".") for finding in findings)


@pytest.mark.parametrize(
    "harmless",
    [
        prints("encrypted in 1.23 s\n", tag="nbval-ignore-output"),
        prints("encrypted in ≈ 1.23 s, one value took ≈ 3.1e-05 s, ≈ 12,000 rows/s\n"),
        prints("a warning\n", name="stderr", tag="nbval-ignore-output"),
        tagged("nbval-ignore-output", 3),
        lambda cells: (
            cells[-2].update(outputs=[printed("12.5\n")]),
            cells[-3].update(outputs=[displayed(text_html=IMAGE.format("Sizes") + TABLE, text_plain="Sizes")]),
        ),
        prints("GET http://127.0.0.1:8000/v1/datasets, in the 1980s and/or 3 row(s) of 5, min 5, 12 min\n"),
        prints(f"{'-' * 43}\n{'a1' * 16}\n{'Aa1' * 20}\n"),
        reads("frame['analyst'] = total / 'administrator'.count('a')\nprint('server')"),
        reads("keyring.open(passphrase='wrong on purpose')"),
        reads("from he_helpers import lab\nfrom he_helpers.roles import Keyring\nimport he_helpers.schemes.secret"),
        lambda cells: (tagged("raises-exception", 3)(cells), raises(cells)),
    ],
)
def test_what_is_harmless_passes(harmless):
    notebook = changed(harmless)
    assert [str(finding) for rule in RULES for finding in rule(notebook)] == []


def place_of(cells, id):
    [place] = [place for place, cell in enumerate(cells) if cell.get("id") == id]
    return place


def exercise(part, **changes):
    """Changes a cell of the exercise 00-1."""
    return lambda cells: cells[place_of(cells, f"exercise-00-1-{part}")].update(changes)


def with_exercises(change):
    """A good notebook 00 with its exercises, changed."""
    notebook = good()
    notebook.cells[3:3] = [cell for exercise in exercises_of("00") for cell in cells_of(exercise)]
    change(notebook.cells)
    return Notebook(notebook, "00_start_here")


def test_exercises_as_they_are_declared_pass():
    assert holds_its_exercises_as_declared(with_exercises(lambda cells: None)) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (exercise("task", source="### Your turn 00-1: write\n\nEncrypt the west."), ["not as"]),
        (exercise("answer", source="three_branches = [244, 150]"), ["not as"]),
        (exercise("answer", metadata={"tags": ["nbval-ignore-output"]}), ["not as"]),
        (exercise("solution", metadata={}), ["not as"]),
        (exercise("solution", source="[244, 150]"), ["not as"]),
        (exercise("solution", id="another-id"), ["lacks", "is no cell of"]),
        (lambda cells: cells.pop(place_of(cells, "exercise-00-1-answer")), ["lacks"]),
        (lambda cells: cells.insert(1, cells.pop(place_of(cells, "exercise-00-1-solution"))), ["apart"]),
        (lambda cells: cells[-1].update(source='lab.check("00-1", [244, 150])'), ["is no cell of"]),
        (lambda cells: cells[-1].update(id="exercise-00-9-task"), ["is no cell of"]),
    ],
)
def test_exercises_that_are_not_as_declared_are_found(fault, said):
    findings = holds_its_exercises_as_declared(with_exercises(fault))
    assert len(findings) == len(said)
    assert all(words in finding.message for words, finding in zip(said, findings, strict=True)), findings


def sharing_a_number(*places):
    """Notebooks 00, each with the exercises at these places of the declaration."""
    return [
        Notebook(new_notebook(cells=[cell for place in of_one for cell in cells_of(exercises_of("00")[place])]), "00")
        for of_one in places
    ]


def test_exercises_may_stand_in_several_notebooks_of_a_number():
    assert misplaced_exercises(sharing_a_number([0, 1, 2])) == []
    assert misplaced_exercises(sharing_a_number([0], [1, 2])) == []


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([[0], [2]], "00-2 stands in 0 places"),
        ([[0, 1], [1, 2]], "00-2 stands in 2 places"),
        ([[1, 2], [0]], "in the order 00-2, 00-3, 00-1"),
    ],
)
def test_an_exercise_in_no_place_in_two_and_out_of_order_is_found(places, said):
    [finding] = misplaced_exercises(sharing_a_number(*places))
    assert said in finding


def cell(source, *outputs, tag=None):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": [tag] if tag else []})


def figure(data):
    """The source of a cell that shows this image, and its output."""
    shown = {
        "text/html": f'<img src="data:image/png;base64,{data}" alt="A figure">',
        "text/plain": "A figure",
    }
    source = f"from IPython.display import display\ndisplay({shown!r}, raw=True)"
    return source, new_output("display_data", shown)


def result(text):
    return new_output("execute_result", {"text/plain": text})


NEW_WORKSPACE = f"""\
import os, pathlib, sys, he_helpers
workspace = pathlib.Path(os.environ["HE_COURSE_WORKSPACE"])
print(workspace.exists(), sys.executable == {sys.executable!r})
workspace.mkdir(mode=0o700)"""

# The first two notebooks make the same folder: each must find a workspace of its own.
SMALL = {
    "matches": [
        cell(NEW_WORKSPACE, printed("False True\n")),
        cell(figure("AAAA")[0], figure("BBBB")[1]),
        cell("import time\ntime.sleep(0.1)\nraise ValueError", tag="nbval-skip"),
    ],
    "differs": [
        cell(NEW_WORKSPACE, printed("False True\n")),
        cell("print(2)", printed("3\n")),
        cell("print(2)", printed("3\n"), tag="nbval-ignore-output"),
        cell("print(2)", printed("3\n"), tag="linux-only"),
    ],
    "measured": [
        cell(
            "from he_helpers import lab\nprint('one guess:', lab.measured(0.0041, 's'))", printed("one guess: ≈ 12 s\n")
        ),
        cell("lab.measured(123_456, 'bytes')", result("≈ 0.5 bytes")),
        cell(
            "import pandas as pd\nprint(pd.DataFrame({'room [bits]': [lab.measured(9)]}))",
            printed("  room [bits]\n0       ≈ 120\n"),
        ),
        cell("print('two guesses:', lab.measured(0.0041, 's'))", printed("one guess: ≈ 0.0041 s\n")),
        cell("lab.measured(0.0041, 'ms')", result("≈ 0.0041 s")),
        cell("print('0.0041 s')", printed("0.0042 s\n")),
    ],
    "elsewhere": [cell("print(2)", printed("3\n"), tag="linux-only")],
    "dies": [cell("import os\nos._exit(1)"), cell("1 + 1")],
}


# The notebook of this name is read as on a system that is not Linux.
ELSEWHERE = """\
import sys

from tests.notebooks import plugin as notebook_plugin


def pytest_collectstart(collector):
    notebook_plugin.ON_LINUX = sys.platform == "linux" and collector.name != "elsewhere.ipynb"
"""
# How long nbval waits for a cell, and so for a kernel of which nobody notices that it has died.
CELL_TIMEOUT = 600


def outcomes_under_nbval(folder, plugins):
    """Runs nbval on the small notebooks as `make test` does; returns the outcomes of the cells of each."""
    for name, cells in SMALL.items():
        for count, code in enumerate(cells, start=1):
            code.execution_count = count
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    (plugins / "elsewhere.py").write_text(ELSEWHERE)
    command = [sys.executable, "-m", "pytest", "-p", "nbval.plugin", "--nbval", "--nbval-current-env"]
    command += [
        "--nbval-cell-timeout",
        str(CELL_TIMEOUT),
        "-p",
        "tests.notebooks.plugin",
        "-p",
        "elsewhere",
        "-p",
        "no:cacheprovider",
        "-q",
        "--rootdir",
        str(folder),
    ]
    done = subprocess.run(
        [
            *command,
            "--junit-xml",
            str(folder / "outcomes.xml"),
            *(str(folder / f"{name}.ipynb") for name in SMALL),
        ],
        cwd=PROJECT,
        env={
            **os.environ,
            "TMPDIR": str(folder),
            "HE_COURSE_WORKSPACE": "/nowhere",
            "PYTHONPATH": str(plugins),
            # Other plugins take half as long to load as a kernel to start.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    outcomes = {name: [] for name in SMALL}
    for case in ElementTree.parse(folder / "outcomes.xml").iter("testcase"):
        outcome = [part.tag for part in case if part.tag in ("failure", "error", "skipped")]
        outcomes[case.get("classname").removesuffix(".ipynb")] += outcome or ["passed"]
    return outcomes, done.stdout


@pytest.fixture(scope="module")
def under_nbval(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nbval")
    begin = time.monotonic()
    outcomes, said = outcomes_under_nbval(folder, tmp_path_factory.mktemp("plugins"))
    return outcomes, said, folder, time.monotonic() - begin


@pytest.mark.slow
def test_nbval_passes_what_matches_in_a_new_workspace_with_this_interpreter(under_nbval):
    outcomes, said, _, _ = under_nbval
    assert outcomes["matches"] == ["passed", "passed", "skipped"], said


@pytest.mark.slow
def test_nbval_fails_where_an_output_changed(under_nbval):
    outcomes, said, _, _ = under_nbval
    assert outcomes["differs"][:3] == ["passed", "failure", "passed"], said


@pytest.mark.slow
def test_the_digits_of_a_measured_number_are_masked_and_its_words_and_unit_are_compared(under_nbval):
    outcomes, said, _, _ = under_nbval
    assert outcomes["measured"] == ["passed", "passed", "passed", "failure", "failure", "failure"], said


@pytest.mark.slow
def test_a_kernel_that_dies_is_reported_long_before_the_cells_timeout(under_nbval):
    outcomes, said, _, seconds = under_nbval
    assert outcomes["dies"] == ["failure", "failure"]
    assert "The kernel died while this cell ran" in said
    # All notebooks together, on a machine that may have much else to do.
    assert seconds < CELL_TIMEOUT / 2


@pytest.mark.slow
def test_workspaces_are_gone_afterwards(under_nbval):
    _, _, folder, _ = under_nbval
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == []


@pytest.mark.slow
def test_a_cell_for_linux_is_compared_on_linux_only(under_nbval):
    outcomes, said, _, _ = under_nbval
    assert outcomes["differs"][3:] == ["failure" if sys.platform == "linux" else "passed"], said
    assert outcomes["elsewhere"] == ["passed"], said
