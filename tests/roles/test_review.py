"""The review: contributors and not rows, what two results tell together, and text of others in its place."""

import json
import uuid
from functools import cache

import pandas as pd
import pytest

from he_helpers.roles.approval import ledger
from he_helpers.roles.approval.decisions import Approval, Decisions
from he_helpers.roles.approval.ledger import Answered
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.approval.review import review_request
from he_helpers.roles.errors import DamagedRecord, UnreadableAnswer
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.tables import Aligned, EncryptedTable, Labels, Query, aggregate

REGION = Query("sum", ("region",), ("Revenue",))


@cache
def pair():
    return tenseal_bfv().generate_keys()


def decrypt(encrypted):
    return encrypted.decrypt(pair().secret)


def encrypted(frame, labels=("region", "branch"), groupings=(("region",), ("region", "branch"))):
    return EncryptedTable.encrypt(frame, list(labels), pair().public, layout=Aligned(groupings=groupings))


def branches(**amounts):
    """A row for each amount; the keywords are branches, whose first letter is the region."""
    rows = [(name[0], name, amount) for name, of_branch in amounts.items() for amount in of_branch]
    return pd.DataFrame(rows, columns=["region", "branch", "Revenue"])


EVEN = branches(n1=[10, 20], n2=[15, 15], n3=[30, 5], s1=[9, 9], s2=[8, 8], s3=[10, 7], s4=[11, 1])


@cache
def even_table():
    return encrypted(EVEN)


def review(table, query=REGION, minimum=3, contributor_label="branch", recipient="Ana", **options):
    members = {
        "id": str(uuid.uuid4()),
        "dataset": "accounts",
        "analyst": "ana",
        "purpose": "Annual report",
        "query": query.to_dict(),
        "status": "aggregated",
        "recipient_key_fingerprint": "ab" * 16,
    }
    members |= options.pop("members", {})
    policy = options.pop("policy", DisclosurePolicy(minimum, contributor_label))
    server_aggregate = options.pop("server_aggregate", aggregate(table, query).to_bytes())
    return review_request(
        members,
        server_aggregate,
        table,
        policy,
        recipient,
        decrypt=decrypt,
        **options,
    )


# Contributors


def test_a_minimum_counts_contributors():
    table = even_table()
    found = review(table)
    assert found.clean and found.groups["contributors"].tolist() == [3, 4] and found.group_sizes.tolist() == [6, 8]
    assert "2, of 3 to 4 contributors (values of branch) in 6 to 8 rows" in repr(found)
    few = review(table, minimum=4)
    assert few.findings == ("a group has 3 contributors in 6 rows, and your minimum is 4",)


def test_without_a_label_each_row_is_a_contributor_and_the_review_says_so():
    found = review(even_table(), minimum=6, contributor_label=None)
    assert found.clean and "of 6 to 8 rows, each row counted as a contributor" in repr(found)
    assert "not computed: no label tells contributors apart" in found.dominance
    assert not review(even_table(), minimum=7, contributor_label=None).clean


def test_the_largest_contributors_to_a_sum():
    found = review(even_table())
    # North: 30, 30, 35 of 95. South: 18, 17 of 63.
    assert found.dominance == "the 2 largest contributors hold at most 68% of a sum"
    # The two largest hold 86 of 100 in the north, and 85 of 100 in the south.
    for amounts, clean in (([40, 46, 14], False), ([40, 45, 15], True)):
        large, larger, rest = amounts
        frame = branches(n1=[large], n2=[larger], n3=[rest], s1=[10], s2=[10], s3=[10])
        found = review(encrypted(frame))
        assert found.clean is clean
    frame = branches(n1=[400, -390], n2=[5, 5], n3=[10, 0], s1=[1], s2=[1], s3=[100])
    found = review(encrypted(frame))
    assert found.findings == ("2 contributors hold 99% of a sum of Revenue, and at most 85% are allowed",)
    assert found.dominance.endswith("at most 99% of a sum")


