"""A server whose folder goes ends by itself: nobody could find it any more."""

import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow

SECONDS = 30


@pytest.mark.parametrize("again", [False, True])
def test_a_server_ends_when_its_folder_is_removed(start_server, folder, again):
    """And not before: the control, for one of both, is that it goes on where another file is removed."""
    server = start_server()
    if again:
        (folder / "server.log").unlink()
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(timeout=4)
    shutil.rmtree(folder)
    if again:
        folder.mkdir(mode=0o700)
        (folder / "pid").write_text("1\n")
    assert server.process.wait(timeout=SECONDS) == 0
