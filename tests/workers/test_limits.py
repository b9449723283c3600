"""What a worker knows of its own memory, on each system."""

import resource
import sys
from pathlib import Path

import pytest

from he_helpers.workers import limits


def told_by_the_system(name):
    """A number of bytes in /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")
def test_the_address_space_and_the_memory_held_are_those_that_linux_tells():
    assert limits.address_space() == pytest.approx(told_by_the_system("VmSize"), rel=0.02)
    assert limits.held_memory() == pytest.approx(told_by_the_system("VmRSS"), rel=0.02)


@pytest.mark.parametrize("platform, unit", [("darwin", 1), ("freebsd14", 1024)])
def test_elsewhere_the_memory_held_is_the_most_that_was_ever_held(monkeypatch, platform, unit):
    """Which macOS tells in bytes, and the others in kibibytes."""
    monkeypatch.setattr(limits, "_pages", lambda: None)
    monkeypatch.setattr(sys, "platform", platform)
    assert limits.address_space() is None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert limits.held_memory() == pytest.approx(peak * unit, rel=0.02)