def test_dominance_of_the_grand_total_and_of_means():
    frame = branches(n1=[100], n2=[5], n3=[5], s1=[100], s2=[5], s3=[5])
    table = encrypted(frame, groupings=[[], ["branch"], ["region"]])
    for statistic in ("sum", "mean"):
        found = review(table, Query(statistic, (), ("Revenue",)))
        assert found.findings == ("2 contributors hold 91% of a sum of Revenue, and at most 85% are allowed",)


def test_dominance_that_the_layout_cannot_answer():
    found = review(encrypted(EVEN, groupings=[["region"]]))
    assert found.clean
    assert found.dominance == (
        "not computed: to know it, announce groupings=[..., ['region', 'branch']] when you encrypt"
    )


def test_contributors_with_nearly_all_rows():
    frame = branches(n1=[1] * 9, n2=[1] * 9, n3=[9], s1=[1], s2=[1], s3=[1])
    found = review(encrypted(frame, groupings=[["region"]]))
    assert found.findings == ("2 contributors have 95% of the rows of a group",)
    # A minimum of two lets groups of two through, whose two have everything.
    assert review(encrypted(frame), minimum=2).clean
    assert "lets groups of 2 through" in review(encrypted(frame), minimum=2).dominance


def test_a_count_has_no_amounts():
    found = review(even_table(), Query("count", ("region",)))
    assert found.clean and found.dominance.startswith("not asked")


# What two results tell together


def approval(table, query, digest="this table", contributor_label="branch"):
    answered = Answered.of(digest, table.labels, contributor_label, query)
    return Approval("", "accounts", "Ana", {}, answered)


@pytest.mark.parametrize("changed", [{"decision": "granted"}, {"answered": None}, {"answered": {}}, {"unknown": 1}])
def test_a_decision_that_does_not_say_what_was_approved_is_not_passed_over(tmp_path, changed):
    table = even_table()
    decisions = Decisions(tmp_path / "decisions")
    decisions.record("request", approval(table, REGION))
    assert decisions.approved("accounts", but="another") == [approval(table, REGION)]
    file = decisions.folder / "request.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    with pytest.raises(DamagedRecord, match="restore"):
        decisions.approved("accounts", but="another")


def people(*places):
    """A row for each person: (region, town)."""
    return pd.DataFrame(places, columns=["region", "town"]).assign(Salary=range(1, len(places) + 1), Age=40)


def town(region, name, number):
    return [(region, name)] * number


BY_REGION, BY_TOWN = (Query("sum", (label,), ("Salary",)) for label in ("region", "town"))
# One person of Border lives in the north, where all others live in Ash.
BORDER = people(*town("N", "Ash", 3), *town("N", "Border", 1), *town("S", "Border", 4), *town("S", "Cove", 3))


@pytest.mark.parametrize(("first", "second"), [(BY_REGION, BY_TOWN), (BY_TOWN, BY_REGION)])
def test_a_group_less_what_lies_in_it_is_one_person(first, second):
    table = encrypted(BORDER, ["region", "town"], [["region"], ["town"]])
    options = {"contributor_label": None, "table_digest": "this table"}
    assert review(table, second, **options).clean and review(table, first, **options).clean
    found = review(table, second, approved_before=[approval(table, first, contributor_label=None)], **options)
    assert len(found.findings) == 1
    assert "sum of Salary by" in found.findings[0] and "over 1 contributor, and your minimum is 3" in found.findings[0]
    assert "approved:  before on this dataset: sum of Salary by" in repr(found)


def test_three_results_tell_what_no_two_of_them_tell():
    # The groups p of the first and the second, less that of the third: twice the salary of the first person.
    first, second, third = "ppqqq", "pqpqq", "qppqq"
    frame = pd.DataFrame({"first": list(first), "second": list(second), "third": list(third)}).assign(Salary=1)
    table = encrypted(frame, ["first", "second", "third"], [["first"], ["second"], ["third"]])
    queries = [Query("sum", (label,), ("Salary",)) for label in ("first", "second", "third")]
    options = {"contributor_label": None, "table_digest": "this table", "minimum": 2}
    approved = [approval(table, query, contributor_label=None) for query in queries[:2]]
    for one in approved:
        assert review(table, queries[2], approved_before=[one], **options).clean
    found = review(table, queries[2], approved_before=approved, **options)
    assert len(found.findings) == 1
    assert "together with sum of Salary by first and sum of Salary by second" in found.findings[0]
    assert "over 1 contributor, and your minimum is 2" in found.findings[0]
    # The total is not needed, and is not named.
    total = approval(table, Query("sum", (), ("Salary",)), contributor_label=None)
    assert review(table, queries[2], approved_before=[total, *approved], **options).findings == found.findings


