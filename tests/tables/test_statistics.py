"""Statistics out of encrypted sums against pandas, and what a plan refuses."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from he_helpers.errors import HEError
from he_helpers.lab.notebook.data import DATA_FOLDER, SHIPPED, decimals, load_table
from he_helpers.parameters import CKKSParameters, PaillierParameters
from he_helpers.schemes.errors import ShapeMismatch, ValueOutOfRange
from he_helpers.schemes.secret import paillier, pyfhel_bfv, pyfhel_ckks, tenseal_bfv, tenseal_ckks
from he_helpers.tables import Aligned, EncryptedTable, UnknownColumn
from he_helpers.tables.statistics import (
    Histogram,
    Measure,
    MomentPlan,
    covariances,
    histogram_counts,
    moments,
    small_counts,
    summarise,
)
from tests.one_context import in_one_context

LABELS = list(SHIPPED["heart_study"].labels)
NUMBERS = list(SHIPPED["heart_study"].numbers)
# The last pair has missing values on both sides.
PAIRS = [("age", "sysBP"), ("sysBP", "diaBP"), ("diabetes", "glucose"), ("totChol", "BMI")]
EDGES = [40, 70, 80, 90, 100, 200, 400]
CKKS = CKKSParameters(4096, (56, 50), scale_bits=25)
SCHEMES = {
    "tenseal-bfv": tenseal_bfv,
    "pyfhel-bfv": pyfhel_bfv,
    "tenseal-ckks": lambda: tenseal_ckks(CKKS),
    "pyfhel-ckks": lambda: pyfhel_ckks(CKKS),
}


@pytest.fixture(scope="module")
def study():
    return load_table("heart_study", missing="keep")


@pytest.fixture(scope="module")
def plan(study):
    return plan_for(study)


def plan_for(study):
    return MomentPlan.for_frame(study, decimals(study, missing="keep"), columns=NUMBERS, pairs=PAIRS)


@pytest.fixture(scope="module")
def numbers(study, plan):
    """The powers and products of the study that are encrypted."""
    return moments(study, plan)


@cache
def key_pair(name):
    return in_one_context(SCHEMES[name]())


def plain_sums(frame, plan, by):
    return moments(frame, plan).groupby(frame[by]).sum().assign(rows=frame.groupby(by).size())


def expected_statistics(frame, by, columns):
    return pd.DataFrame(
        {
            (group, name): {
                "count": len(part[name].dropna()),
                "mean": part[name].mean(),
                "variance": part[name].var(),
                "std": part[name].std(),
            }
            for group, part in frame.groupby(by)
            for name in columns
        }
    ).T


def relative_error(found, expected):
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    return np.nanmax(np.abs(found - expected) / np.where(expected == 0, 1, np.abs(expected)))


def expected_covariances(frame, by):
    both = []
    for _, part in frame.groupby(by):
        for first, second in PAIRS:
            two = part[[first, second]]
            both.append([len(two.dropna()), two.cov().iloc[0, 1], two[first].corr(two[second])])
    return both


@pytest.fixture(scope="module")
def by_pandas(study):
    """What pandas says by a label: the same for every scheme."""
    return cache(lambda by: (expected_statistics(study, by, NUMBERS), expected_covariances(study, by)))


def largest_error(sums, plan, expected):
    """Of everything in summarise and covariances, against pandas."""
    summary, both = expected
    return max(relative_error(summarise(sums, plan), summary), relative_error(covariances(sums, plan), both))


@pytest.mark.slow
@pytest.mark.parametrize("by", LABELS)
@pytest.mark.parametrize("name", SCHEMES)
def test_every_statistic_is_that_of_pandas(study, plan, numbers, by_pandas, name, by):
    keys = key_pair(name)
    table = EncryptedTable.encrypt(study[[by]].join(numbers), [by], keys.public, layout=Aligned(partial_sums=225))
    sums = table.group_by(by).sum().decrypt(keys.secret).assign(rows=table.group_sizes([by]))
    # The sums are integers and rounding makes those of CKKS exact; without it, 1e-6 would be allowed.
    assert largest_error(sums, plan, by_pandas(by)) < 1e-9


@pytest.mark.slow
def test_paillier_on_a_part_of_the_study(study):
    part = study.head(60)
    plan = MomentPlan.for_frame(part, decimals(study, missing="keep"), columns=["BMI", "glucose", "age"])
    keys = paillier(PaillierParameters(modulus_bits=2048)).generate_keys()
    table = EncryptedTable.encrypt(part[["male"]].join(moments(part, plan)), ["male"], keys.secret)
    sums = table.group_by("male").sum().decrypt(keys.secret).assign(rows=table.group_sizes(["male"]))
    assert relative_error(summarise(sums, plan), expected_statistics(part, "male", ["BMI", "glucose", "age"])) < 1e-9


@pytest.mark.slow
def test_ckks_before_rounding_is_below_one_in_a_million(study, plan):
    keys = key_pair("tenseal-ckks")
    table = EncryptedTable.encrypt(
        study[["male"]].join(moments(study, plan)), ["male"], keys.public, layout=Aligned(partial_sums=225)
    )
    result = table.group_by("male").sum()
    raw = np.concatenate([keys.secret.decrypt(ciphertext) for ciphertext in result.ciphertexts])
    # The order of sums in slots is column, group, part.
    raw_sums = raw.reshape(len(plan.names), 2, 225).sum(axis=2)
    exact = moments(study, plan).groupby(study["male"]).sum().T.to_numpy()
    of_values, of_squares, present = (list(plan.names).index(name) for name in ("BMI", "BMI^2", "n(BMI)"))
    n = exact[present, 0]
    variance = [(n * sums[of_squares, 0] - sums[of_values, 0] ** 2) / (n * (n - 1)) for sums in (raw_sums, exact)]
    assert 0 < abs(variance[0] / variance[1] - 1) < 1e-6
    assert abs(raw_sums - exact).max() < 0.5


def test_histogram(study):
    plan = MomentPlan.for_frame(study, {}, histograms={"glucose": EDGES, "age": [32, 50, 70]})
    keys = key_pair("tenseal-bfv")
    table = EncryptedTable.encrypt(
        study[["male"]].join(moments(study, plan)), ["male"], keys.public, layout=Aligned(partial_sums=128)
    )
    sums = table.group_by("male").sum().decrypt(keys.secret)
    for group, part in study.groupby("male"):
        for name, edges in (("glucose", EDGES), ("age", [32, 50, 70])):
            counts, _ = np.histogram(part[name].dropna(), edges)
            assert histogram_counts(sums, plan, name)[group].tolist() == counts.tolist()


@pytest.mark.slow
def test_the_notebooks_table_takes_few_ciphertexts_and_one_addition_for_each(study, monkeypatch):
    """What its sizes and times come from, counted: 1.1 ms a ciphertext and 6 microseconds an addition."""
    pairs = [("age", "sysBP"), ("sysBP", "diaBP"), ("sysBP", "glucose")]
    bins = {"glucose": [40, 70, 80, 90, 100, 126, 200, 400]}
    plan = MomentPlan.for_frame(study, decimals(study, missing="keep"), columns=NUMBERS, pairs=pairs, histograms=bins)
    key = key_pair("tenseal-bfv").public
    table = EncryptedTable.encrypt(
        study[LABELS].join(moments(study, plan)), LABELS, key, layout=Aligned(partial_sums=149)
    )
    # 41 columns of 2 groups in 149 parts fill 3 vectors of 4096 slots; the larger groups of the three labels have 2419,
    # 2144 and 3594 rows, which are 17, 15 and 25 layers.
    assert (len(plan.names), len(table.ciphertexts)) == (41, 3 * (17 + 15 + 25))
    additions = 0
    add = type(table.key)._add

    def counted(*operands):
        nonlocal additions
        additions += 1
        return add(*operands)

    monkeypatch.setattr(type(table.key), "_add", counted)
    for label in LABELS:
        table.group_by(label).sum()
    assert additions == 3 * (16 + 14 + 24)
    assert len(table.to_bytes()) < 60 * (DATA_FOLDER / "heart_study.csv").stat().st_size


values = st.none() | st.integers(-(10**6), 10**6).map(lambda number: number / 100)


@pytest.mark.slow
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from("ab"), values, values), min_size=1, max_size=12))
def test_small_groups_and_missing_values_as_in_pandas(rows):
    frame = pd.DataFrame(rows, columns=["g", "x", "y"]).astype({"x": float, "y": float})
    plan = MomentPlan.for_frame(frame, {"x": 2, "y": 2}, columns=["x", "y"], pairs=[("x", "y")])
    sums = plain_sums(frame, plan, "g")
    found = summarise(sums, plan)
    for (group, name), statistics in found.iterrows():
        column = frame.loc[frame["g"] == group, name]
        assert statistics["count"] == column.count()
        for own, theirs in (("mean", column.mean()), ("variance", column.var()), ("std", column.std())):
            assert np.isclose(statistics[own], theirs, rtol=1e-9, atol=1e-6, equal_nan=True)
    for (group, _, _), statistics in covariances(sums, plan).iterrows():
        both = frame.loc[frame["g"] == group, ["x", "y"]].dropna()
        assert statistics["count"] == len(both)
        expected = both["x"].cov(both["y"]) if len(both) > 1 else np.nan
        assert np.isclose(statistics["covariance"], expected, rtol=1e-9, atol=1e-6, equal_nan=True)


def test_two_labels(study, plan):
    both = ["male", "currentSmoker"]
    two = moments(study, plan).groupby([study[label] for label in both]).sum()
    found = summarise(two.assign(rows=study.groupby(both).size()), plan)
    assert found.index.names == ["male", "currentSmoker", "column"]
    part = study[(study["male"] == "1") & (study["currentSmoker"] == "0")]
    assert np.isclose(found.loc[("1", "0", "BMI"), "std"], part["BMI"].std(), rtol=1e-9)


def test_small_counts_find_cells_and_differences(study):
    plan = MomentPlan.for_frame(
        study,
        decimals(study, missing="keep"),
        columns=["prevalentStroke", "BMI", "sysBP"],
        pairs=[("sysBP", "BMI")],
        histograms={"age": [32, 33, 70]},
    )
    by_smoking = small_counts(plain_sums(study, plan, "currentSmoker"), plan, 10)
    without = study[study["BMI"].isna()].groupby("currentSmoker").size()
    expected = {("1", "prevalentStroke is 1"): 7}
    for name in ("without BMI", "sysBP without BMI"):
        expected |= {(group, name): size for group, size in without.items() if size < 10}
    young = study[study["age"] < 33].groupby("currentSmoker").size()
    expected |= {(group, "age in [32, 33)"): size for group, size in young.items() if size < 10}
    assert by_smoking.to_dict() == expected
    assert by_smoking.index.names == ["currentSmoker", "people"]
    nothing = small_counts(plain_sums(study, plan, "currentSmoker"), plan, 2)
    assert nothing.empty and nothing.index.names == ["currentSmoker", "people"]


def test_small_counts_look_at_both_sides_of_a_pair_and_at_its_yes_answers():
    frame = pd.DataFrame({"g": ["a"] * 6, "x": [1, 1, 1, 0, 0, np.nan], "y": [5, 6, np.nan, np.nan, np.nan, 7]})
    plan = MomentPlan.for_frame(frame, {}, columns=["x", "y"], pairs=[("x", "y")])
    found = small_counts(plain_sums(frame, plan, "g"), plan, 3)
    assert found.loc["a"].to_dict() == {
        "without x": 1, "x is 0": 2, "x is 1 without y": 1, "x is 0 without y": 2, "y without x": 1,
    }  # fmt: skip
    four = small_counts(plain_sums(frame, plan, "g"), plan, 4)
    assert four.loc["a"].to_dict() == {
        "without x": 1, "n(y)": 3, "without y": 3, "x is 1": 3, "x is 0": 2,
        "x without y": 3, "x is 1 without y": 1, "x is 0 without y": 2, "y without x": 1,
    }  # fmt: skip


def test_small_counts_find_the_gaps_of_the_heart_study(study):
    numbers = list(decimals(study, missing="keep"))
    plan = MomentPlan.for_frame(study, decimals(study, missing="keep"), columns=numbers)
    found = {}
    for label in ("male", "currentSmoker", "TenYearCHD"):
        small = small_counts(plain_sums(study, plan, label), plan, 10)
        found |= {(label, *key): size for key, size in small.items() if key[1].startswith("without")}
    assert found == {
        ("male", "0", "without heartRate"): 1,
        ("male", "0", "without cigsPerDay"): 8,
        ("male", "0", "without BMI"): 9,
        ("currentSmoker", "0", "without heartRate"): 1,
        ("currentSmoker", "0", "without BMI"): 7,
        ("TenYearCHD", "0", "without heartRate"): 1,
        ("TenYearCHD", "1", "without BMI"): 3,
        ("TenYearCHD", "1", "without cigsPerDay"): 4,
        ("TenYearCHD", "1", "without BPMeds"): 6,
        ("TenYearCHD", "1", "without totChol"): 9,
    }


def test_small_counts_subtract_what_is_released_from_each_other():
    frame = pd.DataFrame(
        {
            "g": "a",
            "yes": [1] * 5 + [0] * 4 + [np.nan] * 3,
            "kind": [1, 1, 1, 2, np.nan, 1, 1, 2, 2, np.nan, 1, 1],
            "age": [3.0] * 10 + [np.nan] * 2,
        }
    )
    plan = MomentPlan.for_frame(
        frame,
        {},
        columns=["yes", "kind"],
        pairs=[("yes", "kind")],
        histograms={"age": [0, 5]},
    )
    found = small_counts(plain_sums(frame, plan, "g"), plan, 100).loc["a"]
    expected = {
        "n(yes)": frame["yes"].count(),
        "without yes": frame["yes"].isna().sum(),
        "yes is 1": (frame["yes"] == 1).sum(),
        "yes is 0": (frame["yes"] == 0).sum(),
        "n(kind)": frame["kind"].count(),
        "without kind": frame["kind"].isna().sum(),
        "neither yes nor kind": (frame["yes"].isna() & frame["kind"].isna()).sum(),
        "yes without kind": (frame["yes"].notna() & frame["kind"].isna()).sum(),
        "yes is 1 without kind": ((frame["yes"] == 1) & frame["kind"].isna()).sum(),
        "kind without yes": (frame["kind"].notna() & frame["yes"].isna()).sum(),
        "age in [0, 5]": frame["age"].count(),
        "age in no bin": frame["age"].isna().sum(),
    }
    assert found.to_dict() == expected


def test_small_counts_need_the_sizes_of_the_groups(study):
    plan = MomentPlan.for_frame(study, {}, histograms={"age": [32, 70]})
    with pytest.raises(ShapeMismatch, match="sizes of the groups"):
        small_counts(moments(study, plan).groupby(study["male"]).sum(), plan, 10)


def test_a_plan_travels_as_json(plan):
    assert MomentPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    full = replace(plan, histograms=(Histogram("age", (32.0, 70.0)),))
    assert MomentPlan.from_dict(full.to_dict()) == full
    for wrong in (None, [], {}, {**plan.to_dict(), "pairs": [["age"]]}, {**plan.to_dict(), "measures": 3}):
        with pytest.raises(HEError):
            MomentPlan.from_dict(wrong)


def test_names_are_short(study):
    plan = MomentPlan.for_frame(study, {}, columns=["age", "diabetes", "glucose"], pairs=[("diabetes", "glucose")])
    assert plan.names == (
        "age", "age^2", "diabetes", "glucose", "glucose^2", "n(glucose)", "diabetes*glucose", "diabetes|glucose",
    )  # fmt: skip
    assert plan.without("diabetes").names == ("age", "age^2", "glucose", "glucose^2", "n(glucose)")


def test_bins_of_long_numbers_keep_their_own_names():
    frame = pd.DataFrame({"x": [1_234_567.0, 1_234_568.0, 0.1, 0.1 + 2**-50]})
    histogram = Histogram("x", (0.0, 1_234_567.0, 1_234_568.0, 1_234_569.0))
    assert histogram.names == ("x in [0, 1234567)", "x in [1234567, 1234568)", "x in [1234568, 1234569]")
    derived = moments(frame, MomentPlan(histograms=(histogram,)))
    assert derived[list(histogram.names)].sum().tolist() == [2, 1, 1]


def test_whole_sums_stay_whole_beside_a_column_of_floats():
    large = 2**53 - 1
    sums = pd.DataFrame({"z": [large], "z^2": [large], "rows": [1], "other": [0.5]}, index=["a"])
    assert summarise(sums, ONLY_Z).loc[("a", "z"), "mean"] == large


ONLY_Z = MomentPlan((Measure("z", 0, False, False),))
FRAME = pd.DataFrame({"g": list("aab"), "x": [1.5, np.nan, 2.5], "y": [0, 1, 1], "z": [1, 2, 3]})


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: MomentPlan(), ShapeMismatch, "needs a measure"),
        (lambda: MomentPlan.for_frame(FRAME, {}, columns=["q"]), UnknownColumn, "no column 'q'. Known: g, x, y, z"),
        (lambda: MomentPlan.for_frame(FRAME, {}, columns=["x"], pairs=[("x", "y")]), UnknownColumn, "no measure 'y'"),
        (lambda: MomentPlan.for_frame(FRAME, {}, columns=["x"], pairs=[("x", "x")]), ShapeMismatch, "twice"),
        (lambda: MomentPlan.for_frame(FRAME, {}, columns="x"), ShapeMismatch, r"a list, not 'x': write \['x'\]"),
        (lambda: MomentPlan.for_frame(FRAME, 2, columns=["x"]), ShapeMismatch, "decimals is a mapping.*not 2"),
        (lambda: MomentPlan.for_frame(FRAME, {}, columns=["x", "y"], pairs=["xy"]), ShapeMismatch, "pairs.*'xy'"),
        (lambda: MomentPlan.for_frame(FRAME, {}, columns=["x"], pairs=[5]), ShapeMismatch, "pairs.*and 5 is none"),
        (lambda: MomentPlan.for_frame(FRAME, {}, pairs=[("x", "y", "z")]), ShapeMismatch, "list of pairs"),
        (lambda: MomentPlan.for_frame(FRAME, {}, histograms={"x": 5}), ShapeMismatch, "'x' needs the edges.*not 5"),
        (lambda: MomentPlan.for_frame(FRAME, {}, histograms={"x": "12"}), ShapeMismatch, "needs the edges.*not '12'"),
        (lambda: MomentPlan.for_frame(FRAME, {}, histograms=["x"]), ShapeMismatch, "histograms is a mapping"),
        (lambda: MomentPlan.for_frame(FRAME, {}, histograms={"g": [1, 2]}), ShapeMismatch, "'g' is no column of"),
        (lambda: MomentPlan.for_frame(FRAME, {"x": 13}, columns=["x"]), ShapeMismatch, "0 to 12 decimals, not 13"),
        (lambda: MomentPlan((Measure("y", 1, False, True),)), ShapeMismatch, "0 to 0 decimals"),
        (lambda: MomentPlan((Measure("a", 0, False, False), Measure("a^2", 0, False, False))), ShapeMismatch, "twice"),
        (lambda: MomentPlan(histograms=(Histogram("x", (1.0, 1.0)),)), ShapeMismatch, "rising edges"),
        (lambda: MomentPlan(histograms=(Histogram("x", (0.0, np.inf)),)), ShapeMismatch, "finite"),
        (lambda: moments(FRAME, MomentPlan((Measure("q", 0, True, False),))), UnknownColumn, "no column 'q'"),
        (lambda: moments(FRAME, MomentPlan((Measure("x", 1, False, False),))), ValueOutOfRange, "has missing values"),
        (lambda: moments(FRAME, MomentPlan((Measure("z", 0, False, True),))), ValueOutOfRange, "yes-no"),
        (lambda: moments(FRAME, MomentPlan((Measure("x", 0, True, False),))), ValueOutOfRange, "more than 0 decimals"),
        (lambda: moments(FRAME, MomentPlan((Measure("x", 9, True, False),))), ValueOutOfRange, "can pass 2\\^53"),
        (lambda: moments(FRAME, MomentPlan(histograms=(Histogram("z", (1.0, 2.0)),))), ValueOutOfRange, "1 values out"),
        (lambda: summarise(pd.DataFrame({"z": [1]}), ONLY_Z), ShapeMismatch,
         "Add the sizes of the groups"),
        (lambda: summarise(pd.DataFrame({"z": [1], "rows": 2}), ONLY_Z),
         ShapeMismatch, "no column 'z\\^2'. Ask for all"),
        (lambda: summarise(pd.DataFrame({"z": [1.5], "z^2": 1, "rows": 2}), ONLY_Z),
         ShapeMismatch, "is 1.5, no exact integer"),
        (lambda: histogram_counts(FRAME, ONLY_Z, "z"), UnknownColumn, "none"),
    ],
)  # fmt: skip
def test_refusals_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()
