"""What the helpers cost on top of the libraries, for a full ciphertext, measured in pairs.

The digest over the bytes costs more than Pyfhel's whole serialisation, which only copies memory. So each call that
computes is held to 15 % by itself, and serialisation as part of all four calls.
"""

import time

import numpy as np
import pandas as pd
import pytest

from he_helpers.lab.measuring.measure import interleaved_medians, paired
from he_helpers.lab.measuring.overhead import certainly_above, measured_schemes, overhead

LARGEST_RATIO = 1.15


@pytest.mark.slow
@pytest.mark.parametrize("name", measured_schemes())
def test_overhead_for_a_full_ciphertext(name):
    # A short key, under which Paillier's own part is an eighth, and the helper's the same.
    above = certainly_above(overhead((name,), modulus_bits=1024), LARGEST_RATIO)
    assert above.empty, f"The helper costs too much:\n{above}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tenseal-bfv", "pyfhel-bfv"])
def test_a_cost_of_a_third_is_noticed(name, monkeypatch):
    """The measure is no rubber stamp: what takes a third longer is found, also while others use the machine."""
    from he_helpers.schemes.public.interface import key

    checked = key.checked_values

    def slow(*arguments):
        end = time.thread_time() + 500e-6  # encrypting takes less than two milliseconds
        while time.thread_time() < end:
            pass
        return checked(*arguments)

    monkeypatch.setattr(key, "checked_values", slow)
    assert (name, "encrypt") in certainly_above(overhead((name,)), LARGEST_RATIO).index


def test_certainly_above():
    index = pd.MultiIndex.from_product([["x"], ["encrypt", "serialise", "all four"]], names=["scheme", "step"])
    table = pd.DataFrame({"helper / raw": [1.3, 9, 1.1], "lower quartile": [1.2, 8, 1.0]}, index=index)
    assert list(certainly_above(table, 1.15).index) == [("x", "encrypt")]
    assert certainly_above(table, 1.25).empty


def test_pairs():
    made = []
    seconds = paired(lambda: (made.append("a"), time.sleep(0.01)), lambda: (made.append("b"), sum(range(10**6))), 4, 1)
    assert made == ["a", "b", "b", "a", "a", "b", "b", "a", "a", "b"]
    # Waiting is no work of the processor.
    assert seconds.shape == (4, 2) and (seconds > 0).all() and np.median(seconds[:, 0]) < np.median(seconds[:, 1])


def test_the_measure():
    calls_made = []
    functions = {"a": lambda: calls_made.append("a"), "b": lambda: calls_made.append("b")}
    seen = []
    times = interleaved_medians(functions, 3, 1, progress=lambda turns: (seen.append(turn) or turn for turn in turns))
    assert calls_made == ["a", "b"] * 4 and seen == [0, 1, 2]
    assert list(times.index) == ["a", "b"]
    assert list(times.columns) == ["median", "minimum", "lower_quartile", "upper_quartile"]
    assert (times["minimum"] <= times["lower_quartile"]).all() and (times["median"] <= times["upper_quartile"]).all()
    assert len(interleaved_medians(functions, 1, 0)) == 2
    with pytest.raises(ValueError, match="once or more often"):
        interleaved_medians(functions, 0)