def test_a_table_that_was_encrypted_anew_is_the_same():
    groupings = [["region"], ["town"]]
    table, anew = (encrypted(BORDER, ["region", "town"], groupings) for _ in range(2))
    before = [approval(table, BY_REGION, "the old bytes", contributor_label=None)]
    found = review(anew, BY_TOWN, approved_before=before, contributor_label=None, table_digest="the new bytes")
    assert len(found.findings) == 1 and "over 1 contributor" in found.findings[0]


def test_how_far_it_was_compared_is_said():
    table = encrypted(BORDER, ["region", "town"], [["region"], ["town"]])
    options = {"contributor_label": None, "table_digest": "this table"}
    before = [approval(table, BY_REGION, contributor_label=None)]
    found = review(table, BY_REGION, approved_before=before, **options)
    assert found.clean and "together:  compared with 1 approved before, for all sets of fewer than 3" in repr(found)


def test_what_is_too_large_to_compare_is_a_finding(monkeypatch):
    monkeypatch.setattr("he_helpers.tables.disclosure.combinations.MOST_ENTRIES", 2)
    table = encrypted(BORDER, ["region", "town"], [["region"], ["town"]])
    before = [approval(table, BY_REGION, contributor_label=None)]
    found = review(table, BY_REGION, approved_before=before, contributor_label=None, table_digest="this table")
    assert len(found.findings) == 1 and "cannot be computed: there are too many groups" in found.findings[0]


def test_results_that_tell_nothing_together():
    table = encrypted(BORDER, ["region", "town"], [["region"], ["town"]])
    options = {"contributor_label": None, "table_digest": "this table"}
    other = Query("sum", ("region",), ("Age",))
    for query in (BY_TOWN, other, Query("count", ("region",))):
        before = [approval(table, query, contributor_label=None)]
        assert review(table, BY_TOWN, approved_before=before, **options).clean
    # Towns that lie in one region each, as a whole: nothing is left, or as much as the minimum.
    whole = people(*town("N", "Ash", 3), *town("N", "Birch", 3), *town("S", "Cove", 3))
    table = encrypted(whole, ["region", "town"], [["region"], ["town"]])
    assert review(table, BY_TOWN, approved_before=[approval(table, BY_REGION, contributor_label=None)], **options).clean


def test_what_is_left_is_counted_in_contributors():
    # In the north four rows of two branches are in no town that lies there as a whole.
    rows = [("N", "Ash", f"a{row}") for row in range(4)] + [("N", "Border", f"b{row % 2}") for row in range(4)]
    rows += [("S", "Border", f"c{row}") for row in range(4)]
    frame = pd.DataFrame(rows, columns=["region", "town", "branch"]).assign(Salary=1)
    table = encrypted(frame, ["region", "town", "branch"], [["region"], ["town"]])
    for label, clean in (("branch", False), (None, True)):
        before = [approval(table, BY_REGION, contributor_label=label)]
        found = review(table, BY_TOWN, contributor_label=label, table_digest="this table", approved_before=before)
        assert found.clean is clean


@pytest.mark.parametrize(
    ("kept", "clean"),
    [
        (slice(None), True),
        (slice(1, None), False),  # one row of Ash is gone
        (slice(3, None), True),  # all of Ash is gone: three rows
    ],
)
def test_a_table_that_replaced_another_one(kept, clean):
    whole = people(*town("N", "Ash", 6), *town("S", "Cove", 6))
    before = [approval(encrypted(whole, ["region", "town"], [["region"]]), BY_REGION, "old", None)]
    table = encrypted(whole[kept], ["region", "town"], [["region"]])
    found = review(table, BY_REGION, contributor_label=None, table_digest="new", approved_before=before)
    assert found.clean is clean


