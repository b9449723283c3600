"""Plausible mistakes in lab 6."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "cut off in the place of rounded",
        {
            "report": """
                def report(values, decimals):
                    units = [int(value * 10**decimals) for value in values if not math.isnan(value)]
                    return [len(units), sum(units), sum(unit**2 for unit in units)]
            """
        },
        ("report_check", "report_more"),
    ),
    Mistake(
        "gaps as zeros, counted as values",
        {
            "report": """
                def report(values, decimals):
                    units = [0 if math.isnan(value) else round(value * 10**decimals) for value in values]
                    return [len(units), sum(units), sum(unit**2 for unit in units)]
            """
        },
        ("report_check", "report_more"),
    ),
    Mistake(
        "zeros taken for gaps",
        {
            "report": """
                def report(values, decimals):
                    units = [round(value * 10**decimals) for value in values if not math.isnan(value) and value]
                    return [len(units), sum(units), sum(unit**2 for unit in units)]
            """
        },
        ("report_more",),
    ),
    Mistake(
        "reports are added whatever their size",
        {
            "add_reports": """
                def add_reports(context, reports):
                    vectors = [ts.bfv_vector_from(context, data) for data in reports]
                    if not vectors:
                        raise ValueError("none")
                    return sum(vectors[1:], vectors[0]).serialize()
            """
        },
        ("add_reports_more",),
    ),
    Mistake(
        "the server decrypts with the key of the administrator",
        {
            "add_reports": """
                def add_reports(context, reports):
                    opened = [ts.bfv_vector_from(secret, data).decrypt() for data in reports]
                    if not opened or any(len(numbers) != 3 for numbers in opened):
                        raise ValueError("not three numbers")
                    return encrypted([sum(column) for column in zip(*opened)])
            """
        },
        ("add_reports_more",),
    ),
    Mistake(
        "n in the place of n - 1, and a variance in squared hundredths",
        {
            "moments": """
                def mean_and_variance(n, total, squares, decimals):
                    if n < 2:
                        raise ValueError("too few")
                    return total / n / 10**decimals, (n * squares - total**2) / (n * n) / 10**decimals
            """
        },
        ("moments_check", "moments_more"),
    ),
    Mistake(
        "the mean of the squares less the square of the mean",
        {
            "moments": """
                def mean_and_variance(n, total, squares, decimals):
                    if n < 2:
                        raise ValueError("too few")
                    mean = total / n
                    variance = (squares / n - mean**2) * n / (n - 1)
                    return mean / 10**decimals, variance / 10 ** (2 * decimals)
            """
        },
        ("moments_more",),
    ),
    Mistake(
        "sums over all who have one of the two values",
        {
            "pairs": """
                def pair_report(first, second):
                    xs = [x for x in first if not math.isnan(x)]
                    ys = [y for y in second if not math.isnan(y)]
                    products = [x * y for x, y in zip(first, second) if not math.isnan(x * y)]
                    return [len(products), sum(xs), sum(ys), sum(products)]

                def covariance(n, sum_x, sum_y, sum_xy):
                    if n < 2:
                        raise ValueError("too few")
                    return (n * sum_xy - sum_x * sum_y) / (n * (n - 1))
            """
        },
        ("pairs_check", "pairs_more"),
    ),
    Mistake(
        "one pair is divided by zero",
        {
            "pairs": """
                def pair_report(first, second):
                    both = [(x, y) for x, y in zip(first, second) if not math.isnan(x + y)]
                    return [len(both), sum(x for x, y in both), sum(y for x, y in both), sum(x * y for x, y in both)]

                def covariance(n, sum_x, sum_y, sum_xy):
                    return (n * sum_xy - sum_x * sum_y) / (n * (n - 1))
            """
        },
        ("pairs_more",),
    ),
    Mistake(
        "rows are counted, and the two largest rows are looked at",
        {
            "reasons": """
                def reasons(amounts, minimum, most):
                    rows = [abs(v) for values in amounts.values() for v in values if not math.isnan(v)]
                    found = set()
                    if len(rows) < minimum:
                        found.add("few")
                    if sum(sorted(rows)[-2:]) > most * sum(rows):
                        found.add("dominance")
                    return found
            """
        },
        ("reasons_check", "reasons_more"),
    ),
    Mistake(
        "a gap makes the sum nan, which is above no limit",
        {
            "reasons": """
                def reasons(amounts, minimum, most):
                    held = [abs(sum(values)) for values in amounts.values()]
                    present = sum(any(not math.isnan(v) for v in values) for values in amounts.values())
                    found = set()
                    if present < minimum:
                        found.add("few")
                    if 0 < len(amounts) - present < minimum:
                        found.add("gap")
                    if sum(sorted(held)[-2:]) > most * sum(held):
                        found.add("dominance")
                    return found
            """
        },
        ("reasons_more",),
    ),
    Mistake(
        "the largest of the others is refused, not the smallest",
        {
            "protect": """
                def protect(decisions, branches):
                    refused = [region for region in decisions if decisions[region]]
                    mended = dict(decisions)
                    if len(refused) == 1 and len(mended) > 1:
                        others = [region for region in decisions if region not in refused]
                        mended[max(others, key=branches.get)] = {"complement"}
                    return mended
            """
        },
        ("protect_check", "protect_more"),
    ),
    Mistake(
        "the decisions that were given are changed",
        {
            "protect": """
                def protect(decisions, branches):
                    released = [region for region in decisions if not decisions[region]]
                    if len(released) == len(decisions) - 1 and released:
                        decisions[min(released, key=branches.get)].add("complement")
                    return decisions
            """
        },
        ("protect_check",),
    ),
    Mistake(
        "a second region is refused where two are already",
        {
            "protect": """
                def protect(decisions, branches):
                    mended = dict(decisions)
                    released = [region for region in mended if not mended[region]]
                    if released and len(released) < len(mended):
                        mended[min(released, key=branches.get)] = {"complement"}
                    return mended
            """
        },
        ("protect_more",),
    ),
    Mistake(
        "everything is decrypted and thrown away afterwards",
        {
            "released": """
                def released_means(context, sums, decisions, decimals):
                    opened = {r: ts.bfv_vector_from(context, data).decrypt() for r, data in sums.items()}
                    return {r: o[1] / o[0] / 10**decimals for r, o in opened.items() if not decisions[r]}
            """
        },
        ("released_check", "released_more"),
    ),
    Mistake(
        "the name of the administrator's context in the place of the argument",
        {
            "released": """
                def released_means(context, sums, decisions, decimals):
                    means = {}
                    for region, data in sums.items():
                        if not decisions[region]:
                            n, total, squares = ts.bfv_vector_from(secret, data).decrypt()
                            means[region] = total / n / 10**decimals
                    return means
            """
        },
        ("released_more",),
    ),
)
