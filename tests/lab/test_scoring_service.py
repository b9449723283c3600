"""Finding and starting the scoring services of a workspace, with real processes."""

import json
import subprocess
import sys

import pytest

from he_helpers.lab.workspace import server_process
from he_helpers.lab.workspace.server_process import find_or_start_scoring, start_scoring, status_of, stop_server
from he_helpers.lab.workspace.workspace import ROLE_VARIABLE, Workspace, WrongRole, enter_role, environment_for

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_role(monkeypatch):
    # Set first, so that the variable is gone again afterwards even when a test enters a role.
    monkeypatch.setenv(ROLE_VARIABLE, "")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, one_worker):
    """One for all tests: each finds the services running that those before it have left, or starts them."""
    workspace = Workspace(tmp_path_factory.mktemp("course") / "workspace")
    yield workspace
    stop_server(workspace)


def test_any_role_finds_the_service_of_a_company(workspace):
    enter_role("customer")
    address = find_or_start_scoring(workspace, "company")
    assert status_of(f"{address}/v1/health") == 200
    assert (workspace.handover / "company_address").read_text().strip() == address
    assert find_or_start_scoring(workspace, "company") == address
    with pytest.raises(WrongRole):
        start_scoring(workspace, "company")
    with pytest.raises(WrongRole):
        workspace.folder("company")


def test_the_process_of_a_service_has_entered_the_role_of_its_owner(workspace):
    start_scoring(workspace, "company")
    folder = workspace.root / "company" / "service"
    number = int((folder / "pid").read_text())
    if sys.platform == "linux":
        with open(f"/proc/{number}/environ", "rb") as file:
            assert f"{ROLE_VARIABLE}=company".encode() in file.read().split(b"\0")
    assert {entry.name for entry in (workspace.root / "company").iterdir()} == {"service", "models"}


def test_each_owner_of_a_model_has_a_service_and_all_are_stopped(workspace):
    addresses = {role: start_scoring(workspace, role) for role in ("company", "research")}
    model = {
        "name": "risk",
        "title": "",
        "inputs": [{"name": "x", "minimum": 0, "maximum": 1}],
        "weights": {"x": 1},
        "intercept": 0,
        "weight_decimals": 0,
        "source": "",
    }
    (workspace.folder("research") / "models" / "risk.json").write_text(json.dumps(model))
    found = {role: status_of(f"{address}/v1/models/risk") for role, address in addresses.items()}
    assert found == {"company": 404, "research": 200}
    assert stop_server(workspace)
    assert [status_of(f"{address}/v1/health") for address in addresses.values()] == [None, None]
    assert not stop_server(workspace)


def test_a_role_without_a_model_has_no_service(workspace):
    with pytest.raises(ValueError, match="customer has no scoring service; these have: company, research"):
        start_scoring(workspace, "customer")


def test_the_command_line(workspace):
    def run(*arguments):
        line = [sys.executable, "-m", server_process.__name__, *arguments]
        return subprocess.run(line, env=environment_for(workspace, None), capture_output=True, text=True)

    assert run("score", "company").stdout.strip() == start_scoring(workspace, "company")
    assert "invalid choice" in run("score", "customer").stderr
    assert run("stop").stdout == "The server is stopped.\n"
