"""A server whose folder goes ends by itself: nobody could find it any more."""

import shutil

import pytest

pytestmark = pytest.mark.slow

SECONDS = 30


@pytest.mark.parametrize("again", [False, True])
def test_a_server_ends_when_its_folder_is_removed(start_server, folder, again):
    server = start_server()
    shutil.rmtree(folder)
    if again:
        folder.mkdir(mode=0o700)
        (folder / "pid").write_text("1\n")
    assert server.process.wait(timeout=SECONDS) == 0


def test_a_server_whose_files_stay_goes_on(start_server, folder):
    server = start_server()
    (folder / "server.log").unlink()
    with pytest.raises(Exception, match="timed out"):
        server.process.wait(timeout=4)