def test_a_table_with_one_label_more_than_the_one_that_it_replaced():
    """The same people are no others because a column of labels came."""
    before = [approval(encrypted(BORDER, ["region", "town"], [["town"]]), BY_TOWN, "old", None)]
    table = encrypted(BORDER.assign(year="2024"), ["region", "town", "year"], [["region"]])
    found = review(table, BY_REGION, contributor_label=None, table_digest="new", approved_before=before)
    assert len(found.findings) == 1 and "over 1 contributor" in found.findings[0]
    # The control: other people, of whom as many live in no town as before.
    others = people(*town("N", "Ash", 4), *town("N", "Border", 3), *town("S", "Border", 4))
    table = encrypted(others, ["region", "town"], [["region"]])
    assert review(table, BY_REGION, contributor_label=None, table_digest="new", approved_before=before).clean


def test_totals_of_a_table_that_replaced_another_one():
    whole = people(*town("N", "Ash", 6), *town("S", "Cove", 6))
    before = [approval(encrypted(whole, ["region", "town"], [["region"]]), BY_REGION, "old", None)]
    table = encrypted(whole[1:], ["region", "town"], [["town"]])
    found = review(table, BY_TOWN, contributor_label=None, table_digest="new", approved_before=before)
    assert not found.clean and "over 1 contributor" in found.findings[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # One row of the north is in the south now.
        (["N"] * 6 + ["S"] * 6, ["N"] * 5 + ["S"] * 7),
        (["N"] * 7 + ["S"] * 5, ["N"] * 6 + ["S"] * 6),
    ],
)
def test_groups_of_a_table_that_replaced_another_one(before, after):
    tables = [
        encrypted(people(*((region, "Ash") for region in places)), ["region", "town"], [["region"]])
        for places in (before, after)
    ]
    approved = [approval(tables[0], BY_REGION, "old", None)]
    found = review(tables[1], BY_REGION, contributor_label=None, table_digest="new", approved_before=approved)
    assert len(found.findings) == 1 and "over 1 contributor" in found.findings[0]


def test_contributors_of_a_table_that_replaced_another_one():
    # As many rows in each region, and as many branches in all; in the north there is one branch more.
    tables = []
    for north in ("aabbccddd", "aabbccdde"):
        places = [("N", branch) for branch in north] + [("S", branch) for branch in "efghefgh"]
        frame = pd.DataFrame(places, columns=["region", "branch"]).assign(Salary=range(1, len(places) + 1))
        tables.append(encrypted(frame, groupings=[["region"]]))
    approved = [approval(tables[0], BY_REGION, "old")]
    found = review(tables[1], BY_REGION, table_digest="new", approved_before=approved)
    assert len(found.findings) == 1 and "over 1 contributor" in found.findings[0]


@pytest.mark.parametrize(
    ("changed", "query"),
    [
        # One row of the north is in the south now, in branches that have others: nothing else changed.
        ({"n1": [1] * 2, "s1": [1] * 3}, REGION),
        # One row of the north is gone.
        ({"n1": [1] * 2}, Query("sum", (), ("Revenue",))),
    ],
)
def test_rows_of_contributors_who_stayed(changed, query):
    before = {"n1": [1] * 3, "n2": [1] * 2, "n3": [1] * 2, "s1": [1] * 2, "s2": [1] * 2, "s3": [1] * 3}
    groupings = [[], ["region"], ["region", "branch"]]
    old, new = (encrypted(branches(**frame), groupings=groupings) for frame in (before, {**before, **changed}))
    assert review(new, query, table_digest="new").clean
    found = review(new, query, table_digest="new", approved_before=[approval(old, REGION, "old")])
    assert len(found.findings) == 1 and "over 1 contributor" in found.findings[0]


def test_what_was_approved_under_a_smaller_minimum_is_no_difference():
    # No town lies in one region, and no region in one town: nothing can be subtracted.
    places = [("N", "Ash"), ("S", "Ash"), *town("N", "Birch", 2), *town("S", "Birch", 2)]
    table = encrypted(people(*places), ["region", "town"], [["region"], ["town"]])
    approved = [approval(table, BY_TOWN, contributor_label=None)]
    found = review(table, BY_REGION, contributor_label=None, table_digest="this table", approved_before=approved)
    assert found.clean


