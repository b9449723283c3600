"""A server for practice: its own store, a forged event that fits in itself, and a copy with the same accounts."""

import pytest

from he_helpers.audit.chain import Entry, inspect_entries
from he_helpers.lab.stage.practice import PracticeServer, practice_seat
from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.workspace.server_process import ServerProcess, status_of
from he_helpers.lab.workspace.workspace import Workspace
from he_helpers.roles import DataAnalyst

# No server here computes anything.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("idle_servers")]


@pytest.fixture
def seat(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    yield Seat("analyst", workspace.folder("analyst"), "http://127.0.0.1:1", workspace.handover)
    for folder in (workspace.handover / "practice").iterdir():
        ServerProcess(workspace, "server", folder).stop()


def trail(analyst):
    return [Entry.from_document(entry) for entry in analyst.connection.get_all("audit", "chain", key="sequence")]


def test_a_practice_server_is_forged_copied_and_begun_anew(seat):
    server = PracticeServer(seat)
    here = practice_seat(seat)
    analyst = DataAnalyst(here.folder, here.server, "by heart")
    assert analyst.witness().clean and len(server.events()) == 2
    honest = server.events()
    server.forge(1, detail="forged")
    assert inspect_entries(trail(analyst)) == []
    assert [finding.event for finding in analyst.witness().findings] == [1]
    server.put_back(honest)
    assert server.events() == honest and analyst.witness().clean

    second = PracticeServer(seat, "second", copy_of=server)
    there = practice_seat(seat, "second")
    assert there.folder == here.folder and there.server != here.server
    assert DataAnalyst(there.folder, there.server, "by heart").witness().continues == {"you": 2}
    accounts = second.execute("SELECT name FROM accounts ORDER BY name")
    assert accounts == [("administrator",), ("analyst",)]
    assert practice_seat(seat, person="somebody new").folder != here.folder

    # The first one of another run ends both, and takes the folders of their people away.
    again = PracticeServer(seat)
    assert status_of(f"{here.server}/v1/health") is None and status_of(f"{there.server}/v1/health") is None
    new = practice_seat(seat)
    assert not (new.folder / "trail").exists() and repr(again) == "PracticeServer('first', 2 events)"
    again.stop()
    assert status_of(f"{new.server}/v1/health") is None
