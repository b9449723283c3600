"""The mark of a role: its name in words and a bar, in text that a comparison can hold."""

import re

import pytest

from he_helpers.lab.figures import Role, who_holds_what
from he_helpers.lab.figures.canvas import tint
from he_helpers.lab.figures.style import OKABE_ITO
from he_helpers.lab.stage.role_kernels.role_mark import mark_of_cell, mark_of_seat
from he_helpers.lab.workspace.workspace import ROLE_VARIABLE, ROLES, Workspace, WrongRole


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv(ROLE_VARIABLE, "")
    return Workspace(tmp_path / "workspace")


def bar_of(mark):
    return re.search("border-left: 8px ([^;]*);", mark["text/html"])[1]


def test_every_role_has_a_name_in_words_and_a_bar_of_its_own():
    marks = [mark_of_cell(role) for role in ROLES]
    assert len({bar_of(mark) for mark in marks}) == len({mark["text/plain"] for mark in marks}) == len(ROLES)
    assert mark_of_cell("analyst")["text/plain"] == "Run by the data analyst"
    assert mark_of_cell("company")["text/plain"] == "Run by the company"
    assert mark_of_cell("custodian_2")["text/plain"] == "Run by custodian 2"


def test_a_screen_reader_says_what_the_text_form_says(workspace):
    for mark in (mark_of_cell("analyst"), mark_of_seat("analyst", workspace), mark_of_seat(None, workspace)):
        assert re.sub("<style>.*</style>|<[^>]*>", "", mark["text/html"]) == mark["text/plain"]


@pytest.mark.parametrize(
    "names", [("administrator", "server", "analyst"), ("customer", "company"), ("clinic", "server")]
)
def test_a_mark_has_the_colour_of_its_role_in_diagrams(names):
    roles = [Role(name, name, secret_key=False, holds=("a table",), reads="nothing") for name in names]
    axes = who_holds_what(roles=roles).figure.axes[0]
    heads = [patch.get_facecolor()[:3] for patch in axes.patches if patch.get_facecolor() != (1, 1, 1, 1)]
    assert len(set(heads)) == len(names)
    for name, head in zip(names, heads, strict=True):
        if name in ROLES:
            colour = bar_of(mark_of_cell(name)).split()[1]
            assert head == tint(OKABE_ITO.index(colour))


def test_the_colour_is_not_that_of_the_text():
    assert "color:" not in mark_of_cell("server")["text/html"]


def test_a_seat_tells_whether_there_is_a_keyring(workspace):
    assert mark_of_seat("analyst", workspace)["text/plain"] == "You are the data analyst. In your folder: no keyring."
    (workspace.folder("analyst") / "keyring").touch()
    assert "a keyring, encrypted under your passphrase." in mark_of_seat("analyst", workspace)["text/plain"]
    assert "no keyring" in mark_of_seat("server", workspace)["text/plain"]
    assert mark_of_seat(None, workspace)["text/plain"] == "You play nobody in particular."


def test_a_seat_is_not_looked_into_by_another_role(workspace, monkeypatch):
    monkeypatch.setenv(ROLE_VARIABLE, "analyst")
    with pytest.raises(WrongRole):
        mark_of_seat("administrator", workspace)


def test_the_keyring_of_the_roles_is_the_file_that_is_looked_for(workspace):
    from he_helpers.roles.keys.keyring import Keyring

    Keyring(workspace.folder("administrator")).store("a", b"b", "five random words")
    assert "a keyring, encrypted" in mark_of_seat("administrator", workspace)["text/plain"]
