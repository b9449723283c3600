"""What is said while a cell works: seen as long as it works, and gone afterwards. It is never stored: test_execute."""

import subprocess
import sys
import time

import pytest

from he_helpers.lab.stage.role_kernels.kernels import start_kernel, stop_kernel
from he_helpers.lab.workspace.doing import doing, steps
from he_helpers.lab.workspace.server_process import start_server, stop_server
from he_helpers.lab.workspace.workspace import PROJECT, ROLE_VARIABLE, WORKSPACE_VARIABLE, Workspace

SECONDS = 180
SLOW = """
from he_helpers import lab
print("before")
with lab.doing("Making <keys>.") as say:
    say("Making more.")
print("after")
"""
LOOP = """
import time
for name in lab.steps(["a", "b"], "library"):
    time.sleep(0.2)
"""
MANY = "total = sum(lab.steps(range(20_000)))"
ENTER = 'seat = lab.enter("administrator", notebook="11")'
ROLE = '%%role analyst\nwith lab.doing("Counting."):\n    print(1)'


def test_steps_pass_on_everything_once_and_in_order():
    assert list(steps(range(4))) == [0, 1, 2, 3]
    assert list(steps(iter("abc"), "letter")) == ["a", "b", "c"]
    assert list(steps([])) == []


def test_errors_pass():
    with pytest.raises(ZeroDivisionError), doing("Dividing."):
        1 / 0  # noqa: B018


def test_a_program_in_a_terminal_is_not_disturbed():
    program = "from he_helpers import lab\nwith lab.doing('x'):\n    print(list(lab.steps('ab')))"
    for shell in ("", "from IPython.core.interactiveshell import InteractiveShell as S\nS.instance()\n"):
        done = subprocess.run([sys.executable, "-c", shell + program], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("['a', 'b']\n", "")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, idle_servers):
    folder = tmp_path_factory.mktemp("doing")
    workspace = Workspace(folder / "workspace")
    with pytest.MonkeyPatch.context() as patch, (folder / "log").open("wb") as log:
        patch.setenv(WORKSPACE_VARIABLE, str(workspace.root))
        patch.setenv("PYTHONPATH", str(PROJECT))
        patch.delenv(ROLE_VARIABLE, raising=False)
        # The words for the start of a server are those for looking for it.
        start_server(workspace)
        manager, client = start_kernel(workspace, None, folder, log, SECONDS)
        try:
            yield manager, client
        finally:
            stop_kernel(manager, client)
            stop_server(workspace)


def run(kernel, source, interrupted_at=None):
    """The lines that were said while the cell ran, what is left of them at its end, and its other outputs.

    interrupted_at: the line at which the cell is interrupted.
    """
    manager, client = kernel
    asked = client.execute(source)
    said, left, others = [], {}, []
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=SECONDS)
        kind, content = message["msg_type"], message["content"]
        if message["parent_header"].get("msg_id") != asked:
            continue
        if content.get("execution_state") == "idle":
            return said, [data for data in left.values() if data], others
        identity = content.get("transient", {}).get("display_id")
        if identity is None:
            others.append(content.get("text") or content.get("ename") or content.get("data", {}).get("text/plain"))
            continue
        assert (kind == "display_data") == (identity not in left), "only updates have words"
        left[identity] = content["data"]
        if words := content["data"].get("text/plain"):
            said.append(words)
            if words == interrupted_at:
                manager.interrupt_kernel()
    raise AssertionError(f"the cell did not end within {SECONDS} s")


def shown(others):
    return [text for text in others if text]


@pytest.mark.slow
def test_words_are_seen_while_the_work_is_done_and_not_longer(kernel):
    said, left, others = run(kernel, SLOW)
    assert said == ["Making <keys>.", "Making more."]
    assert not left and "".join(shown(others)).endswith("before\nafter\n")
    assert run(kernel, LOOP)[:2] == (["Library 1 of 2", "Library 2 of 2"], [])


@pytest.mark.slow
def test_many_short_steps_are_not_all_said(kernel):
    said, left, _ = run(kernel, MANY)
    assert said[0] == "Step 1 of 20000" and len(said) < 100 and not left


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        "with lab.doing('Waiting.'):\n    time.sleep(99)",
        LOOP.replace("0.2", "99"),
        "waited = [time.sleep(99) for name in lab.steps(['a', 'b'], 'library')]",
    ],
)
def test_an_interruption_leaves_no_line(kernel, cell):
    run(kernel, SLOW + "import time")
    line = "Library 1 of 2" if "steps" in cell else "Waiting."
    said, left, others = run(kernel, cell, interrupted_at=line)
    assert said == [line] and left == [] and shown(others)[-1] == "KeyboardInterrupt"


@pytest.mark.slow
def test_entering_and_a_role_say_what_they_wait_for(kernel):
    said, left, _ = run(kernel, f"from he_helpers import lab\n{ENTER}\nlab.figures.show")
    assert said[0] == "Looking for the server, or starting it: a few seconds."
    assert "making the administrator's keys, as notebook 03 does" in "".join(said)
    assert said[-1] == "Loading what draws figures: a few seconds." and not left
    said, left, others = run(kernel, ROLE)
    assert said == ["Starting a process for the analyst: a few seconds.", "Counting."] and not left
    assert shown(others)[-2:] == ["Run by the data analyst", "1\n"]
