"""What the tests cost: processor time of each file and test, and the memory of each process that runs tests.

    python -m pytest -p tests.cost_plugin -n 2 --dist loadfile tests

At the end come the files and the tests that cost most, the tests above a third of a second that are not marked slow,
and the whole. Processor time is that of the process that runs the tests and of all processes below it, living or ended;
a fixture counts for the test that needs it first. It grows with what else the machine does, by half and more: compare
runs that were made side by side. Reads /proc, which Linux has; elsewhere living processes are not counted.
"""

import os
import resource
from collections import defaultdict
from pathlib import Path

import pytest

LISTED = 20
SLOW = 0.33
_TICKS = os.sysconf("SC_CLK_TCK")


def _of_living_descendants(process: str = "self") -> float:
    """Processor time in seconds of the living processes below this one, and of those that they have waited for."""
    seconds = 0.0
    # Looked up from parent to child: reading all of /proc after each test would cost more than most tests.
    for children in Path("/proc", process, "task").glob("[0-9]*/children"):
        for child in _read(children).split():
            fields = _read(Path("/proc", child, "stat")).rpartition(")")[2].split()
            seconds += sum(int(ticks) for ticks in fields[11:15]) / _TICKS + _of_living_descendants(child)
    return seconds


def _read(file: Path) -> str:
    """What /proc says, and nothing of a process or thread that has ended meanwhile."""
    try:
        return file.read_text()
    except OSError:
        return ""


def _processor_time() -> float:
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used) + _of_living_descendants()


class _Costs:
    def __init__(self) -> None:
        self._last = _processor_time()
        self._collecting = 0.0
        self._tests: dict[str, float] = defaultdict(float)
        self._marked: set[str] = set()
        self._processes: dict[str, tuple[float, float]] = {}

    def _since_last(self) -> float:
        before, self._last = self._last, _processor_time()
        return self._last - before

    # Where tests run: the process itself, or each worker of xdist.

    def pytest_collection_finish(self) -> None:
        self._collecting = self._since_last()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo):
        report = yield
        # Once for each test: looking costs as much as many a test.
        if call.when != "teardown":
            return report
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        process = os.environ.get("PYTEST_XDIST_WORKER", "this process")
        report.cost = (self._since_last(), process, peak, self._collecting)
        return report

    # Where the reports arrive.

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "teardown":
            return
        seconds, process, peak, collecting = report.cost
        self._tests[report.nodeid] += seconds
        self._processes[process] = (peak, collecting)
        if "slow" in report.keywords:
            self._marked.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        files: dict[str, float] = defaultdict(float)
        for test, seconds in self._tests.items():
            files[test.partition("::")[0]] += seconds
        unmarked = {test: s for test, s in self._tests.items() if s > SLOW and test not in self._marked}
        for title, costs, count in (
            ("files that cost most", files, LISTED),
            ("tests that cost most", self._tests, LISTED),
            (f"tests above {SLOW} s and not marked slow", unmarked, len(unmarked)),
        ):
            terminalreporter.section(f"{title}, in seconds of processor time")
            for name in sorted(costs, key=costs.__getitem__, reverse=True)[:count]:
                terminalreporter.write_line(f"{costs[name]:8.1f}  {name}")
        terminalreporter.section("altogether")
        for process, (peak, collecting) in sorted(self._processes.items()):
            terminalreporter.write_line(
                f"{process}: at most {peak:,.0f} MB of memory; {collecting:.1f} s for collecting the tests"
            )
        terminalreporter.write_line(f"{sum(files.values()):.1f} s of processor time in {len(self._tests)} tests")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Costs(), "costs of the tests")
