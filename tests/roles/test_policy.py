"""The disclosure policy: what is kept of it, and what the review and the release make of it."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest

from he_helpers.roles.approval.noise import NoiseBudget, questions
from he_helpers.roles.approval.policy import DisclosurePolicy, Noise
from he_helpers.roles.errors import AlreadyThere, BudgetSpent, DamagedRecord, NotApproved, ReviewNotClean, WrongKind
from he_helpers.roles.keys.release import finish
from he_helpers.tables import Aligned, EncryptedTable, Labels, Query
from he_helpers.tables.statistics import MomentPlan, moments
from tests.roles.test_review import BORDER, BY_REGION, BY_TOWN, approval, branches, encrypted, pair, review

NOISE = Noise(epsilon=0.5, budget=1.0, bounds={"Revenue": (0, 100)})


@pytest.mark.parametrize(
    "policy",
    [
        DisclosurePolicy(),
        DisclosurePolicy(10, "Branch", dominance=(1, 0.5), ledger=False, rounding=1000, noise=NOISE),
        DisclosurePolicy(dominance=None, plan=MomentPlan.for_frame(pd.DataFrame({"a": [1, 2]}), {}, columns=["a"])),
    ],
)
def test_a_policy_is_kept_as_json(policy):
    assert DisclosurePolicy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


def test_of_a_policy_is_kept_what_is_not_the_default():
    assert DisclosurePolicy(5, "Branch").to_dict() == {"minimum_group_size": 5, "contributor_label": "Branch"}


@pytest.mark.parametrize(
    "fields",
    [
        {"minimum": 0},
        {"contributor_label": 3},
        {"dominance": (0, 0.5)},
        {"dominance": (2, 85)},
        {"dominance": 0.85},
        {"ledger": "off"},
        {"rounding": 0},
        {"rounding": 2.5},
        {"noise": 0.5},
        {"plan": {}},
    ],
)
def test_what_is_no_policy_is_refused(fields):
    with pytest.raises(WrongKind, match="Expected is"):
        DisclosurePolicy(**fields)


@pytest.mark.parametrize(
    ("epsilon", "budget", "bounds"),
    [
        *((0, 1, {}), (1, True, {}), (1, 1, {"a": (2, 1)}), (1, 1, {"a": "01"}), (1, 1, [("a", 1)])),
        *((1, 1, {"a": (0, 10**400)}), (1, 1, {"a": (-1e308, 1e308)}), (5e-324, 1, {"a": (0, 1)})),
        *((math.nan, 1, {}), (1, math.inf, {}), (1, 1, {"a": (0, math.inf)}), (1, 1, {"a": (math.nan, 1)})),
    ],
)
def test_what_is_no_noise_is_refused(epsilon, budget, bounds):
    with pytest.raises(WrongKind, match="Expected"):
        Noise(epsilon, budget, bounds)


# The review


def test_dominance_as_the_policy_says():
    frame = branches(n1=[60], n2=[30], n3=[10], s1=[10], s2=[10], s3=[10])
    findings = {
        rule: review(encrypted(frame), policy=DisclosurePolicy(3, "branch", dominance=rule)).findings
        for rule in ((1, 0.5), (1, 0.6), (2, 0.85), None)
    }
    assert findings[1, 0.5] == ("1 contributor holds 60% of a sum of Revenue, and at most 50% are allowed",)
    assert findings[2, 0.85] == ("2 contributors hold 90% of a sum of Revenue, and at most 85% are allowed",)
    assert findings[1, 0.6] == findings[None] == ()


def people_with_gaps(gaps):
    values = [np.nan] * gaps + [20.0] * (12 - gaps)
    frame = pd.DataFrame({"sex": ["m"] * 12 + ["w"] * 12, "BMI": [*values, *[21.0] * 12], "ill": [0, 1] * 12})
    plan = MomentPlan.for_frame(frame, {}, columns=["BMI", "ill"], histograms={"BMI": [10, 21, 30]})
    table = frame[["sex"]].join(moments(frame, plan))
    return EncryptedTable.encrypt(table, ["sex"], pair().public, layout=Aligned(groupings=[["sex"]])), plan


@pytest.mark.parametrize(
    ("gaps", "columns", "about"),
    [
        (1, ["BMI", "BMI^2", "n(BMI)"], "without BMI"),
        (1, ["n(BMI)"], "not in n(BMI)"),
        (9, ["n(BMI)"], "n(BMI)"),
        (0, ["ill"], None),
        (4, ["n(BMI)"], None),
        (9, ["BMI in [10, 21)", "BMI in [21, 30]"], "BMI in [10, 21)"),
    ],
)
@pytest.mark.parametrize("statistic", ["sum", "mean"])
def test_gaps_and_present_values_are_looked_at(gaps, columns, about, statistic):
    table, plan = people_with_gaps(gaps)
    query = Query(statistic, ("sex",), columns)
    found = review(table, query, policy=DisclosurePolicy(4, plan=plan))
    assert found.clean is (about is None)
    if about:
        assert len(found.findings) == 1 and found.findings[0].startswith("fewer than 4 people are: ")
        assert about in found.findings[0]
    else:
        assert "present:   no count, gap or bin of fewer than 4 people" in repr(found)


def test_without_a_plan_the_review_says_that_it_does_not_look():
    table, _ = people_with_gaps(1)
    found = review(table, Query("sum", ("sex",), ["n(BMI)"]), policy=DisclosurePolicy(4))
    assert found.clean and "present:   counts of present values are not looked at" in repr(found)
    assert "present" not in review(table, Query("sum", ("sex",), ["BMI"]), policy=DisclosurePolicy(4)).in_words()


def test_a_policy_without_a_ledger_compares_nothing():
    table = encrypted(BORDER, ["region", "town"], [["region"], ["town"]])
    before = [approval(table, BY_REGION, contributor_label=None)]
    for ledger in (True, False):
        policy = DisclosurePolicy(3, ledger=ledger)
        found = review(table, BY_TOWN, policy=policy, table_digest="this table", approved_before=before)
        assert found.clean is not ledger
    assert "together:  not compared: your policy has no ledger" in repr(found)


# Rounding


def test_rounded_sums_are_multiples_and_have_no_decimals():
    sums = pd.DataFrame({"Revenue": [1249.99, 1250.01, -0.4]})
    table, decimals = finish(sums, "sum", {"Revenue": 2}, pd.Series([1, 1, 1]), base=500)
    assert table["Revenue"].tolist() == [1000, 1500, 0] and decimals == {"Revenue": 0}
    means, decimals = finish(sums / 4, "mean", {"Revenue": 2}, pd.Series([4, 4, 4]), base=500)
    assert means["Revenue"].tolist() == [250, 375, 0] and decimals == {"Revenue": 4}
    counts, _ = finish(pd.DataFrame({"count": [7]}), "count", {}, pd.Series([7]), base=500)
    assert counts["count"].tolist() == [7]


# Noise


LABELS = Labels.from_frame(pd.DataFrame({"region": ["N", "N", "N", "S"], "branch": ["a", "a", "b", "c"]}))


def asked(column="Revenue", table="this table", label="branch", decimals=2, noise=NOISE):
    return questions(Query("sum", ("region",), (column,)), table, LABELS, label, {column: decimals}, noise)


def test_sensitivity_is_what_one_contributor_can_change():
    assert [one.sensitivity for one in asked()] == [2 * 100 * 100]  # two rows of branch a, in hundredths
    assert [one.sensitivity for one in asked(label=None, decimals=0)] == [100]
    assert asked("Expenses") == []
    bounds = Noise(1, 1, {"Revenue": (0.15, 1.01)})
    assert [one.sensitivity for one in asked(decimals=1, noise=bounds)] == [2 * 10]  # 1 to 11 tenths, outwards


def test_the_same_question_gives_the_same_answer_and_costs_once(tmp_path):
    budget = NoiseBudget(tmp_path / "noise", "accounts")
    assert budget.price(asked()) == 0.5 and budget.spent == 0
    [first] = budget.answer(asked(), [[100, 200]], 1.0)
    assert budget.price(asked()) == 0 and budget.spent == 0.5
    again = NoiseBudget(tmp_path / "noise", "accounts").answer(asked(), [[100, 200]], 1.0)
    assert again == [first] and budget.spent == 0.5


def test_a_spent_budget_refuses_and_spends_nothing(tmp_path):
    budget = NoiseBudget(tmp_path / "noise", "accounts")
    for table in ("one", "two"):
        budget.answer(asked(table=table), [[100, 200]], 1.0)
    with pytest.raises(BudgetSpent, match="This would cost 0.5 .* 0 of 1 are left"):
        budget.answer(asked(table="three"), [[100, 200]], 1.0)
    assert budget.spent == 1.0 and budget.answer(asked(table="two"), [[100, 200]], 1.0)


def test_a_crash_never_leaves_an_answer_that_was_not_paid(tmp_path, monkeypatch):
    budget = NoiseBudget(tmp_path / "noise", "accounts")

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("he_helpers.roles.approval.noise.write_private", crash)
        with pytest.raises(KeyboardInterrupt):
            budget.answer(asked(), [[100, 200]], 1.0)
    assert budget.spent == 0


def test_a_record_that_cannot_be_read_is_not_passed_over(tmp_path):
    budget = NoiseBudget(tmp_path / "noise", "accounts")
    budget.answer(asked(), [[100, 200]], 1.0)
    budget.file.write_text(budget.file.read_text()[:-3])
    with pytest.raises(DamagedRecord, match="restore"):
        budget.answer(asked(), [[100, 200]], 1.0)


def test_noise_has_the_size_that_it_says(tmp_path):
    budget = NoiseBudget(tmp_path / "noise", "accounts")
    [noisy] = budget.answer(asked(), [[0] * 4000], 1.0)
    scale = 2 * 100 * 100 / 0.5
    # The mean size of 4000 values has a standard deviation of scale / sqrt(4000): six of them are a tenth.
    assert 0.9 * scale < np.abs(noisy).mean() < 1.1 * scale and abs(np.mean(noisy)) < 0.15 * scale


def test_the_review_says_what_noise_costs(tmp_path):
    table = encrypted(branches(n1=[1, 2], n2=[3, 4], n3=[5, 5], s1=[3, 4], s2=[5, 6], s3=[5, 5]))
    budget = NoiseBudget(tmp_path / "noise", "accounts")
    policy = DisclosurePolicy(3, "branch", noise=NOISE)
    found = review(table, policy=policy, budget=budget)
    assert found.clean and "noise:     on average Revenue ± 400; costs 0.5, and 1 of 1 are left" in repr(found)
    for other in ("one", "two"):
        budget.answer(asked(table=other), [[1, 2]], 1.0)
    assert review(table, policy=policy, budget=budget).findings == (
        "the noise costs 0.5, and 0 of your budget are left",
    )
    policy = DisclosurePolicy(3, "branch", noise=Noise(1, 1, {}))
    assert review(table, policy=policy, budget=budget).findings == (
        "noise needs bounds of Revenue, which your policy does not have",
    )
    assert review(table, Query("count", ("region",)), policy=policy, budget=budget).clean
    # The release would end in an error of the library, after the approval.
    wide = Noise(1, 1, {"Revenue": (-(10**15), 10**15)})
    policy = DisclosurePolicy(3, "branch", dominance=None, noise=wide)
    columns = (type(table.columns[0])("Revenue", 6),)
    finer = EncryptedTable(table.key, dataclasses.replace(table.header, columns=columns), table.ciphertexts)
    assert review(finer, policy=policy, budget=budget).findings == (
        "the bounds of Revenue are too wide for noise on whole numbers of 64 bits",
    )


# With a server


@pytest.mark.slow
def test_a_release_with_noise_and_rounding(ada, ana, accounts, dataset):
    with pytest.raises(AlreadyThere, match="upload"):
        ada.set_policy(dataset, DisclosurePolicy(4))
    noise = Noise(0.5, 0.5, {"Revenue": (0, 100)})
    ada.set_policy(dataset, DisclosurePolicy(3, noise=noise, rounding=10))
    first, same, other = (
        ana.ask(dataset, "sum", [label], ["Revenue"], purpose="report") for label in ("region", "region", "size")
    )
    for request in (first, same):
        ada.review(request)
        ada.approve(request)
    released = [ada.release(request) for request in (first, first, same)]
    assert all(released[0].equals(again) for again in released) and (released[0] % 10 == 0).all(axis=None)
    assert ana.result(first).equals(released[0]) and ana.result(same).equals(released[0])
    assert ada.review(other).findings == ("the noise costs 0.5, and 0 of your budget are left",)
    ada.set_policy(dataset, DisclosurePolicy(3))
    with pytest.raises(ReviewNotClean, match="another rounding or noise"):
        ada.release(first)
    ada.set_policy(dataset, DisclosurePolicy(3, noise=noise, rounding=10))
    with pytest.raises(ReviewNotClean):
        ada.approve(other)
    with pytest.raises(NotApproved):
        ada.release(other)


@pytest.mark.slow
def test_an_upload_takes_a_policy_or_its_two_numbers(ada, accounts):
    table = ada.encrypt_table(accounts, ["region", "size"], decimals=1)
    for arguments in ({}, {"minimum_group_size": 3, "policy": DisclosurePolicy(3)}):
        with pytest.raises(WrongKind):
            ada.upload("either", table, **arguments)
    policy = DisclosurePolicy(3, ledger=False)
    ada.upload("either", table, policy=policy)
    assert ada.policy("either") == policy
    with pytest.raises(AlreadyThere, match="set_policy"):
        ada.upload("either", table, 3)
    ada.delete("either")
