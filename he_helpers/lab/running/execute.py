"""Running the course's notebooks without a browser.

    python -m he_helpers.lab.running.execute in-place [03 04_encrypt_and_upload ...]
    python -m he_helpers.lab.running.execute demo

`in-place` renews the stored outputs of the notebooks, or of those named. `demo` runs the role notebooks and
the DataFrame notebook into build/demo/ and prints the tables that the analyst ends up with. Either runs the
notebooks in order, each in a kernel of its own, in one new workspace, as a learner would.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm.auto import tqdm

from he_helpers.errors import HEError
from he_helpers.files import write_whole
from he_helpers.lab.running.progress_bars import say_how_far
from he_helpers.lab.stage.role_kernels.kernels import COLOUR, WIDGET, AsyncCourseKernel
from he_helpers.lab.workspace.server_process import stop_server
from he_helpers.lab.workspace.workspace import PROJECT, Workspace, environment_for

DEMO_NOTEBOOKS = ("03", "04", "05", "06", "07")
_CELL_SECONDS = 300
# As JupyterLab writes them, but for the interpreter's version, which varies.
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}


class NotebookFailed(HEError, RuntimeError):
    """A cell raised an error that it was not marked to raise, or its kernel ended."""


class NoSuchNotebook(HEError, ValueError):
    """A notebook was asked for that the folder does not hold."""


def execute(path: Path, workspace: Workspace, after_cell: Callable[[], None] | None = None) -> NotebookNode:
    """Runs the notebook at `path` in a new kernel of this interpreter, and returns it with its new outputs.

    after_cell: called after each code cell. The file is not changed, and nothing that varies from run to run
    or machine to machine is added to the notebook beside the outputs themselves.

    Raises NotebookFailed, naming the notebook and the cell (counted from 1, text cells included).
    """
    notebook = nbformat.read(path, as_version=4)
    current = 0

    def begin(cell: NotebookNode, cell_index: int) -> None:
        nonlocal current
        current = cell_index

    def end(**_: object) -> None:
        if after_cell is not None:
            after_cell()

    client = NotebookClient(
        notebook,
        kernel_manager_class=AsyncCourseKernel,
        kernel_name=_KERNELSPEC["name"],
        resources={"metadata": {"path": str(path.parent)}},
        timeout=_CELL_SECONDS,
        record_timing=False,
        store_widget_state=True,  # how far progress bars came; none of it is stored
        coalesce_streams=True,
        on_cell_execute=begin,
        on_cell_executed=end,
    )
    try:
        client.execute(env=environment_for(workspace, None))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        first_line = next(iter(notebook.cells[current].source.splitlines()), "")
        raise NotebookFailed(
            f"{path.name}, cell {current + 1} ({first_line}):\n{COLOUR.sub('', str(error))}"
        ) from error
    say_how_far(notebook, client.widget_state)
    _normalise(notebook)
    return notebook


def execute_in_place(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Runs the notebooks of `folder` in order, then its labs, in one new workspace, and stores each that ran through.

    names: only these, by file name or its beginning ("03"). Returns the files stored. A notebook that fails
    keeps its file as it was, and those after it are not run.

    Raises NotebookFailed, and NoSuchNotebook for a name that fits no file.
    """
    paths = notebooks_of(folder, names)
    with tempfile.TemporaryDirectory(prefix="he-course-") as root, served(Workspace(root)) as workspace:
        for path in tqdm(paths, unit="notebook", disable=None):
            store(execute(path, workspace), path)
    return paths


def run_demo(folder: Path, into: Path) -> list[Path]:
    """Runs the demonstration's notebooks of `folder` into the new folder `into`, in the workspace
    `into`/workspace.

    An earlier demonstration in `into` is replaced. Returns the CSV files of the tables that the analyst
    saved.

    Raises NotebookFailed, also when the notebooks leave no table, and NoSuchNotebook when one is missing.
    """
    paths = notebooks_of(folder, DEMO_NOTEBOOKS)
    workspace = Workspace(into / "workspace")
    if workspace.root.exists():
        stop_server(workspace)
    shutil.rmtree(into, ignore_errors=True)
    cells = sum(_runs(cell) for path in paths for cell in nbformat.read(path, as_version=4).cells)
    with served(workspace), tqdm(total=cells, unit="cell") as progress:
        for path in paths:
            progress.set_description(path.stem)
            store(execute(path, workspace, after_cell=progress.update), into / path.name)
    tables = sorted((workspace.root / "analyst" / "results").glob("*.csv"))
    if not tables:
        raise NotebookFailed("The notebooks ran through, but the analyst saved no table in analyst/results.")
    return tables


@contextmanager
def served(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace, whose server the notebooks start; it is stopped afterwards."""
    try:
        yield workspace
    finally:
        stop_server(workspace)


def notebooks_of(folder: Path, names: Sequence[str]) -> list[Path]:
    """The notebooks of `folder` in order, then its labs; of these only `names`, where some are given.

    Raises NoSuchNotebook.
    """
    present = [*sorted(folder.glob("*.ipynb")), *sorted((folder / "labs").glob("*.ipynb"))]
    if not present:
        raise NoSuchNotebook(f"There is no notebook in {folder.name}/.")
    chosen = set()
    for name in names:
        fitting = {path for path in present if path.name.startswith(Path(name).name)}
        if not fitting:
            known = ", ".join(path.stem for path in present)
            raise NoSuchNotebook(f"There is no notebook {name!r} in {folder.name}/. There are: {known}.")
        chosen |= fitting
    return [path for path in present if path in chosen] if names else present


def _runs(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _normalise(notebook: NotebookNode) -> None:
    """Takes away what varies from run to run or from machine to machine and is no output."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = NotebookNode(_KERNELSPEC)
    notebook.metadata.language_info = NotebookNode(_LANGUAGE)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            # The widget lives in the kernel that has ended; its text form stays.
            output.get("data", {}).pop(WIDGET, None)
        if "outputs" in cell:
            # What was said while the cell worked (lab.doing) has left an output without content.
            cell.outputs = [output for output in cell.outputs if output.get("data") != {}]


def store(notebook: NotebookNode, path: Path) -> None:
    """Writes the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    write_whole(path, f"{nbformat.writes(notebook)}\n".encode(), mode)


def _print_demo(tables: Sequence[Path], into: Path) -> None:
    for table in tables:
        print(f"\n{table.stem}")
        print(pd.read_csv(table).to_string(index=False))
    print(f"\nThe executed notebooks lie in {os.path.relpath(into)},")
    print(f"the analyst's tables in {os.path.relpath(tables[0].parent)}.")


def main(arguments: Sequence[str] | None = None, project: Path = PROJECT) -> int:
    """The command line. `project` is the folder with notebooks/ and build/."""
    parser = argparse.ArgumentParser(prog="python -m he_helpers.lab.running.execute", description="Runs the notebooks.")
    commands = parser.add_subparsers(dest="command", required=True)
    in_place = commands.add_parser("in-place", help="renew the stored outputs")
    in_place.add_argument("names", nargs="*", help="only these notebooks, such as 03")
    commands.add_parser("demo", help="run the role notebooks and print the decrypted tables")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "demo":
            into = project / "build" / "demo"
            _print_demo(run_demo(project / "notebooks", into), into)
        else:
            for path in execute_in_place(project / "notebooks", chosen.names):
                print(f"{path.name}: stored")
    except HEError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
