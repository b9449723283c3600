"""Plausible mistakes in lab 8."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "the owner is a label",
        {
            "publish": """
                def publish(administrator, name, reports, key):
                    table = administrator.encrypt_table(
                        reports, ["District", "Farm", "Owner", "Season"], key=key, decimals=1,
                        layout=Aligned(groupings=[["District"], ["Season"], ["District", "Farm"]]),
                    )
                    administrator.upload(name, table, minimum_group_size=5, contributor_label="Farm")
            """
        },
        ("publish_check", "publish_more"),
    ),
    Mistake(
        "single farms cannot be reviewed",
        {
            "publish": """
                def publish(administrator, name, reports, key):
                    table = administrator.encrypt_table(
                        reports.drop(columns="Owner"), ["District", "Farm", "Season"], key=key, decimals=1,
                        layout=Aligned(groupings=[["District"], ["Season"]]),
                    )
                    if name in administrator.datasets().index:
                        administrator.delete(name)
                    administrator.upload(name, table, minimum_group_size=5, contributor_label="Farm")
            """
        },
        ("publish_more",),
    ),
    Mistake(
        "each report counts as a contributor",
        {
            "publish": """
                def publish(administrator, name, reports, key):
                    table = administrator.encrypt_table(
                        reports.drop(columns="Owner"), ["District", "Farm", "Season"], key=key, decimals=1,
                        layout=Aligned(groupings=[["District"], ["Season"], ["District", "Farm"]]),
                    )
                    administrator.upload(name, table, minimum_group_size=5)
            """
        },
        ("publish_check", "publish_more"),
    ),
    Mistake(
        "every refusal is taken for a small group",
        {
            "ask": """
                %%role analyst  # Task 2: ask_sum(analyst, dataset, group_by, column, purpose)
                def ask_sum(analyst, dataset, group_by, column, purpose):
                    try:
                        request = analyst.ask(dataset, "sum", group_by, [column], purpose=purpose)
                    except ServerRefused:
                        return None
                    analyst.aggregate(request)
                    return request
            """
        },
        ("ask_more",),
    ),
    Mistake(
        "filed, and not added up; a refusal is not expected",
        {
            "ask": """
                %%role analyst  # Task 2: ask_sum(analyst, dataset, group_by, column, purpose)
                def ask_sum(analyst, dataset, group_by, column, purpose):
                    return analyst.ask(dataset, "sum", group_by, [column], purpose=purpose)
            """
        },
        ("ask_check", "ask_more"),
    ),
    Mistake(
        "rows are counted",
        {
            "fewest": """
                %%role server  # Task 3: fewest_contributors(labels, group_by, contributor)
                def fewest_contributors(labels, group_by, contributor):
                    return labels.groupby(group_by).size().min() if group_by else len(labels)
            """
        },
        ("fewest_more",),
    ),
    Mistake(
        "the contributors of the whole table",
        {
            "fewest": """
                %%role server  # Task 3: fewest_contributors(labels, group_by, contributor)
                def fewest_contributors(labels, group_by, contributor):
                    return labels[contributor].nunique()
            """
        },
        ("fewest_check", "fewest_more"),
    ),
    Mistake(
        "the server's bytes are taken as they are",
        {
            "recomputed": """
                from he_helpers.tables import EncryptedAggregate

                def recomputed(own_copy, group_by, column, claimed):
                    return EncryptedAggregate.from_bytes(claimed)
            """
        },
        ("recomputed_check", "recomputed_more"),
    ),
    Mistake(
        "whether, and not what",
        {
            "recomputed": """
                def recomputed(own_copy, group_by, column, claimed):
                    return own_copy.group_by(*group_by)[[column]].sum().to_bytes() == claimed
            """
        },
        ("recomputed_check", "recomputed_more"),
    ),
    Mistake(
        "always by district",
        {
            "recomputed": """
                def recomputed(own_copy, group_by, column, claimed):
                    own = own_copy.group_by("District")[[column]].sum()
                    return own if own.to_bytes() == claimed else None
            """
        },
        ("recomputed_more",),
    ),
    Mistake(
        "the two largest of all districts",
        {
            "dominated": """
                def dominated(amounts):
                    largest = amounts.nlargest(2)
                    if largest.sum() <= 0.85 * amounts.sum():
                        return []
                    return sorted(set(largest.index.get_level_values("District")))
            """
        },
        ("dominated_check", "dominated_more"),
    ),
    Mistake(
        "85 % exactly is too much",
        {
            "dominated": """
                def dominated(amounts):
                    two = amounts.groupby(level="District").nlargest(2).groupby(level=0).sum()
                    share = two / amounts.groupby(level="District").sum()
                    return list(share.index[share >= 0.85])
            """
        },
        ("dominated_more",),
    ),
    Mistake(
        "numbers of farms are compared",
        {
            "changed": """
                def few_changed(before, after, minimum):
                    old = before.groupby("District")["Farm"].nunique()
                    new = after.groupby("District")["Farm"].nunique()
                    change = (old - new).abs()
                    return list(change.index[(change > 0) & (change < minimum)])
            """
        },
        ("changed_more",),
    ),
    Mistake(
        "only farms that closed",
        {
            "changed": """
                def few_changed(before, after, minimum):
                    found = []
                    for district in sorted(set(before["District"]) & set(after["District"])):
                        old = set(before.loc[before["District"] == district, "Farm"])
                        new = set(after.loc[after["District"] == district, "Farm"])
                        if 0 < len(old - new) < minimum:
                            found.append(district)
                    return found
            """
        },
        ("changed_check",),
    ),
    Mistake(
        "the own findings alone",
        {
            "decide": """
                def decide(administrator, request, findings):
                    administrator.review(request)
                    if findings:
                        administrator.refuse(request, reason="; ".join(findings))
                        return "refused"
                    administrator.approve(request)
                    administrator.release(request)
                    return "released"
            """
        },
        ("decide_more",),
    ),
    Mistake(
        "approved, and not released",
        {
            "decide": """
                def decide(administrator, request, findings):
                    against = findings + list(administrator.review(request).findings)
                    if against:
                        administrator.refuse(request, reason="; ".join(against))
                        return "refused"
                    administrator.approve(request)
                    return "released"
            """
        },
        ("decide_check",),
    ),
    Mistake(
        "without a review",
        {
            "decide": """
                def decide(administrator, request, findings):
                    if findings:
                        administrator.refuse(request, reason="; ".join(findings))
                        return "refused"
                    administrator.approve(request)
                    administrator.release(request)
                    return "released"
            """
        },
        ("decide_check", "decide_more"),
    ),
    Mistake(
        "what is not released counts as refused",
        {
            "outcome": """
                %%role analyst  # Task 6: outcome(analyst, request)
                def outcome(analyst, request):
                    row = analyst.requests().loc[request]
                    return analyst.result(request) if row["status"] == "released" else row["reason"]
            """
        },
        ("outcome_more",),
    ),
)
