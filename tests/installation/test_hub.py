"""What TEACHING.md tells a JupyterHub to set agrees with what the course sets by itself. No hub is started here."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

from he_helpers.installation import notebook_filter
from he_helpers.lab.running.jupyterlab import options
from he_helpers.lab.workspace.workspace import PROJECT, WORKSPACE_VARIABLE

TEACHING = (PROJECT / "TEACHING.md").read_text(encoding="utf-8")
[CONFIGURATION] = re.findall(r"^```python\n(c\.Spawner\..*?)^```", TEACHING, re.M | re.S)


def configured():
    """The attributes of `c.Spawner` after the configuration has run."""
    spawner = SimpleNamespace()
    exec(CONFIGURATION, {"c": SimpleNamespace(Spawner=spawner)})
    return spawner


def test_the_options_are_those_of_make_lab(tmp_path):
    own = options(PROJECT, tmp_path)
    spawner = configured()
    assert spawner.args and set(spawner.args) <= set(own)
    assert f"--LabApp.default_url={spawner.default_url}" in own
    # What keeps kernels closed and notebooks unchanged; the others are for the looks.
    for name in ("transport", "contents_manager_class", "post_save_hook"):
        assert [option for option in spawner.args if f".{name}=" in option], name
    assert set(spawner.environment) == {WORKSPACE_VARIABLE}


def test_the_filter_of_git_is_that_of_the_set_up(monkeypatch, tmp_path):
    [(name, told)] = re.findall(r'`git config --system (\S+) "(.*)"`', TEACHING)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(notebook_filter.sys, "executable", str(Path(configured().cmd[0]).with_name("python")))
    notebook_filter.register(tmp_path)
    read = subprocess.run(["git", "config", "--local", name], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert read.stdout.strip() == told
