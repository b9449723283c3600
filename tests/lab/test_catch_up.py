"""Catching up: what earlier notebooks leave, made by processes of the proper roles, from any start."""

import io
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import nbformat
import pytest

from he_helpers import lab
from he_helpers.lab.notebook.data import load_table
from he_helpers.lab.stage import catch_up as module
from he_helpers.lab.stage.catch_up import NOTEBOOKS, STEPS, CatchUpFailed, Step, catch_up
from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.workspace.server_process import start_server, stop_server
from he_helpers.lab.workspace.workspace import PROJECT, ROLE_VARIABLE, WORKSPACE_VARIABLE, Workspace, environment_for
from he_helpers.roles.administrator import DataAdministrator
from he_helpers.roles.analyst import DataAnalyst

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def course(tmp_path_factory, one_worker):
    """A fresh workspace with a server, in which the release notebook is the first that is opened."""
    workspace = Workspace(tmp_path_factory.mktemp("course") / "workspace")
    start_server(workspace)
    try:
        enter_in_a_process(workspace, "administrator", "06")
        yield workspace
    finally:
        stop_server(workspace)


@pytest.fixture
def workspace(course, monkeypatch):
    """The same workspace for every test; each makes sure of what it needs."""
    monkeypatch.setenv(ROLE_VARIABLE, "")
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(course.root))
    return course


class _As:
    """Lets a test look through the eyes of one role after the other, which a notebook cannot."""

    def __init__(self, workspace, monkeypatch):
        self._workspace = workspace
        self._patch = monkeypatch

    def _seat(self, role):
        self._patch.setenv(ROLE_VARIABLE, "")
        address = start_server(self._workspace)
        self._patch.setenv(ROLE_VARIABLE, role)
        return Seat(role, self._workspace.folder(role), address, self._workspace.handover)

    def administrator(self):
        seat = self._seat("administrator")
        return DataAdministrator(seat.folder, seat.server, seat.passphrase())

    def analyst(self):
        seat = self._seat("analyst")
        return DataAnalyst(seat.folder, seat.server, seat.passphrase())


@pytest.fixture
def acting(workspace, monkeypatch):
    return _As(workspace, monkeypatch)


@pytest.fixture
def administrators_part(workspace, monkeypatch):
    """Catching up before a notebook, the administrator's steps alone, in this process: for tests of what they make."""

    def made(notebook):
        with monkeypatch.context() as patch:
            patch.setenv(ROLE_VARIABLE, "administrator")
            patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"round 1\nround 2\n")))
            module.main([name for name in NOTEBOOKS[notebook] if STEPS[name].role == "administrator"])

    return made


def files_of(workspace):
    """Every file that belongs to a person, with its bytes."""
    return {
        str(file.relative_to(workspace.root)): file.read_bytes()
        for name in ("administrator", "analyst", "handover", "in_mind")
        for file in sorted((workspace.root / name).rglob("*"))
        if file.is_file()
    }


def enter_in_a_process(workspace, role, notebook):
    """Enters as a notebook does, which says nothing on either stream."""
    code = f"from he_helpers import lab\nlab.enter({role!r}, notebook={notebook!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_for(workspace, None),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_release_notebook_can_be_opened_first(workspace, acting):
    analyst = acting.analyst()
    described = analyst.describe("branch-accounts")
    frame = load_table("branch_accounts")
    assert described["rows"] == len(frame)
    assert described["labels"].keys() == {"Region", "Branch", "Quarter"}
    assert (described["minimum_group_size"], described["contributor_label"]) == (5, "Branch")
    request = analyst.ask("branch-accounts", "sum", ["Region"], ["Revenue"], "a test")

    administrator = acting.administrator()
    assert list(administrator.datasets().index) == ["branch-accounts"]
    assert administrator.review(request).clean
    administrator.approve(request)
    administrator.release(request)
    # Whoever opens it again finds a review as the first time.
    again = analyst.ask("branch-accounts", "sum", ["Region"], ["Revenue"], "a test")
    assert administrator.review(again).approved_before
    catch_up(workspace, "06")
    assert list((administrator.folder / "decisions").iterdir()) == []

    released = acting.analyst().result(request)["Revenue"]
    expected = frame.groupby(["Region"])["Revenue"].sum().round(2)
    assert sorted(released) == sorted(expected)


def test_catching_up_again_changes_nothing(workspace):
    before = files_of(workspace)
    for role, notebook in [(None, "00"), ("administrator", "03"), ("server", "05"), ("administrator", "06")]:
        enter_in_a_process(workspace, role, notebook)
    assert files_of(workspace) == before


