"""A pool of workers goes on whatever a job does to its worker, and tells what that was."""

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from he_helpers.errors import HEError
from he_helpers.workers import (
    JobTimedOut,
    JobTooLarge,
    Limits,
    Refusal,
    TaskFailed,
    WorkerDied,
    WorkerPool,
    WorkersBusy,
    WorkersUnavailable,
)
from he_helpers.workers import pool as pool_module
from he_helpers.workers import worker as worker_module
from tests.at_once import at_once
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TASKS = "tests.workers.tasks"
MEGABYTE = 2**20


@pytest.fixture
def pool():
    made = WorkerPool(TASKS, most=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lasting_pool():
    """For tests after which its worker is there, as it was: a start takes longer than most of them."""
    made = WorkerPool(TASKS, most=2)
    yield made
    made.close()


def number_of(pool):
    return pool.run("look_around")["number"]


def ends(process, seconds=60.0):
    """Whether the process of this number ends within so many seconds; it is not left behind."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    return False


# What travels


def test_plain_data_bytes_and_files_travel(lasting_pool):
    members = {"number": 2**60, "text": "é", "nested": {"a": [1, None, True, 0.5]}, "content": os.urandom(3 * MEGABYTE)}
    assert lasting_pool.run("echo", **members) == {**members}
    with tempfile.SpooledTemporaryFile(2**16) as file:
        file.write(b"0123456789")
        answer = lasting_pool.run("read_file", content=file, start=4)
    assert answer["content"] == b"456789"
    # The descriptor was closed again, or the worker would run out of them.
    assert answer["descriptor"] not in lasting_pool.run("look_around")["descriptors"]


def test_nothing_but_plain_data_travels(lasting_pool):
    with pytest.raises(TypeError):
        lasting_pool.run("echo", thing=object())
    assert lasting_pool.run("echo", thing=1) == {"thing": 1}


def test_a_worker_is_told_nothing_of_its_parent(pool, monkeypatch):
    monkeypatch.setenv("PASSPHRASE", "planted passphrase")
    monkeypatch.setenv("LC_TIME", "C")
    secret = open(os.devnull)  # noqa: SIM115  a descriptor that must not be inherited
    os.set_inheritable(secret.fileno(), True)
    seen = pool.run("look_around")
    secret.close()
    assert "planted passphrase" not in seen["environment"].values()
    assert seen["environment"]["LC_TIME"] == "C"
    assert len(seen["descriptors"]) == 1  # the socket
    assert seen["core"] == [0, 0]
    assert seen["folder"] == "/"
    assert seen["session"] == seen["number"]


def test_a_worker_writes_no_file(lasting_pool, tmp_path):
    with pytest.raises(TaskFailed, match="OSError"):
        lasting_pool.run("write_file", path=str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b""


def test_more_files_than_travel_are_refused(lasting_pool):
    with tempfile.TemporaryFile() as file:
        with pytest.raises(TypeError, match="9 files; at most 8"):
            lasting_pool.run("echo", **{f"file{number}": file for number in range(9)})


# What goes wrong


@pytest.mark.parametrize(
    "task, members, words",
    [
        ("answer_what_cannot_travel", {}, "TypeError"),
        ("refuse_with_what_cannot_travel", {}, "TypeError"),
        ("answer_nothing", {}, "TypeError"),
        ("answer_much_plain", {"size": 65 * MEGABYTE}, "at most 67,108,864"),
    ],
)
def test_an_answer_that_cannot_travel_is_the_tasks_failure(lasting_pool, task, members, words):
    """And not that of what the task was given; the worker goes on."""
    before = number_of(lasting_pool)
    with pytest.raises(TaskFailed, match=words):
        lasting_pool.run(task, **members)
    assert number_of(lasting_pool) == before
    assert not lasting_pool.deaths


def message_of(*parts):
    packed = msgpack.packb(list(parts))
    return len(packed).to_bytes(8, "little") + packed


DONE = {"outcome": "done", "retires": False}


NONSENSE = (
    (5).to_bytes(8, "little") + b"\xc1\xc1\xc1\xc1\xc1",
    (1).to_bytes(8, "little") + b"\xa5",
    (2).to_bytes(8, "little") + b"\xa1\xff",
    (0).to_bytes(8, "little"),
    message_of(),
    message_of(DONE, {}, []),
    message_of(1, {}, [], []),
    message_of(DONE, [], [], []),
    message_of(DONE, {}, ["file"], []),
    message_of(DONE, {}, [], 1),
    message_of(DONE, {}, [], [["content", -1]]),
    message_of(DONE, {}, [], [["content", 0.5]]),
    message_of(DONE, {}, [], [["content"]]),
    message_of({}, {}, [], []),
    message_of({"outcome": "done"}, {}, [], []),
    message_of({"outcome": ["done"], "retires": False}, {}, [], []),
    message_of({"outcome": "splendid", "retires": False}, {}, [], []),
    message_of({"outcome": "failed", "retires": False}, {}, [], []),
    message_of({"outcome": "refused", "retires": False, "kind": "x", "message": "x"}, {}, [], []),
)


def test_a_worker_that_answers_nonsense_counts_as_dead(pool):
    """Each by itself, and another worker, which has done nothing before, answers the next one."""
    for deaths, message in enumerate(NONSENSE, 1):
        pool.start()
        [before] = pool.numbers()
        with pytest.raises(WorkerDied, match="answer_below.*without an answer that can be read") as caught:
            pool.run("answer_below", message=message)
        assert (caught.value.signal_name, caught.value.exit_code) == (None, None), message
        assert ends(before), message
        assert pool.deaths == {"WorkerDied": deaths}, message
    assert pool.run("echo", still="there") == {"still": "there"}


def test_a_worker_that_closes_its_socket_and_goes_on_is_ended(pool, monkeypatch):
    monkeypatch.setattr(worker_module, "_DYING_SECONDS", 0.2)
    pool.start()
    [before] = pool.numbers()
    begin = time.monotonic()
    with pytest.raises(WorkerDied, match="without an answer") as caught:
        pool.run("close_socket_and_sleep", limits=Limits(seconds=300))
    assert time.monotonic() - begin < 60
    # The signal is the pool's own, and not what became of the worker.
    assert (caught.value.signal_name, caught.value.exit_code) == (None, None)
    assert ends(before)


def test_an_answer_below_arrives(pool):
    """Positive control for the nonsense above: it comes to the pool where an answer does."""
    assert pool.run("answer_below", message=message_of(DONE, {"said": 1}, [], [])) == {"said": 1}


def test_a_refusal_arrives_as_it_was_raised(lasting_pool):
    before = number_of(lasting_pool)
    with pytest.raises(Refusal, match="too blue") as caught:
        lasting_pool.run("refuse")
    assert (caught.value.kind, caught.value.members) == ("too-blue", {"known": ["red"]})
    assert number_of(lasting_pool) == before


def test_a_failure_is_told_without_its_message(lasting_pool, caplog):
    before = number_of(lasting_pool)
    with pytest.raises(TaskFailed, match="KeyError in fail") as caught:
        lasting_pool.run("fail")
    assert "secret" not in str(caught.value) + caplog.text
    assert number_of(lasting_pool) == before
    assert not lasting_pool.deaths


@pytest.mark.parametrize(
    "task, members, signal_name, exit_code",
    [
        ("read_nothing_at_all", {}, "SIGSEGV", None),
        ("end_by", {"number": int(signal.SIGKILL)}, "SIGKILL", None),
        ("end_by", {"number": int(signal.SIGABRT)}, "SIGABRT", None),
        ("exit_with", {"code": 7}, None, 7),
    ],
)
def test_a_crash_is_survived_named_and_counted(pool, caplog, task, members, signal_name, exit_code):
    with caplog.at_level(logging.WARNING, "he_helpers.workers"), pytest.raises(WorkerDied, match=task) as caught:
        pool.run(task, **members)
    assert isinstance(caught.value, HEError)
    assert (caught.value.signal_name, caught.value.exit_code) == (signal_name, exit_code)
    assert f"task {task}, signal {signal_name}, exit code {exit_code}" in caplog.text
    assert pool.deaths == {"WorkerDied": 1}
    assert pool.run("echo", still="there") == {"still": "there"}


def test_who_comes_after_the_one_that_damaged_a_worker_is_not_blamed(pool):
    damaged = pool.run("remember")["number"]
    fresh = pool.run("end_by_unless_fresh", jobs_before=1)["number"]
    assert fresh != damaged
    assert pool.deaths == {"WorkerDied": 1}
    # Where a fresh worker dies too, the job is what kills it.
    pool.run("remember")
    with pytest.raises(WorkerDied):
        pool.run("read_nothing_at_all")
    assert pool.deaths == {"WorkerDied": 3}


def test_a_worker_that_was_ended_from_outside_is_nobodys_fault(pool):
    # Once more than there may be workers: none of those that have ended counts as one.
    for _ in range(3):
        ended = number_of(pool)
        [worker] = pool._workers
        os.kill(ended, signal.SIGKILL)
        wait_until(lambda worker=worker: not worker.lives)
        assert pool.run("echo", still="there") == {"still": "there"}
        assert ended not in pool.numbers()
    assert not pool.deaths


@pytest.mark.parametrize(
    "task, limits, words",
    [
        ("hang_in_a_library", Limits(seconds=0.5), "within 0.5 s"),
        # Until the first whole second of its process: the system counts no parts of one.
        ("compute", Limits(seconds=100, processor_seconds=0), "more than 0 s of the processor"),
    ],
)
def test_a_job_without_end_is_ended(pool, task, limits, words):
    with pytest.raises(JobTimedOut, match=f"{task}.*{words}"):
        pool.run(task, limits=limits)
    assert pool.deaths == {"JobTimedOut": 1}
    assert pool.run("echo", still="there") == {"still": "there"}


def test_the_time_of_a_job_is_its_own(lasting_pool):
    """The system counts the processor's time over the life of a process."""
    for _ in range(3):
        assert lasting_pool.run("compute", seconds=0.4, limits=Limits(processor_seconds=1)) == {}
    assert not lasting_pool.deaths


def test_a_job_that_grows_is_ended(pool):
    limits = Limits(memory=64 * MEGABYTE, answer=MEGABYTE)
    assert pool.run("grow", limits=limits, size=16 * MEGABYTE) == {"last": ord("x")}
    with pytest.raises(JobTooLarge, match="memory"):
        pool.run("grow", limits=limits, size=128 * MEGABYTE)
    assert len(pool.run("answer_much", limits=limits, size=MEGABYTE)["content"]) == MEGABYTE
    with pytest.raises(JobTooLarge, match="answered too much"):
        pool.run("answer_much", limits=limits, size=MEGABYTE + 1)
    assert pool.deaths == {"JobTooLarge": 2}
    # The limit is that of a job: the next one may have more.
    assert pool.run("grow", size=128 * MEGABYTE) == {"last": ord("x")}


def test_memory_is_watched_from_outside_where_a_worker_cannot_limit_itself(pool, monkeypatch):
    monkeypatch.setattr(worker_module, "_WATCHED_EVERY", 0.02)
    number_of(pool)
    [worker] = pool._workers
    worker._limits_memory = False
    told = iter([10, 10, 10 + 5 * MEGABYTE])
    monkeypatch.setattr(worker, "_resident_memory", told.__next__)
    with pytest.raises(JobTooLarge, match="memory"):
        pool.run("sleep", seconds=30, limits=Limits(memory=4 * MEGABYTE))
    assert next(told, None) is None, "it was not ended before it had grown"
    assert pool.run("echo", still="there") == {"still": "there"}


def test_the_memory_of_another_process_is_told_by_the_system(lasting_pool):
    before = number_of(lasting_pool)
    [worker] = lasting_pool._workers
    assert worker.number == before
    assert 4 * MEGABYTE < worker._resident_memory() < 2**33


def test_a_worker_that_stays_large_is_replaced(pool):
    before = number_of(pool)
    pool.run("keep", size=100 * MEGABYTE)
    pool.run("grow", size=300 * MEGABYTE)
    assert number_of(pool) == before
    pool.run("keep", size=200 * MEGABYTE)
    assert number_of(pool) != before
    assert not pool.deaths


def test_tasks_that_cannot_be_imported():
    pool = WorkerPool("tests.workers.no_such_module")
    try:
        with pytest.raises(WorkersUnavailable, match="No module named 'tests.workers.no_such_module'"):
            pool.start()
        with pytest.raises(WorkersUnavailable):
            pool.run("echo")
    finally:
        pool.close()


def test_a_worker_that_does_not_become_ready_in_time(monkeypatch):
    monkeypatch.setattr(pool_module, "_START_SECONDS", 0.01)
    pool = WorkerPool(TASKS)
    try:
        with pytest.raises(WorkersUnavailable, match="not ready after 0.01 s"):
            pool.start()
        assert pool.numbers() == []
    finally:
        pool.close()


# How many there are


def test_a_short_wait_starts_no_further_worker(pool, monkeypatch):
    monkeypatch.setattr(pool_module, "_WAITING_SECONDS", 20.0)
    steps = [lambda name=name: pool.run("sleep", client=name, seconds=0.5)["number"] for name in ("ann", "bob", "eve")]
    assert len(set(at_once(*steps))) == 1


@contextmanager
def held(pool, *clients):
    """Jobs of these clients, one each, that begin to run or wait now and end when this does; their answers."""
    with tempfile.TemporaryDirectory() as folder:
        end = Path(folder) / "end"
        jobs = [lambda name=name: pool.run("wait_for", client=name, path=str(end)) for name in clients]
        answers = []
        threads = threading.Thread(target=lambda: answers.extend(at_once(*jobs)))
        threads.start()
        try:
            yield answers
        finally:
            end.touch()
            threads.join(60)


def both_workers(pool):
    """The numbers of two workers, which two jobs at the same time make the pool start."""
    with held(pool, "ann", "bob"):
        wait_until(lambda: pool._running == {"ann": 1, "bob": 1})
        return set(pool.numbers())


def test_few_while_idle_and_more_when_needed():
    pool = WorkerPool(TASKS, least=1, most=2, idle_seconds=0.5)
    try:
        assert pool.numbers() == []
        pool.start()
        assert len(pool.numbers()) == 1
        started = both_workers(pool)
        assert len(started) == 2
        wait_until(lambda: len(pool.numbers()) == 1)
        [left] = pool.numbers()
        [ended] = started - {left}
        assert ends(ended)
    finally:
        pool.close()
    assert ends(left)


def test_a_job_for_which_a_worker_is_free_wakes_nobody(lasting_pool, monkeypatch):
    number_of(lasting_pool)
    monkeypatch.setattr(lasting_pool._changed, "notify_all", lambda: pytest.fail("somebody was woken"))
    for _ in range(3):
        assert lasting_pool.run("echo", still="there") == {"still": "there"}


def test_a_start_waits_for_a_worker_and_for_no_job(pool):
    with held(pool, "ann"):
        wait_until(lambda: pool._running == {"ann": 1})
        assert at_once(lambda: pool.start() or "started") == ["started"]


def test_one_client_does_not_hold_every_worker(pool):
    """While ann's slow jobs run and wait, somebody else's short one gets through."""
    assert len(both_workers(pool)) == 2
    with held(pool, "ann", "ann"):
        wait_until(lambda: pool._running == {"ann": 1} and len(pool._waiting) == 1)
        assert pool.run("echo", client="bob", still="there") == {"still": "there"}
        assert pool._running == {"ann": 1}


def test_too_many_jobs_of_one_client_are_refused_and_others_are_not():
    pool = WorkerPool(TASKS, most=2, most_of_a_client=2)
    try:
        with held(pool, "ann", "ann") as answers:
            wait_until(lambda: pool._running == {"ann": 1} and len(pool._waiting) == 1)
            with pytest.raises(WorkersBusy, match="2 jobs of this client") as caught:
                pool.run("echo", client="ann")
            assert caught.value.too_many
            assert pool.run("echo", client="bob", still="there") == {"still": "there"}
        assert answers == [{}, {}]
        assert pool.run("echo", client="ann", still="welcome") == {"still": "welcome"}
    finally:
        pool.close()


def test_who_waits_longer_than_the_pools_patience_is_told_so():
    pool = WorkerPool(TASKS, most=1)
    try:
        with held(pool, "ann"):
            wait_until(lambda: pool._running == {"ann": 1})
            pool._patience = 0.5
            with pytest.raises(WorkersBusy, match="within 0.5 s") as caught:
                pool.run("echo", client="bob")
            assert not caught.value.too_many
    finally:
        pool.close()


# The end of the parent


PARENT = """
import sys, threading, time
from he_helpers.workers import Limits, WorkerPool
pool = WorkerPool("tests.workers.tasks")
number = pool.run("look_around")["number"]
if sys.argv[1] == "busy":
    job = {"args": ("hang_in_a_library",), "kwargs": {"limits": Limits(seconds=float(sys.argv[2]))}}
    threading.Thread(target=pool.run, daemon=True, **job).start()
    while not pool._running:
        time.sleep(0.01)
print(number, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(state, number):
    """Linux ends them with it; elsewhere an idle one sees its socket closed, and a busy one reaches its job's limit."""
    limit = "300" if sys.platform == "linux" else "1"
    command = [sys.executable, "-c", PARENT, state, limit]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(number)
        parent.wait(60)
    assert ends(worker)


def test_a_worker_whose_parent_died_before_it_could_ask_ends_at_once():
    ours, theirs = socket.socketpair()
    nobody = "0"
    arguments = [str(theirs.fileno()), TASKS, nobody, "closed"]
    with ours, theirs:
        command = [sys.executable, "-m", "he_helpers.workers.child", *arguments]
        worker = subprocess.run(command, cwd=ROOT, pass_fds=[theirs.fileno()], timeout=30, check=False)
        theirs.close()
        assert (worker.returncode, ours.recv(1)) == (0, b"")


def test_a_pool_that_was_closed_runs_nothing(pool):
    worker = number_of(pool)
    pool.close()
    assert ends(worker)
    with pytest.raises(WorkersUnavailable):
        pool.run("echo")


def test_a_job_that_runs_while_its_pool_is_closed_is_not_to_blame(pool):
    """Its worker had done nothing before, so that a death would be the job's own."""
    pool.start()
    answers = []
    job = threading.Thread(target=lambda: answers.extend(at_once(lambda: pool.run("sleep", seconds=60))))
    job.start()
    wait_until(lambda: pool._running)
    pool.close()
    job.join(60)
    assert isinstance(answers[0], WorkersUnavailable)
    assert not pool.deaths


def test_a_pool_that_is_closed_while_a_worker_starts_leaves_none(monkeypatch):
    started = []

    class Noted(worker_module.Worker):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            started.append(self.number)

    monkeypatch.setattr(pool_module, "Worker", Noted)
    pool = WorkerPool(TASKS)
    starting = threading.Thread(target=pool.start)
    starting.start()
    wait_until(lambda: started)
    pool.close()
    assert ends(started[0])
    starting.join(10)
    assert not starting.is_alive()


def test_closing_does_not_wait_for_a_worker_that_never_becomes_ready():
    """Its registry hangs while it is imported; closing ends it, and the job that waits for it."""
    pool = WorkerPool("tests.workers.hanging_registry")
    answers = []
    job = threading.Thread(target=lambda: answers.extend(at_once(lambda: pool.run("echo"))))
    job.start()
    wait_until(lambda: pool._starting)
    [starting] = pool._starting
    begin = time.monotonic()
    pool.close()
    # Far below the two minutes that a worker has to become ready.
    assert time.monotonic() - begin < 60
    job.join(60)
    assert isinstance(answers[0], WorkersUnavailable)
    assert ends(starting.number)


def test_closing_ends_a_worker_that_is_just_being_made(monkeypatch):
    """Between the beginning of its process and the moment at which the pool learns of it."""
    making = threading.Event()

    class SlowlyMade(worker_module.Worker):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            making.set()
            wait_until(lambda: pool._closed)

    monkeypatch.setattr(pool_module, "Worker", SlowlyMade)
    pool = WorkerPool("tests.workers.hanging_registry")
    starting = threading.Thread(target=pool.start)
    starting.start()
    assert making.wait(60)
    begin = time.monotonic()
    pool.close()
    assert time.monotonic() - begin < 60
    starting.join(60)
    assert not starting.is_alive()


def test_a_process_that_is_slow_to_end_holds_nobody_up(pool, monkeypatch):
    """Whoever ends a worker waits for the process; the others take and give workers meanwhile."""
    slow = threading.Event()
    end = worker_module.Worker.end

    def end_slowly(worker):
        slow.wait(150)
        end(worker)

    assert len(both_workers(pool)) == 2
    monkeypatch.setattr(worker_module.Worker, "end", end_slowly)
    ending = threading.Thread(target=at_once, args=[lambda: pool.run("keep", client="ann", size=300 * MEGABYTE)])
    ending.start()
    try:
        wait_until(lambda: len(pool._workers) == 1)
        # In a thread: where it is held up, the test ends nevertheless.
        assert at_once(lambda: pool.run("echo", client="bob", still="there")) == [{"still": "there"}]
        assert ending.is_alive()
    finally:
        slow.set()
    ending.join(60)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the address space is not limited")
def test_a_worker_that_limits_its_own_memory_is_not_watched(pool, monkeypatch):
    """Watching starts a process for each look."""
    pool.start()
    [worker] = pool._workers
    monkeypatch.setattr(worker, "_watch_memory", lambda *_: pytest.fail("it was watched"))
    assert pool.run("echo", still="there") == {"still": "there"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the address space is not limited")
def test_what_jobs_leave_in_cycles_takes_nothing_from_later_ones(pool):
    """Address space alone, of which the memory that a worker holds shows nothing."""
    number = number_of(pool)
    for _ in range(30):
        pool.run("leave_in_a_cycle", limits=Limits(memory=256 * MEGABYTE), size=100 * MEGABYTE)
    assert number_of(pool) == number
