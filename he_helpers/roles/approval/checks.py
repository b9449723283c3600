"""What a review looks at in one request by itself: each check gives findings, and what it looked at in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from he_helpers.roles.approval.noise import LARGEST_SENSITIVITY, NoiseBudget, questions
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.tables import EncryptedAggregate, EncryptedTable, Query, UnsupportedQuery, aggregate
from he_helpers.tables.disclosure.contributors import DOMINANT_CONTRIBUTORS, share_of_largest
from he_helpers.tables.statistics import ROWS, small_counts_among
from he_helpers.text import printable_line

if TYPE_CHECKING:
    import pandas as pd

Decrypt = Callable[[EncryptedAggregate], "pd.DataFrame"]
# How a table of moments names its counts of present values, and its bins (tables/statistics).
_COUNT_OF_PRESENT = re.compile(r"n\(.+\)|.+ in \[.+")


def largest(policy: DisclosurePolicy) -> int:
    """How many contributors the rule of dominance looks at."""
    return policy.dominance[0] if policy.dominance else DOMINANT_CONTRIBUTORS


def further_numbers(computed: EncryptedAggregate) -> list[str]:
    """A finding when the ciphertexts of an aggregate hold more than the answer."""
    if not computed.further_numbers:
        return []
    return [
        f"who combines reads {computed.further_numbers} further numbers, which lie in the same ciphertexts: other "
        "columns, or parts of sums. Ask for all columns, or have a table of the wanted ones encrypted, without "
        "partial sums"
    ]


def few_contributors(groups: pd.DataFrame, policy: DisclosurePolicy) -> list[str]:
    """A finding when a group has too few contributors, or the largest have nearly all of its rows."""
    fewest = groups["contributors"].min()
    if fewest < policy.minimum:
        rows = groups.loc[groups["contributors"] == fewest, "rows"].min()
        return [f"a group has {fewest} contributors in {rows} rows, and your minimum is {policy.minimum}"]
    share = groups["share_of_rows"].max()
    if policy.dominance and policy.minimum > policy.dominance[0] and share > policy.dominance[1]:
        return [f"{policy.dominance[0]} contributors have {share:.0%} of the rows of a group"]
    return []


def dominance(
    table: EncryptedTable, query: Query, policy: DisclosurePolicy, decrypt: Decrypt | None
) -> tuple[str, list[str]]:
    """What the largest contributors hold of the sums, in words, and a finding when that is too much."""
    if policy.dominance is None:
        return "not asked: your policy has no rule for it", []
    number, allowed = policy.dominance
    if not query.columns:
        return "not asked: a count adds up no amounts", []
    if policy.minimum <= number:
        return f"not asked: your minimum lets groups of {policy.minimum} through", []
    if policy.contributor_label is None:
        return "not computed: no label tells contributors apart (contributor_label, when you upload)", []
    if decrypt is None:
        return "not computed: no secret key at hand", []
    by = [*query.group_by, *({policy.contributor_label} - set(query.group_by))]
    try:
        amounts = decrypt(aggregate(table, Query("sum", tuple(by), query.columns))).reset_index()
    except UnsupportedQuery:
        return f"not computed: to know it, announce groupings=[..., {by!r}] when you encrypt", []
    import pandas as pd

    groups = pd.Series(0, index=amounts.index)
    if query.group_by:
        groups = amounts.groupby(list(query.group_by), observed=True).ngroup()
    shares = {
        name: share_of_largest(amounts[name].to_numpy(), groups.to_numpy(), groups.max() + 1, number).max()
        for name in query.columns
    }
    who, verb = _contributors(number)
    dominated = [
        f"{number} {who} {verb} {share:.0%} of a sum of {printable_line(name)}, and at most {allowed:.0%} are allowed"
        for name, share in shares.items()
        if share > allowed
    ]
    return f"the {number} largest {who} {verb} at most {max(shares.values()):.0%} of a sum", dominated


def _contributors(number: int) -> tuple[str, str]:
    return ("contributor", "holds") if number == 1 else ("contributors", "hold")


def present_values(
    table: EncryptedTable, query: Query, rows: pd.Series, policy: DisclosurePolicy, decrypt: Decrypt | None
) -> tuple[dict[str, str], list[str]]:
    """Small numbers of people among the sums of a table of moments: gaps, answers and bins count people, too.

    Looked at is the group of rows, whatever label tells contributors apart. See small_counts for what is not seen.
    """
    counted = [name for name in query.columns if _COUNT_OF_PRESENT.fullmatch(name)]
    if policy.plan is None:
        return (
            {"present": "counts of present values are not looked at: your policy has no plan"} if counted else {}
        ), []
    if decrypt is None:
        return {"present": "not looked at: no secret key at hand"}, []
    if not query.columns:
        return {}, []
    sums = decrypt(aggregate(table, Query("sum", query.group_by, query.columns)))
    found = small_counts_among(sums.assign(**{ROWS: rows}), policy.plan, policy.minimum)
    if not len(found):
        return {"present": f"no count, gap or bin of fewer than {policy.minimum} people"}, []
    about = ", ".join(dict.fromkeys(found.index.get_level_values("people")))
    return {"present": "too few people"}, [f"fewer than {policy.minimum} people are: {printable_line(about)}"]


def rounding(query: Query, policy: DisclosurePolicy) -> dict[str, str]:
    if policy.rounding is None or not query.columns:
        return {}
    return {"rounding": f"sums to multiples of {policy.rounding}; they need not add up"}


def noise(
    table: EncryptedTable, digest: str, query: Query, policy: DisclosurePolicy, budget: NoiseBudget | None
) -> tuple[dict[str, str], list[str]]:
    """What the noise of this request is and costs, and a finding where it has no bounds or is not paid for."""
    if policy.noise is None or not query.columns:
        return {}, []
    if budget is None:
        return {"noise": "not looked at: no budget at hand"}, ["there is no record of the budget for noise"]
    missing = [name for name in query.columns if name not in policy.noise.bounds]
    if missing:
        names = printable_line(", ".join(missing))
        return {"noise": "not computed"}, [f"noise needs bounds of {names}, which your policy does not have"]
    decimals = {column.name: column.decimals for column in table.columns}
    asked = questions(query, digest, table.labels, policy.contributor_label, decimals, policy.noise)
    wide = [one.column for one in asked if one.sensitivity >= LARGEST_SENSITIVITY]
    if wide:
        names = printable_line(", ".join(wide))
        return {"noise": "not computed"}, [f"the bounds of {names} are too wide for noise on whole numbers of 64 bits"]
    price, left = budget.price(asked), policy.noise.budget - budget.spent
    sizes = ", ".join(
        f"{printable_line(one.column)} ± {one.sensitivity / one.epsilon / 10**one.decimals:,.6g}" for one in asked
    )
    words = f"on average {sizes}; costs {price:g}, and {left:g} of {policy.noise.budget:g} are left"
    if price > left:
        return {"noise": words}, [f"the noise costs {price:g}, and {max(left, 0):g} of your budget are left"]
    return {"noise": words}, []
