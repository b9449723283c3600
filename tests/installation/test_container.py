"""The recipe of the container agrees with the other ways to install the course. No image is built here."""

import json
import os
import re
import subprocess

import pytest

from he_helpers.classroom.sandbox import command
from he_helpers.classroom.sandbox.command import NoSandbox, sandboxed
from he_helpers.lab.workspace.workspace import PROJECT

RECIPE = (PROJECT / "Dockerfile").read_text()
DEVCONTAINER = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text())
MAKEFLAGS = re.search(r'^ENV MAKEFLAGS="(.*)"$', RECIPE, re.M)[1]
FOLDER = re.search(r"^WORKDIR (\S+)$", RECIPE, re.M)[1]


def test_its_python_is_that_of_conda():
    conda = re.search(r"^  - python=(\S+)", (PROJECT / "environment.yml").read_text(), re.M)[1]
    assert re.search(r"^FROM python:([\d.]+)-slim-\w+$", RECIPE, re.M)[1] == conda


def test_it_has_the_packages_that_set_up_and_grading_ask_for(monkeypatch, tmp_path):
    packages = set(re.search(r"apt-get install --no-install-recommends --yes (.*) \\", RECIPE)[1].split())
    assert {"g++", "make"} <= packages, "what README asks for"
    monkeypatch.setattr(command.shutil, "which", lambda name: None)
    with pytest.raises(NoSandbox) as error:
        sandboxed([], tmp_path, command.STANDARD)
    asked = set(re.search(r"apt install ([\w -]+)\.", str(error.value))[1].split())
    # util-linux is in every Debian.
    assert asked - {"util-linux"} <= packages


def test_make_finds_the_environment_of_the_image():
    called = [*re.findall(r"^RUN make (.*)$", RECIPE, re.M)[0].split(), "lab"]
    environment = {**os.environ, "MAKEFLAGS": MAKEFLAGS}
    run = subprocess.run(["make", "-n", *called], cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    python = f"{MAKEFLAGS.removeprefix('VENV=')}/bin/python"
    assert f"{python} -m he_helpers.lab.running.jupyterlab" in run.stdout
    assert DEVCONTAINER["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"] == python


def test_it_does_not_run_as_root_and_the_devcontainer_is_of_the_same_account_and_folder():
    user = re.findall(r"^USER (\w+)$", RECIPE, re.M)
    assert user == [DEVCONTAINER["remoteUser"]] and user != ["root"]
    assert RECIPE.index("\nUSER ") < RECIPE.index("\nRUN make ")
    assert DEVCONTAINER["workspaceFolder"] == FOLDER
    assert f"target={FOLDER}," in DEVCONTAINER["workspaceMount"]
    assert (PROJECT / ".devcontainer" / DEVCONTAINER["build"]["dockerfile"]).samefile(PROJECT / "Dockerfile")


def test_no_key_gets_into_an_image():
    left_out = (PROJECT / ".dockerignore").read_text().splitlines()
    assert {"workspace", ".venv", "build"} <= set(left_out)
