"""The search for secrets in a server process, against real processes that hold some and that hold none."""

import io
import subprocess
import sys
import time

import nbformat
import numpy as np
import pandas as pd
import pytest
import tenseal as ts

from he_helpers.lab.evidence import (
    NOT_READ,
    Evidence,
    collect,
    collecting,
    in_words,
    needles_of_number_table,
    needles_of_tenseal_key,
    process_that_holds,
    report,
    search,
)
from he_helpers.lab.evidence.needles import needles_of_bytes
from he_helpers.lab.workspace.workspace import PROJECT

pytestmark = pytest.mark.slow

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process be read from outside")
ABSENT = np.random.default_rng(11).bytes(64)

# Loads a private TenSEAL context and a table as any program would, and says how the secret key lies in
# its memory.
HOLDER = """
import sys, time
import pandas as pd, tenseal as ts
folder, holds = sys.argv[1:]
context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
if holds == "nothing":
    context.make_context_public()
else:
    table = pd.read_csv(f"{folder}/accounts.csv")
    words = context.secret_key().data.data()
    open(f"{folder}/words", "w").write(" ".join(str(words[i]) for i in range(64)))
open(f"{folder}/secret", "wb").write(context.serialize(save_secret_key=holds != "nothing"))
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def accounts():
    rng = np.random.default_rng(7)
    numbers = rng.integers(100_000, 90_000_000, size=(60, 3)) / 100
    frame = pd.DataFrame(numbers, columns=["Revenue", "Expenses", "Savings"])
    frame.insert(0, "Branch", [f"B{number:03}" for number in range(60)])
    return frame


@pytest.fixture
def server_folder(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "log").write_text("the server answers\n")
    return folder


@pytest.fixture
def start(tmp_path):
    """Starts HOLDER and waits until it holds what it should."""
    started = []

    def begin(holds):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path), holds], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process.pid

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@linux_only
def test_a_secret_key_and_plaintext_values_are_found_in_a_real_process(start, tmp_path, server_folder, accounts):
    accounts.to_csv(tmp_path / "accounts.csv", index=False)
    pid = start("everything")
    words = np.array((tmp_path / "words").read_text().split(), dtype="<u8").tobytes()
    needles = {
        "secret key": needles_of_bytes(words),
        **needles_of_number_table(accounts, decimals=2),
        "absent": ABSENT,
    }
    with collect(server_folder, pid, tmp_path / "evidence") as evidence:
        found = search(evidence, needles)
        assert "tenseal" in " ".join(evidence.modules) and "pandas" in evidence.modules
    assert list(found.columns) == ["imports", "database", "files", "memory"]
    assert found.loc["secret key", "memory"] > 0
    assert found.loc["numbers as floats", "memory"] > 0
    assert (found.loc["absent"] == 0).all()
    assert (found["database"] == 0).all() and (found["files"] == 0).all()


@linux_only
def test_nothing_is_found_in_a_process_that_holds_nothing(start, tmp_path, server_folder, accounts):
    pid = start("nothing")
    secret = np.random.default_rng(1).integers(0, 2**36, 512).astype("<u8").tobytes()
    with collect(server_folder, pid, tmp_path / "evidence") as evidence:
        found = search(evidence, {"secret key": needles_of_bytes(secret), **needles_of_number_table(accounts, 2)})
    assert (found == 0).all(axis=None)


def test_what_is_planted_is_found_in_every_place(tmp_path, server_folder, accounts):
    needles = needles_of_number_table(accounts, decimals=2)
    contents = [
        accounts.to_csv(index=False).encode(),
        np.rint(accounts[["Revenue", "Expenses", "Savings"]].to_numpy() * 100).astype("<i8").tobytes(),
        accounts[["Revenue", "Expenses", "Savings"]].to_numpy().tobytes(),
    ]
    with process_that_holds(contents, server_folder, modules=["he_helpers.lab.notebook.source"]) as pid:
        evidence = collect(server_folder, pid, tmp_path / "evidence")
    found = search(evidence, {**needles, "module": b"he_helpers.lab.notebook.source"})
    planted = found.loc[list(needles)]
    assert (planted["database"] > 0).all() and (planted["files"] > 0).all()
    if sys.platform == "linux":
        assert (planted["memory"] > 0).all()
        assert found.loc["module", "imports"] == 1
        assert "he_helpers.lab.figures.style" not in evidence.modules


@linux_only
def test_modules_are_found_as_the_process_itself_lists_them(tmp_path, server_folder):
    program = "import sys, json, sqlalchemy, time\nprint(json.dumps(list(sys.modules)), flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        listed = set(pd.read_json(io.StringIO(process.stdout.readline()))[0])
        with collect(server_folder, process.pid, tmp_path / "evidence") as evidence:
            found = set(evidence.modules)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    expected = {name for name in listed if name.startswith("sqlalchemy") or name == "json.decoder"}
    assert len(expected) > 50
    assert expected <= found
    assert {name for name in found if name.startswith("sqlalchemy")} <= listed


@linux_only
def test_a_large_memory_image_is_searched_within_two_seconds(tmp_path, server_folder, accounts):
    folder = tmp_path / "evidence"
    (folder / "database").mkdir(parents=True)
    (folder / "files").mkdir()
    rng = np.random.default_rng(3)
    block = rng.bytes(8 << 20) + np.arange(1 << 20, dtype="<i8").tobytes() + b"a line of text, 17\n" * 400_000
    (folder / "memory").write_bytes(block * 9)
    image = Evidence(folder, 1, (), len(block) * 9, 0, "")
    assert image.memory_bytes > 200e6
    needles = {"secret key": needles_of_bytes(rng.bytes(4096)), **needles_of_number_table(accounts, 2)}
    search(image, {"warm": ABSENT})
    begin = time.process_time()
    found = search(image, needles)
    assert time.process_time() - begin < 2
    assert (found == 0).all(axis=None)


@linux_only
def test_what_a_worker_of_the_server_holds_is_found(server_folder, tmp_path):
    """In a process that the server's process has started, and nowhere in its own."""
    holder = "import sys; secret = sys.stdin.buffer.read(64); print('ready', flush=True); sys.stdin.buffer.read()"
    starter = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1]]).returncode)"
    with subprocess.Popen(
        [sys.executable, "-c", starter, holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdin.write(ABSENT)
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        found = search(collect(server_folder, process.pid, tmp_path / "evidence"), {"secret": ABSENT})
        process.stdin.close()
    assert found.loc["secret", "memory"] > 0


def test_where_memory_cannot_be_read_the_evidence_says_so(monkeypatch, tmp_path, server_folder):
    monkeypatch.setattr(collecting.sys, "platform", "darwin")
    with process_that_holds([ABSENT], server_folder) as pid:
        evidence = collect(server_folder, pid, tmp_path / "evidence")
    assert evidence.modules is None and "darwin" in evidence.why_not_read
    found = search(evidence, {"planted": ABSENT})
    assert found.loc["planted"].tolist() == [NOT_READ, 1, 1, NOT_READ]


@linux_only
def test_a_closed_memory_leaves_the_rest_and_says_what_to_do(monkeypatch, tmp_path, server_folder):
    def refuse(*arguments):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(collecting.os, "pread", refuse)
    with process_that_holds([ABSENT], server_folder) as pid:
        evidence = collect(server_folder, pid, tmp_path / "evidence")
    assert evidence.modules is None and "--inspectable" in evidence.why_not_read
    assert not (evidence.folder / "memory").exists()
    found = search(evidence, {"planted": ABSENT})
    assert found.loc["planted"].tolist() == [NOT_READ, 1, 1, NOT_READ]


@linux_only
def test_a_key_that_a_process_uses_is_found_in_its_memory_alone(tmp_path, server_folder):
    held, other = (ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193) for _ in range(2))
    private = held.serialize(save_secret_key=True)
    with process_that_holds([ABSENT], server_folder, context=private) as pid:
        evidence = collect(server_folder, pid, tmp_path / "evidence")
    found = search(evidence, needles_of_tenseal_key(private))
    assert found.loc["secret key, in use"].tolist()[:3] == [0, 0, 0] and found.loc["secret key, in use", "memory"] > 0
    absent = search(evidence, needles_of_tenseal_key(other.serialize(save_secret_key=True)))
    assert (absent == 0).all(axis=None)


def test_a_context_without_a_secret_key_has_no_needles():
    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
    context.make_context_public()
    with pytest.raises(ValueError, match="no secret key"):
        needles_of_tenseal_key(context.serialize())


def test_what_was_not_read_here_is_told_from_elsewhere_and_marked():
    needles = list(report.ELSEWHERE["leaky"])
    found = pd.DataFrame([[NOT_READ, 0, 2, NOT_READ]] * len(needles), index=needles, columns=list(report.AREAS))
    said = in_words(found, elsewhere="leaky")
    assert said.loc["secret key, in use"].tolist() == ["0 elsewhere", 0, "found", "found elsewhere"]
    assert said.loc["passphrase"].tolist() == ["0 elsewhere", 0, "found", "0 elsewhere"]


@pytest.mark.parametrize("name", report.ELSEWHERE)
def test_what_is_told_from_elsewhere_is_what_the_notebook_stores(name):
    stored = pd.DataFrame(report.ELSEWHERE[name], index=list(report.AREAS)).T.rename_axis("needle")
    [file] = (PROJECT / "notebooks").glob("17_*.ipynb")
    outputs = [output for cell in nbformat.read(file, as_version=4).cells for output in cell.get("outputs", [])]
    assert str(stored) in [output.get("data", {}).get("text/plain") for output in outputs]


def test_evidence_is_handed_over_replaced_and_deleted(tmp_path, server_folder):
    into = tmp_path / "evidence"
    with process_that_holds([ABSENT], server_folder) as pid:
        collect(server_folder, pid, into)
        evidence = collect(server_folder, pid, into)
    assert into.stat().st_mode & 0o777 == 0o700
    assert Evidence.load(into) == evidence
    evidence.delete()
    evidence.delete()
    assert not into.exists()
    with pytest.raises(FileNotFoundError, match="Collect it first"):
        Evidence.load(into)


def test_a_folder_with_something_else_is_not_overwritten(tmp_path, server_folder):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work").write_text("dear")
    with process_that_holds([ABSENT], server_folder) as pid:
        with pytest.raises(FileExistsError, match="Name a new folder"):
            collect(server_folder, pid, tmp_path / "mine")
    assert (tmp_path / "mine" / "work").read_text() == "dear"


def test_no_process_and_no_folder_are_named(tmp_path, server_folder):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(ProcessLookupError, match="No process"):
        collect(server_folder, ended.pid, tmp_path / "evidence")
    with pytest.raises(NotADirectoryError, match="no server folder"):
        collect(tmp_path / "nowhere", ended.pid, tmp_path / "evidence")


def test_needles_that_chance_would_find_are_refused(tmp_path):
    evidence = Evidence(tmp_path, 1, (), 0, 0, "")
    with pytest.raises(ValueError, match="fewer than 8 bytes"):
        search(evidence, {"short": b"North"})
    with pytest.raises(TypeError, match="must be bytes"):
        search(evidence, {"text": ["a number of letters"]})
    with pytest.raises(ValueError, match="less uniform"):
        needles_of_bytes(bytes(4096))
    with pytest.raises(ValueError, match="at least one numeric column"):
        needles_of_number_table(pd.DataFrame({"label": ["a"]}))
    with pytest.raises(ValueError, match="too few or too uniform"):
        needles_of_number_table(pd.DataFrame({"label": ["a long enough name"] * 20, "value": [0] * 20}))


def test_windows_cover_the_secret_from_end_to_end():
    secret = np.random.default_rng(5).bytes(4096)
    windows = needles_of_bytes(secret, length=64, count=6)
    assert [len(window) for window in windows] == [64] * 6
    assert windows[0] == secret[:64] and windows[-1] == secret[-64:]
    assert needles_of_bytes(secret[:40]) == [secret[:40]]


def test_missing_values_are_no_part_of_a_needle(accounts):
    accounts.loc[::7, "Revenue"] = np.nan
    needles = needles_of_number_table(accounts, decimals=2)
    floats = np.frombuffer(b"".join(needles["numbers as floats"]))
    integers = np.frombuffer(b"".join(needles["numbers as integers"]), dtype="<i8")
    assert np.isfinite(floats).all()
    assert set(floats) <= set(accounts[["Revenue", "Expenses", "Savings"]].to_numpy().ravel())
    assert (integers == np.rint(floats * 100)).all()