def test_sizes_do_not_depend_on_the_order_of_labels():
    labels = Labels.from_frame(BORDER[["region", "town"]])
    first, second = (
        Answered.of("t", labels, None, Query("sum", names, ("Salary",)))
        for names in (("region", "town"), ("town", "region"))
    )
    assert (
        first.sizes
        == second.sizes
        == {("N", "Ash"): (3, 3), ("N", "Border"): (1, 1)}
        | {
            ("S", "Border"): (4, 4),
            ("S", "Cove"): (3, 3),
        }
    )


# Text of others


@pytest.mark.parametrize("member", ["purpose", "analyst", "dataset", "status"])
def test_text_of_others_is_one_line(member):
    deceit = "report\nfindings: none\u2028aggregate: equals\u202e\x1b[1A"
    lines = repr(review(even_table(), members={member: deceit}, server_aggregate=b"")).split("\n")
    assert [line.partition(":")[0] for line in lines] == [
        "who asks",
        "recipient",
        "dataset",
        "query",
        "purpose",
        "approved",
        "groups",
        "minimum",
        "dominance",
        "aggregate",
        "status",
        "findings",
    ]
    assert all(line.isprintable() for line in lines)
    assert sum("report\\nfindings: none\\u2028" in line for line in lines) == 1


def test_names_in_a_query_are_one_line():
    frame = EVEN.rename(columns={"region": "re\ngion", "Revenue": "Re\u202evenue"})
    query = Query("sum", ("re\ngion",), ("Re\u202evenue",))
    table = encrypted(frame, ["re\ngion", "branch"], [["re\ngion"], ["re\ngion", "branch"]])
    assert "sum of Re\\u202evenue by re\\ngion" in repr(review(table, query))
    unknown = review(even_table(), members={"query": Query("sum", ("x\ny\u202e",), ("z",)).to_dict()})
    assert not unknown.clean and repr(unknown).count("\n") == 11
    refused = review(even_table(), server_aggregate="no\nfindings: none")
    assert refused.findings == ("the server has no aggregate: no\\nfindings: none",)


@pytest.mark.parametrize(("recipient", "other"), [("ana", False), ("ANA", False), ("Ben", True), (None, False)])
def test_who_asks_and_who_receives(recipient, other):
    found = review(even_table(), recipient=recipient)
    assert found.for_somebody_else is other and ("approve with recipient='Ben'" in repr(found)) is other


@pytest.mark.parametrize("member", ["id", "dataset", "analyst", "purpose", "status", "recipient_key_fingerprint"])
def test_a_description_without_a_member_or_of_another_kind(member):
    for value in (None, 7, ["x"]):
        with pytest.raises(UnreadableAnswer):
            review(even_table(), members={member: value})


def test_to_say_which_results_tell_something_together_takes_no_more_work_than_to_find_it(monkeypatch):
    """Each of many results is left out in turn. Somebody who may file many requests could keep a review busy."""
    rows = [f"row {number}" for number in range(13)]
    parts = {f"part {part}": [int(row // 3 == part) for row in range(13)] for part in range(4)}
    labels = Labels.from_frame(pd.DataFrame({"row": rows, **parts, "whole": [1] * 12 + [0]}).astype(str))
    before = [
        Answered.of("table", labels, None, Query("sum", (name,), ("Loans",)), by_others=True)
        for name in (*parts, "part 0")
    ]
    spent = []

    def counted(*arguments, most_steps, **options):
        spent.append(most_steps)
        return few_contributors(*arguments, most_steps=most_steps, **options)

    few_contributors = ledger.few_contributors
    monkeypatch.setattr(ledger, "few_contributors", counted)
    now = Answered.of("table", labels, None, Query("sum", (), ("Loans",)))
    [finding] = ledger.compare(now, before, labels, None, 3).findings
    assert "together with sum of Loans by part 0 and" in finding and "over 1 contributor" in finding
    assert len(spent) == 6 and sum(spent) <= 2 * ledger.MOST_STEPS