def test_what_a_notebook_makes_itself_is_forgotten_and_nothing_else(workspace, acting, administrators_part):
    administrator = acting.administrator()
    uploaded = administrator.uploaded("branch-accounts")
    for name in ("my-own", "population-projections"):
        administrator.upload(name, uploaded, minimum_group_size=5)
    keyring = administrator.keyring.path.read_bytes()

    catch_up(workspace, "04")
    assert list(administrator.datasets().index) == ["my-own", "population-projections"]
    administrators_part("07")
    assert list(administrator.datasets().index) == ["my-own"]
    administrators_part("07")
    catch_up(workspace, "05")
    assert list(administrator.datasets().index) == ["branch-accounts", "my-own"]
    assert administrator.keyring.path.read_bytes() == keyring
    administrator.delete("my-own")


def uploads_of(notebook):
    """The names under which a notebook uploads a table, in its cells' own words."""
    [file] = (PROJECT / "notebooks").glob(f"{notebook}_*.ipynb")
    source = "\n".join(cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code")
    return set(re.findall(r'\.upload\(\s*"([^"]+)"', source))


@pytest.mark.parametrize(("notebook", "count"), [("04", 1), ("06", 1), ("07", 1), ("08", 1)])
def test_a_notebook_that_was_broken_off_anywhere_begins_anew(acting, administrators_part, notebook, count):
    administrator = acting.administrator()
    uploaded = administrator.uploaded("branch-accounts")
    names = uploads_of(notebook)
    assert len(names) == count
    for name in names - {"branch-accounts"}:
        administrator.upload(name, uploaded, minimum_group_size=5)
    administrators_part(notebook)
    assert not names & set(administrator.datasets().index)
    assert not any((administrator.folder / "uploads" / f"{name}.table").exists() for name in names)
    if "branch-accounts" in names:
        # For the tests below.
        administrator.upload("branch-accounts", uploaded, minimum_group_size=5)


def test_a_dataset_that_only_the_server_or_only_the_administrator_has_is_made_anew(acting, administrators_part):
    administrator = acting.administrator()
    (administrator.folder / "uploads" / "branch-accounts.table").unlink()
    administrators_part("06")
    assert administrator.uploaded("branch-accounts").rows == administrator.describe("branch-accounts")["rows"]

    administrator.connection.delete("datasets", "branch-accounts")
    administrators_part("06")
    assert list(administrator.datasets().index) == ["branch-accounts"]


def test_two_notebooks_that_catch_up_at_once(workspace, acting):
    administrator = acting.administrator()
    administrator.delete("branch-accounts")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(catch_up, [workspace] * 2, ["05", "06"]))
    assert list(administrator.datasets().index) == ["branch-accounts"]


def test_a_failing_step_is_reported_with_what_it_said(workspace):
    token = workspace.root / "administrator" / "token"
    right = token.read_text()
    token.write_text("wrong")
    try:
        with pytest.raises(CatchUpFailed, match="administrator's part failed:(.|\n)*ServerRefused(.|\n)*401"):
            catch_up(workspace, "05")
    finally:
        token.write_text(right)


def test_a_step_runs_in_its_own_role_only(workspace, monkeypatch):
    monkeypatch.setenv(ROLE_VARIABLE, "analyst")
    with pytest.raises(SystemExit, match="branch-accounts is one of the administrator.*acts as analyst"):
        module.main(["branch-accounts"])


def test_an_unknown_notebook_lists_the_notebooks(workspace):
    with pytest.raises(ValueError, match="no notebook '99'.*00, 01, 02"):
        lab.enter(None, notebook="99")


def test_every_notebook_names_known_steps_whose_rounds_can_run():
    for names in NOTEBOOKS.values():
        assert all(isinstance(STEPS[name], Step) for name in names)
        if any(STEPS[name].round == 2 for name in names):
            assert {"administrator-keys", "analyst-keys"} <= set(names)


def test_an_interruption_ends_the_processes_that_catch_up(tmp_path, monkeypatch, started):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.select, "select", interrupted)
    with pytest.raises(KeyboardInterrupt):
        catch_up(Workspace(tmp_path / "workspace"), "04")
    # Of both roles.
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


def test_what_a_library_prints_without_the_end_of_a_line_hides_no_answer(tmp_path, monkeypatch):
    class Talking(subprocess.Popen):
        def __init__(self, _, **options):
            program = "import sys\nfor line in sys.stdin: print('said by a library: ', line, end='', flush=True)"
            super().__init__([sys.executable, "-c", program], **options)

    monkeypatch.setattr(module.subprocess, "Popen", Talking)
    monkeypatch.setattr(module, "_STEP_SECONDS", 5)
    catch_up(Workspace(tmp_path / "workspace"), "04")
